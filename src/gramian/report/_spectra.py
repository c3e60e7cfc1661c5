"""Eigenvalues per layer, thinned so that a log-log plot loses nothing one could see, and the power law through them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gramian.report._numbers import compact
from gramian.report._series import FINAL_NORM

_ALL_OF_THE_FIRST = 48
_MOST_POINTS = 160


def thinned_indices(count: int) -> np.ndarray:
    """Positions kept of ``count`` eigenvalues: all of the first 48, then evenly on a log scale, always the last.

    >>> thinned_indices(3)
    array([0, 1, 2])
    """
    if count <= _MOST_POINTS:
        return np.arange(count)
    tail = np.geomspace(_ALL_OF_THE_FIRST, count, _MOST_POINTS - _ALL_OF_THE_FIRST)
    return np.unique(np.concatenate([np.arange(_ALL_OF_THE_FIRST), np.round(tail).astype(np.int64) - 1]))


def spectra_of(table: pa.Table) -> list[dict[str, Any]]:
    """The spectra table as the page holds it, one entry for each kind and variant.

    Returns:
        Dicts with ``spectrum``, ``variant``, ``layers`` (layer -> ``count`` before thinning, thinned ``index`` from 1
        and ``value``, and ``law``, see :func:`power_law`) and ``final`` (the same for the final-normed state, or None).
    """
    entries = []
    kinds = table.select(["spectrum", "variant"]).group_by(["spectrum", "variant"], use_threads=False).aggregate([])
    for kind in kinds.to_pylist():
        same = pc.and_(pc.equal(table["spectrum"], kind["spectrum"]), pc.equal(table["variant"], kind["variant"]))
        rows = table.filter(same)
        layer = rows["layer"].to_numpy(zero_copy_only=False)
        final = np.asarray(rows["stream"].to_pylist()) == FINAL_NORM
        index = rows["index"].to_numpy(zero_copy_only=False)
        eigenvalue = rows["eigenvalue"].to_numpy(zero_copy_only=False)
        layers = {}
        for number in np.unique(layer[~final]):
            chosen = ~final & (layer == number)
            layers[str(int(number))] = _thin(index[chosen], eigenvalue[chosen])
        entries.append(
            {
                **kind,
                "layers": layers,
                "final": _thin(index[final], eigenvalue[final]) if final.any() else None,
            }
        )
    return entries


def power_law(descending: np.ndarray) -> dict[str, float] | None:
    """The line that :func:`gramian.quality.alpha_req` fits by default: log eigenvalue on log rank, in its range.

    The measure keeps the slope only; the line on the plot needs its height and its ends too.

    Returns:
        ``first`` and ``last`` rank of the fit, ``exponent`` and ``height`` (the law at rank 1); None for fewer than two
        ranks.

    >>> law = power_law(np.array([0.5, 0.5 / 4, 0.5 / 9, 0.5 / 16]))
    >>> law["first"], law["last"], round(law["exponent"], 12), round(law["height"], 12)
    (1, 2, 2.0, 0.5)
    """
    values = np.asarray(descending, np.float64)
    tolerance = len(values) * np.finfo(np.float64).eps * values.max(initial=0.0)
    rank = int(np.sum(values > tolerance))
    first, last = max(1, rank // 50), rank // 2
    if last <= first:
        return None
    log_rank, log_value = np.log(np.arange(first, last + 1)), np.log(values[first - 1 : last])
    centred = log_rank - log_rank.mean()
    exponent = -float(log_value @ centred / (centred @ centred))
    height = float(np.exp(log_value.mean() + exponent * log_rank.mean()))
    return {"first": first, "last": last, "exponent": exponent, "height": height}


def _thin(index: np.ndarray, eigenvalue: np.ndarray) -> dict[str, Any]:
    descending = eigenvalue[np.argsort(index, kind="stable")]
    kept = thinned_indices(len(descending))
    return {
        "count": len(descending),
        "index": (kept + 1).tolist(),
        "value": compact(descending[kept], digits=4),
        "law": power_law(descending),
    }
