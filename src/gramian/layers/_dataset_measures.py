"""Measures of a whole set of prompts at one layer, with jackknife errors from shared statistics."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gramian.layers._layer_statistics import CAPACITIES, LayerStatistics
from gramian.layers._memory import release_freed_memory
from gramian.layers._uncertainty import Estimate, jackknife
from gramian.layers._variants import NORMALIZATIONS, log_bound, variant
from gramian.quality import Measure, Moments, Statistic

# Up to this many prompts all matrices of a layer together are a few megabytes.
_SMALL = 256
_ALL_PAIRS = threading.Lock()


@dataclass(frozen=True)
class DatasetEstimates:
    """What one layer and one way of pooling give."""

    estimates: dict[tuple[str, str], Estimate]  # by measure and variant
    spectrum: np.ndarray | None  # eigenvalues of the centred covariance, summing to one
    too_small: dict[str, str]  # what a reader must know of a measure's sample, by measure
    undefined: dict[str, str]  # why a measure has no value, by measure


def dataset_estimates(
    statistics: LayerStatistics,
    *,
    measures: Sequence[Measure],
    orders: Sequence[float],
    tokens: str | None,
    spectrum: bool,
) -> DatasetEstimates:
    """Every measure of one layer: one statistic of each kind for each group of prompts, merged for the whole and for each part.

    Args:
        statistics: of the layer.
        measures: those that need embeddings, views or adjacent layers.
        orders: of the data set entropy.
        tokens: the `tokens` key of the variants.
        spectrum: whether to return the eigenvalues.
    """
    estimates: dict[tuple[str, str], Estimate] = {}
    too_small: dict[str, str] = {}
    undefined: dict[str, str] = {}
    eigenvalues = None
    count, width = statistics.count, statistics.width
    large = count > _SMALL
    for kind in dict.fromkeys(m.statistic for m in measures):
        of_kind = [m for m in measures if m.statistic is kind]
        parts = statistics.of(kind)
        if parts is None:
            continue
        finish: dict[tuple[str, float | None], Callable[[Any], float]] = {}
        for measure in of_kind:
            if measure.name == "dataset_entropy":
                finish |= {(measure.name, order): partial(measure.finish, alpha=order) for order in orders}
            else:
                finish[measure.name, None] = measure.finish
        # Grams and distances of hundreds of prompts are the largest thing in memory: one layer at a time.
        with _ALL_PAIRS if large and kind in CAPACITIES else nullcontext():
            result = jackknife(parts, finish)
        undefined |= {name: reason for (name, _), reason in result.undefined.items()}
        for measure in of_kind:
            why = measure.minimum(result.whole) or _sampled(result.whole)
            if why and measure.name not in undefined:
                too_small[measure.name] = why
        if spectrum and kind is Moments:
            eigenvalues = _eigenvalues(result.whole)
        for (name, order), estimate in result.estimates.items():
            if order is None:
                estimates[name, variant(tokens=tokens)] = estimate
                continue
            for norm in NORMALIZATIONS:
                bound = log_bound(norm, count, width)
                if bound > 0:  # one vector or one dimension has no entropy to compare with
                    estimates[name, variant(alpha=order, norm=norm, tokens=tokens)] = estimate.scaled(1 / bound)
        del parts, result  # before the next kind is gathered: each holds the layer's vectors
        if large:
            release_freed_memory()
    return DatasetEstimates(estimates, eigenvalues, too_small, undefined)


def _eigenvalues(moments: Moments) -> np.ndarray | None:
    try:
        return np.asarray(moments.spectrum(center=True), dtype=np.float64)
    except ValueError:  # equal vectors have no variance to show
        return None


def _sampled(statistic: Statistic) -> str | None:
    kept = getattr(statistic, "kept", statistic.count)
    if kept == statistic.count:
        return None
    return (
        f"taken over the {kept} of {statistic.count} prompts with the smallest keys, because it needs all their pairs."
    )
