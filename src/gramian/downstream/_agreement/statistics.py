"""Rank and distance correlations of many measures with many tasks, over many resamples of the layers at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._agreement.block_bootstrap import block_resamples, percentile_interval
from gramian.downstream._agreement.distance_correlation import centred_distances, distance_correlation

__all__ = ["STATISTICS", "point_estimates", "resampled_estimates", "resampled_intervals"]

STATISTICS = ("spearman", "kendall", "distance_correlation")
_NUMBERS_AT_ONCE = 4_000_000

Floats = NDArray[np.float64]


def point_estimates(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Spearman, Kendall (tau-b) and distance correlation of two series of equal length, neither constant.

    The first two are SciPy's.
    """
    from scipy.stats import kendalltau, spearmanr

    return (
        float(spearmanr(x, y).statistic),
        float(kendalltau(x, y, variant="b").statistic),
        distance_correlation(x, y),
    )


def resampled_intervals(x: Floats, y: Floats, *, block: int, resamples: int, confidence: float, seed: int) -> Floats:
    """Intervals of every pair of series over the same layers, from one set of block resamples.

    Args:
        x: ``(M, L)``.
        y: ``(T, L)``.
        block: Layers in a block.
        resamples: How many.
        confidence: Of the intervals.
        seed: Of the draws.

    Returns:
        ``(M, T, 3, 2)``: for each pair and each of `STATISTICS` the ends, NaN where too many resamples are constant.
    """
    layers = x.shape[1]
    places = block_resamples(layers, resamples=resamples, block=block, seed=seed)
    at_once = max(1, _NUMBERS_AT_ONCE // ((len(x) + len(y)) * layers**2))
    drawn = np.concatenate(
        [resampled_estimates(x, y, places[i : i + at_once]) for i in range(0, resamples, at_once)], axis=-1
    )
    ends = percentile_interval(drawn, count=math.ceil(layers / block), confidence=confidence)
    return ends.transpose(1, 2, 0, 3)


def resampled_estimates(x: Floats, y: Floats, places: NDArray[np.intp]) -> Floats:
    """Spearman, Kendall and distance correlation of every pair in every resample.

    Ranks and concordance both follow from the signs of the differences: a midrank is half the sum of them, up to a constant.

    Args:
        x: ``(M, L)``.
        y: ``(T, L)``.
        places: ``(B, L)``, the layers of each resample.

    Returns:
        ``(3, M, T, B)``; NaN where a resample is constant.
    """
    signs_x, signs_y = _resampled(_signs(x), places), _resampled(_signs(y), places)
    spearman = _cosines(signs_x.sum(-1), signs_y.sum(-1))
    kendall = _cosines(_flat(signs_x), _flat(signs_y))
    # Distances are squared below; the scale of a series changes nothing.
    apart_x, apart_y = _centred(_unit_range(x), places), _centred(_unit_range(y), places)
    distance = np.sqrt(np.maximum(_cosines(_flat(apart_x), _flat(apart_y)), 0.0))
    return np.stack([spearman, kendall, distance])


def _signs(series: Floats) -> Floats:
    return np.sign(series[:, :, None] - series[:, None, :])


def _resampled(matrices: Floats, places: NDArray[np.intp]) -> Floats:
    """``(M, L, L)`` to ``(M, B, L, L)``."""
    return matrices[:, places[:, :, None], places[:, None, :]]


def _centred(series: Floats, places: NDArray[np.intp]) -> Floats:
    return centred_distances(series[:, places])


def _flat(matrices: Floats) -> Floats:
    return matrices.reshape(*matrices.shape[:2], -1)


def _unit_range(series: Floats) -> Floats:
    low = series.min(1, keepdims=True)
    return np.asarray((series - low) / (series.max(1, keepdims=True) - low))


def _cosines(x: Floats, y: Floats) -> Floats:
    """``(M, B, k)`` and ``(T, B, k)`` to ``(M, T, B)``; NaN where either is zero."""
    products = (x.transpose(1, 0, 2) @ y.transpose(1, 2, 0)).transpose(1, 2, 0)
    norms = np.sqrt((x * x).sum(-1))[:, None] * np.sqrt((y * y).sum(-1))[None]
    cosines = np.divide(products, norms, out=np.full_like(norms, np.nan), where=norms > 0)
    return np.asarray(np.clip(cosines, -1.0, 1.0))
