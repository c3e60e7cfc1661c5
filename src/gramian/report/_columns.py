"""A series as the page holds it: one list for each number, in the order of the run's layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gramian.report._numbers import compact
from gramian.report._series import Series

NUMBERS = ("value", "low", "high", "stderr")


def columns_of(
    series: Series, layers: Sequence[int], *, numbers: Sequence[str] = NUMBERS, digits: int = 5
) -> dict[str, Any]:
    """The numbers of a series by layer, None where there is none, and of the final-normed state under ``final``."""
    points = {point.layer: point for point in series.points}
    columns: dict[str, Any] = {"variant": series.variant}
    for name in numbers:
        column = [getattr(points[layer], name) if layer in points else np.nan for layer in layers]
        columns[name] = compact(np.asarray(column), digits=digits)
    counts = [int(points[layer].n) if layer in points and np.isfinite(points[layer].n) else None for layer in layers]
    columns["n"] = counts[0] if len(set(counts)) == 1 else counts
    final = series.final
    columns["final"] = None
    if final is not None:
        columns["final"] = {name: compact(np.array([getattr(final, name)]), digits=digits)[0] for name in numbers}
        columns["final"]["n"] = int(final.n) if np.isfinite(final.n) else None
    return columns
