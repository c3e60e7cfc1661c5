"""What is known of one measure and one task over the layers."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["PairAgreement"]


@dataclass(frozen=True)
class PairAgreement:
    """Agreement of one measure with one task over layers.

    Attributes:
        group: Whose layers they are, as (column, value): model and revision, say.
        measure: The measure.
        variant: Its variant, empty where the table has none.
        corpus: What it was measured on, empty where the table does not say.
        condition: Under which condition, likewise.
        task: The task.
        reading: How its vectors were read, likewise.
        matched: Whether the measure is of the vectors that were scored; None where the tables do not say.
        layers: Layers with both values.
        spearman: Spearman's rank correlation, in [-1, 1]; NaN where it is not defined, like all that follow.
        spearman_low: Lower end of its interval, NaN where it is refused.
        spearman_high: Upper end.
        kendall: Kendall's tau-b, in [-1, 1].
        kendall_low: Lower end.
        kendall_high: Upper end.
        distance_correlation: Distance correlation (V-statistic), in [0, 1]: no sign, and above zero in any small sample.
        distance_correlation_low: Lower end.
        distance_correlation_high: Upper end.
        note: Why something is missing, or what differs; None where there is nothing to say.
    """

    group: tuple[tuple[str, str], ...]
    measure: str
    variant: str
    corpus: str
    condition: str
    task: str
    reading: str
    matched: bool | None
    layers: int
    spearman: float = math.nan
    spearman_low: float = math.nan
    spearman_high: float = math.nan
    kendall: float = math.nan
    kendall_low: float = math.nan
    kendall_high: float = math.nan
    distance_correlation: float = math.nan
    distance_correlation_low: float = math.nan
    distance_correlation_high: float = math.nan
    note: str | None = None

    @property
    def quantity(self) -> str:
        """The measure with what tells it apart: ``curvature (tokens=all)``."""
        told = ", ".join(part for part in (self.variant, self.corpus, self.condition) if part)
        return f"{self.measure} ({told})" if told else self.measure

    @property
    def whose(self) -> str:
        """The group in words, empty where there is none."""
        return " ".join(value for _, value in self.group if value)
