"""Coefficients and intervals of many pairs; pairs over the same layers share their resamples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._agreement.block_bootstrap import LEAST_LAYERS, block_length
from gramian.downstream._agreement.pairs import PairAgreement
from gramian.downstream._agreement.statistics import STATISTICS, point_estimates, resampled_intervals
from gramian.downstream._tables.layers import LayerSeries

__all__ = ["FEWEST_LAYERS", "BootstrapSettings", "estimate_pairs"]

# Two points always lie on a line.
FEWEST_LAYERS = 3

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BootstrapSettings:
    """How intervals are made."""

    block: int | None
    resamples: int
    confidence: float
    seed: int


@dataclass(frozen=True)
class _Comparison:
    """A pair on the layers that have both values."""

    pair: PairAgreement
    measure: int
    score: int
    layers: tuple[int, ...]
    x: Floats
    y: Floats


def estimate_pairs(
    pairs: Sequence[tuple[PairAgreement, LayerSeries, LayerSeries]], settings: BootstrapSettings
) -> list[PairAgreement]:
    """Fill in the coefficients of pairs, with intervals where there are layers enough for them.

    Args:
        pairs: The pair to fill in, its measure and its scores.
        settings: Of the bootstrap.

    Returns:
        The pairs in the same order; what is not defined is NaN, and the note says why.
    """
    done: list[PairAgreement | None] = [None] * len(pairs)
    together: dict[tuple[object, tuple[int, ...]], list[tuple[int, _Comparison]]] = {}
    for place, (pair, measure, score) in enumerate(pairs):
        comparison = _complete(pair, measure, score)
        why = _undefined(comparison)
        filled = replace(pair, layers=len(comparison.layers))
        if why is None:
            together.setdefault((pair.group, comparison.layers), []).append((place, replace(comparison, pair=filled)))
        else:
            done[place] = _noted(filled, why)
    for (_, layers), members in together.items():
        estimated = _estimated(len(layers), [comparison for _, comparison in members], settings)
        for (place, _), pair in zip(members, estimated, strict=True):
            done[place] = pair
    return [pair for pair in done if pair is not None]


def _complete(pair: PairAgreement, measure: LayerSeries, score: LayerSeries) -> _Comparison:
    layers, in_measure, in_score = np.intersect1d(measure.layers, score.layers, return_indices=True)
    x, y = measure.values[in_measure], score.values[in_score]
    both = np.isfinite(x) & np.isfinite(y)
    return _Comparison(pair, id(measure), id(score), tuple(layers[both].tolist()), x[both], y[both])


def _undefined(comparison: _Comparison) -> str | None:
    if len(comparison.layers) < FEWEST_LAYERS:
        return f"undefined: fewer than {FEWEST_LAYERS} layers have both values"
    for what, values in (("measure", comparison.x), ("score", comparison.y)):
        if values.min() == values.max():
            return f"undefined: the {what} is constant over the layers"
    return None


def _estimated(layers: int, comparisons: Sequence[_Comparison], settings: BootstrapSettings) -> list[PairAgreement]:
    block = block_length(layers) if settings.block is None else settings.block
    refused = None
    if layers < LEAST_LAYERS:
        refused = f"no interval: {layers} layers, and at least {LEAST_LAYERS} are needed"
    elif layers < 4 * block - 3:
        refused = f"no interval: blocks of {block} among {layers} layers are fewer than four"
    measures = {one.measure: one.x for one in comparisons}
    scores = {one.score: one.y for one in comparisons}
    rows, columns = ({key: place for place, key in enumerate(series)} for series in (measures, scores))
    ends = None
    if refused is None:
        ends = resampled_intervals(
            np.stack(list(measures.values())),
            np.stack(list(scores.values())),
            block=block,
            resamples=settings.resamples,
            confidence=settings.confidence,
            seed=settings.seed,
        )
    result = []
    for one in comparisons:
        numbers = dict(zip(STATISTICS, point_estimates(one.x, one.y), strict=True))
        pair = one.pair if refused is None else _noted(one.pair, refused)
        if ends is not None:
            for place, name in enumerate(STATISTICS):
                low, high = ends[rows[one.measure], columns[one.score], place]
                numbers[f"{name}_low"], numbers[f"{name}_high"] = float(low), float(high)
                if math.isnan(low):
                    pair = _noted(pair, f"no interval of {name}: too many resamples are constant")
        result.append(replace(pair, **numbers))  # type: ignore[arg-type]
    return result


def _noted(pair: PairAgreement, why: str) -> PairAgreement:
    return replace(pair, note=f"{pair.note}; {why}" if pair.note else why)
