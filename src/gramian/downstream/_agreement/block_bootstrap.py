"""Moving-block bootstrap over layers: resamples that keep neighbouring layers together."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_LAYERS", "block_length", "block_resamples", "expanded_tail", "percentile_interval"]

LEAST_LAYERS = 13
_MOST_UNDEFINED = 0.05


def block_length(layers: int) -> int:
    """Layers in a block: 1.75 times the cube root of their number, rounded.

    The rate is that of the best length for a variance [kunsch1989]; the factor was chosen by simulation of autoregressive
    layers, see `docs/guide/agreement.md`. From `LEAST_LAYERS` on there are four blocks or more.

    >>> [block_length(n) for n in (13, 25, 33)]
    [4, 5, 6]
    """
    return max(1, round(1.75 * math.cbrt(layers)))


def block_resamples(layers: int, *, resamples: int, block: int, seed: int) -> NDArray[np.intp]:
    """Places of the layers in each resample: runs of `block` neighbours drawn with replacement, cut to length.

    Source: [kunsch1989].

    Args:
        layers: How many layers there are.
        resamples: How many resamples.
        block: Layers in a block; 1 is the ordinary bootstrap, which takes layers for independent.
        seed: Of the draws.

    Returns:
        ``(resamples, layers)`` indices.

    Raises:
        ValueError: A block longer than the sequence, or no resamples.
    """
    if not 1 <= block <= layers:
        raise ValueError(f"block: expected 1 to {layers} layers; got {block}. Leave it out for the rule.")
    if resamples < 1:
        raise ValueError(f"resamples: expected at least 1; got {resamples}. 2000 is the default.")
    generator = np.random.Generator(np.random.Philox(seed))
    starts = generator.integers(0, layers - block + 1, (resamples, math.ceil(layers / block)))
    return (starts[:, :, None] + np.arange(block)).reshape(resamples, -1)[:, :layers]


def expanded_tail(count: int, *, confidence: float = 0.95) -> float:
    """Share of resamples to cut at each end, for a sample of `count` independent pieces.

    The plain percentile interval of a small sample is too narrow, by a factor of sqrt((count - 1) / count) and for want of Student's
    quantile; both are put right by cutting less. For many pieces it is (1 - confidence) / 2.

    Source: [hesterberg2015], expanded percentile interval.
    """
    from scipy.stats import norm, t

    quantile = t.ppf((1 - confidence) / 2, count - 1)
    return float(norm.cdf(math.sqrt(count / (count - 1)) * quantile))


def percentile_interval(estimates: NDArray[np.float64], *, count: int, confidence: float = 0.95) -> NDArray[np.float64]:
    """Expanded percentile intervals of resampled estimates.

    Args:
        estimates: ``(..., resamples)``, NaN where a resample has no estimate.
        count: Independent pieces of the sample: blocks, or tasks; at least 2.
        confidence: Of the interval.

    Returns:
        ``(..., 2)``, the ends; NaN where more than a twentieth of the resamples have no estimate.
    """
    tail = expanded_tail(count, confidence=confidence)
    undefined = np.isnan(estimates)
    refused = undefined.mean(-1) > _MOST_UNDEFINED
    # NumPy's quantiles that skip NaN are many times slower, and warn where nothing is left.
    if undefined.any():
        ends = np.nanquantile(np.where(refused[..., None], 0.0, estimates), [tail, 1 - tail], axis=-1)
    else:
        ends = np.quantile(estimates, [tail, 1 - tail], axis=-1)
    return np.where(refused[..., None], np.nan, np.moveaxis(ends, 0, -1))
