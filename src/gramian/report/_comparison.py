"""What a comparison of samples found, as a page or a terminal shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from gramian.inference import TestResult

__all__ = ["ComparedPair", "ComparedSample", "Comparison", "Difference"]


@dataclass(frozen=True, eq=False)
class ComparedSample:
    """One sample, with names for everything in it.

    Attributes:
        name: What to call it.
        source: Where it was read, for the account.
        points: ``(n, d)``, floating, finite.
        columns: Names of the ``d`` coordinates.
        rows: Names of the ``n`` points.
        kind: ``table``, ``array`` or ``images``.
        hash: SHA-256 of what was read.
        picture: Of images, a small PNG of point ``i``.
        side: Of images, rows and columns of pixels; coordinates run over rows, columns, channels.
        notes: What was done to it that a reader must know.
    """

    name: str
    source: str
    points: np.ndarray
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    kind: str
    hash: str
    picture: Callable[[int], bytes] | None = None
    side: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparedPair:
    """Two of more than two samples, tested by themselves.

    Attributes:
        first: Place of the one.
        second: Place of the other.
        effect: As of a test, at the scale that stands out for all samples: effects at other bandwidths do not compare.
        pvalue: Of this pair alone.
        corrected: By Holm's method over all pairs: at most a level means a difference at that level.
    """

    first: int
    second: int
    effect: float
    pvalue: float
    corrected: float


@dataclass(frozen=True, eq=False)
class Difference:
    """What carries the difference between two samples: a witness of order 2, whatever the order of the test.

    Attributes:
        first: Place of the one.
        second: Place of the other.
        scores: Of the points of the one and of the other, in no unit: positive where the first is the denser.
        shares: ``(d,)``, of each coordinate, non-negative, adding to one.
    """

    first: int
    second: int
    scores: tuple[np.ndarray, np.ndarray]
    shares: np.ndarray


@dataclass(frozen=True, eq=False)
class Comparison:
    """A permutation test of samples, with what a reader needs to judge it.

    Attributes:
        samples: Two or more.
        result: The test.
        level: At most this p-value is called a difference.
        difference: Where the two that differ most do so; None where it was not computed.
        pairs: Every pair by itself, of more than two samples.
        notes: What a reader must know.
        account: How it was made: headings, and what stands under each.
    """

    samples: tuple[ComparedSample, ...]
    result: TestResult
    level: float
    difference: Difference | None
    pairs: tuple[ComparedPair, ...]
    notes: tuple[str, ...]
    account: Mapping[str, Mapping[str, Any]]

    @property
    def found(self) -> bool:
        """Whether the p-value is at most the level."""
        return self.result.pvalue <= self.level
