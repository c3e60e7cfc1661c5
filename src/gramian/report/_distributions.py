"""Per-prompt values as histograms, quantiles and the prompts at each end, so that the page holds no raw values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gramian.report._numbers import compact
from gramian.report._series import RESIDUAL

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_AT_EACH_END = 3
_MOST_SHARED_BINS = 64
_MOST_OWN_BINS = 32


def histogram(values: np.ndarray, *, low: float, high: float, bins: int) -> list[int]:
    """Counts of ``values`` in equal bins from ``low`` to ``high``; every value is counted once.

    A range of width zero puts everything in the middle bin.

    >>> histogram(np.array([0.0, 0.1, 1.0]), low=0.0, high=1.0, bins=2)
    [2, 1]
    """
    if high <= low:
        counts = np.zeros(bins, np.int64)
        counts[bins // 2] = len(values)
        return [int(count) for count in counts]
    place = np.floor((np.asarray(values, np.float64) - low) / (high - low) * bins).astype(np.int64)
    return [int(count) for count in np.bincount(np.clip(place, 0, bins - 1), minlength=bins)]


def bins_for(count: int, *, most: int) -> int:
    """How many bins ``count`` values can fill: twice their root, at least 8 and at most ``most``.

    >>> bins_for(100, most=64), bins_for(5000, most=64)
    (20, 64)
    """
    return max(8, min(most, round(2 * math.sqrt(count))))


def distributions_of(table: pa.Table) -> list[dict[str, Any]]:
    """The prompts table as the page holds it, one entry for each measure and variant.

    Returns:
        Dicts with ``measure``, ``variant``, ``low`` and ``high`` (range over all layers), and for each layer:
        ``shared`` (counts in equal bins of that range), ``own`` (range and counts in bins of the layer's own range),
        ``quantiles`` (5, 25, 50, 75, 95 %), ``n``, and ``least`` and ``most`` (three pairs of prompt and value at each
        end).
    """
    residual = table.filter(pc.equal(table["stream"], RESIDUAL))
    keys = residual.select(["measure", "variant"]).group_by(["measure", "variant"], use_threads=False).aggregate([])
    entries = []
    for key in keys.to_pylist():
        same = pc.and_(pc.equal(residual["measure"], key["measure"]), pc.equal(residual["variant"], key["variant"]))
        rows = residual.filter(same)
        layer = rows["layer"].to_numpy(zero_copy_only=False)
        prompt = rows["prompt"].to_numpy(zero_copy_only=False)
        value = rows["value"].cast(pa.float64()).to_numpy(zero_copy_only=False)
        finite = np.isfinite(value)
        if finite.any():
            entries.append({**key, **_by_layer(layer[finite], prompt[finite], value[finite])})
    return entries


def prompts_named(distributions: list[dict[str, Any]]) -> set[int]:
    """The prompts that stand at an end of some distribution: the only texts the page needs."""
    return {
        prompt
        for entry in distributions
        for layer in entry["layers"].values()
        for prompt, _ in [*layer["least"], *layer["most"]]
    }


def _by_layer(layer: np.ndarray, prompt: np.ndarray, value: np.ndarray) -> dict[str, Any]:
    low, high = float(value.min()), float(value.max())
    order = np.lexsort((prompt, value, layer))
    layer, prompt, value = layer[order], prompt[order], value[order]
    starts = np.flatnonzero(np.r_[True, layer[1:] != layer[:-1]])
    # A narrow layer covers few of the shared bins, so these are finer than a single layer would have them.
    shared_bins = 2 * bins_for(len(layer) // len(starts), most=_MOST_SHARED_BINS // 2)
    layers = {}
    for start, stop in zip(starts, np.r_[starts[1:], len(layer)], strict=True):
        values, prompts = value[start:stop], prompt[start:stop]
        pairs = list(zip(prompts.tolist(), compact(values), strict=True))
        own_low, own_high = float(values[0]), float(values[-1])
        layers[str(int(layer[start]))] = {
            "n": len(values),
            "shared": histogram(values, low=low, high=high, bins=shared_bins),
            "own": {
                "low": compact(np.array([own_low]))[0],
                "high": compact(np.array([own_high]))[0],
                "counts": histogram(
                    values, low=own_low, high=own_high, bins=bins_for(len(values), most=_MOST_OWN_BINS)
                ),
            },
            "quantiles": compact(np.quantile(values, QUANTILES)),
            "least": pairs[:_AT_EACH_END],
            "most": pairs[::-1][:_AT_EACH_END],
        }
    bounds = compact(np.array([low, high]))
    return {"low": bounds[0], "high": bounds[1], "layers": layers}
