"""One measure along the depth, as the measures table states it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

RESIDUAL = "residual"
FINAL_NORM = "final_norm"
_NUMBERS = ("value", "low", "high", "stderr", "n")


@dataclass(frozen=True)
class Point:
    """One number with its interval; what the run does not have is NaN."""

    layer: int
    value: float
    low: float
    high: float
    stderr: float
    n: float

    @property
    def half_width(self) -> float | None:
        """Half the width of the 95 % interval, or None when the run gives no interval."""
        half = (self.high - self.low) / 2
        return float(half) if np.isfinite(half) else None

    def overlaps(self, other: Point) -> bool:
        """Whether the two intervals share a value; a point without an interval is its value."""
        low, high = self._interval()
        other_low, other_high = other._interval()
        return low <= other_high and other_low <= high

    def _interval(self) -> tuple[float, float]:
        known = np.isfinite(self.low) and np.isfinite(self.high)
        return (self.low, self.high) if known else (self.value, self.value)


@dataclass(frozen=True)
class Series:
    """A measure in one variant: a point for each layer of the residual stream, and the final-normed state if there."""

    measure: str
    variant: str
    points: tuple[Point, ...]
    final: Point | None

    def at(self, layer: int) -> Point | None:
        """The point of a layer, or None where it was not measured."""
        return next((point for point in self.points if point.layer == layer), None)

    @property
    def known(self) -> tuple[Point, ...]:
        """The points whose value is finite."""
        return tuple(point for point in self.points if np.isfinite(point.value))


def series_of(table: pa.Table) -> dict[str, list[Series]]:
    """All series of one model, corpus and condition, by measure; measures and variants in the order they are listed.

    Args:
        table: rows of the ``measures`` table that belong together.

    Returns:
        For each measure its series, the variant shown first in front.

    Raises:
        ValueError: when two rows give the same number twice, which would hide one of them.
    """
    columns = {name: table.column(name).to_pylist() for name in ("measure", "variant", "stream", "layer")}
    numbers = {name: _numbers(table, name) for name in _NUMBERS}
    residual: dict[tuple[str, str], dict[int, Point]] = {}
    final: dict[tuple[str, str], Point] = {}
    rows = zip(columns["measure"], columns["variant"], columns["stream"], columns["layer"], strict=True)
    for row, (measure, variant, stream, layer) in enumerate(rows):
        point = Point(int(layer), *(float(numbers[name][row]) for name in _NUMBERS))
        points = residual.setdefault((measure, variant), {})
        if stream == FINAL_NORM:
            final[measure, variant] = point
        elif layer in points:
            raise ValueError(
                f"measures: expected one row for each layer, measure and variant; got two for layer {layer} of"
                f" {measure!r}, {variant!r}. Write the run again with --overwrite."
            )
        else:
            points[int(layer)] = point
    found: dict[str, list[Series]] = {}
    for (measure, variant), points in residual.items():
        ordered = tuple(points[layer] for layer in sorted(points))
        found.setdefault(measure, []).append(Series(measure, variant, ordered, final.get((measure, variant))))
    return found


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
