"""How much of a text's squared norm sits in its first token, by layer, and what to say when it is most of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SinkShare", "sink_sentence"]

_MOST = 0.5
_Z975 = 1.959964


@dataclass(frozen=True)
class SinkShare:
    """The mean share of the first token over texts.

    Attributes:
        n: Texts of at least two tokens.
        mean: Within ``[0, 1]``; NaN of no text.
        squares: Sum of squared deviations from the mean.
    """

    n: int
    mean: float
    squares: float

    @classmethod
    def of(cls, shares: NDArray[np.float32]) -> SinkShare:
        """From the shares of single texts; NaN ones, of texts of one token, are left out."""
        values = shares[np.isfinite(shares)].astype(np.float64)
        if not len(values):
            return cls(0, math.nan, 0.0)
        return cls(len(values), float(values.mean()), float(np.square(values - values.mean()).sum()))

    def merge(self, other: SinkShare) -> SinkShare:
        """Of both sets of texts; a text in both counts twice."""
        if not self.n or not other.n:
            return other if not self.n else self
        count, shift = self.n + other.n, other.mean - self.mean
        mean = self.mean + shift * other.n / count
        return SinkShare(count, mean, self.squares + other.squares + shift**2 * self.n * other.n / count)

    @property
    def stderr(self) -> float:
        """Standard error of the mean; NaN of fewer than two texts."""
        return math.sqrt(self.squares / (self.n - 1) / self.n) if self.n > 1 else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean by the normal approximation, within ``[0, 1]``."""
        half = _Z975 * self.stderr
        return max(0.0, self.mean - half), min(1.0, self.mean + half)


def sink_sentence(shares: Mapping[tuple[int, str], SinkShare]) -> str | None:
    """One sentence for whoever pools raw tokens by their plain mean; None where no layer gives reason for it.

    Args:
        shares: The share at each ``(layer, stream)``; only the residual stream is looked at.

    Returns:
        Which layers hold more than half of a text's squared norm in its first token, and what to do.
    """
    by_layer = {layer: share.mean for (layer, stream), share in shares.items() if stream == "residual"}
    heavy = sorted(layer for layer, share in by_layer.items() if share > _MOST)
    if not heavy:
        return None
    worst = max(heavy, key=lambda layer: by_layer[layer])
    return (
        f"In {_runs(heavy, sorted(by_layer))} of {max(by_layer)} the first token holds more than half of a text's squared norm "
        f"(up to {by_layer[worst]:.1%}, layer {worst}): the raw mean there is mostly that one token and says little of the text. "
        "Read without it: --pooling mean_no_first, or --normalize final_norm."
    )


def _runs(layers: list[int], known: list[int]) -> str:
    """Layers as people write them: ``layers 9 to 29``; neighbours are neighbours among the layers that were read."""
    parts: list[list[int]] = []
    for layer in layers:
        if parts and known.index(layer) == known.index(parts[-1][-1]) + 1:
            parts[-1].append(layer)
        else:
            parts.append([layer])
    words = [f"{part[0]} to {part[-1]}" if len(part) > 1 else str(part[0]) for part in parts]
    shown = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return f"layer{'s' if len(layers) > 1 else ''} {shown}"
