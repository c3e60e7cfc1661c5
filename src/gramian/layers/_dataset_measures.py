"""Measures of a whole set of prompts at one layer, with jackknife errors from shared statistics."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

import numpy as np

from gramian.layers._memory import release_freed_memory
from gramian.layers._uncertainty import Estimate, jackknife
from gramian.layers._variants import NORMALIZATIONS, log_bound, variant
from gramian.quality import LayerPair, Measure, Moments, Rows, Statistic, ViewRows, ViewScatter

# What needs a Gram or all distances looks at the prompts with the smallest keys only. DiME takes the spectra of six Grams for each
# group of the jackknife: at 512 prompts that stays a small part of the forward passes of those prompts and their views.
# Up to this many prompts all matrices of a layer together are a few megabytes.
_SMALL = 256
_ALL_PAIRS = threading.Lock()
CAPACITIES = {Rows: 512, ViewRows: 512}


@dataclass(frozen=True)
class PromptGroups:
    """How prompts are dealt into the jackknife's groups, and their keys in bounded reservoirs."""

    keys: np.ndarray
    members: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, ids: Sequence[str], *, groups: int, seed: int) -> PromptGroups:
        """Groups by seeded hash of the prompts' content, nearly equal in size; the same for every layer and any order of reading."""
        seen: dict[str, int] = {}
        keys = np.empty(len(ids), dtype=np.uint64)
        for index, identity in enumerate(ids):
            occurrence = seen[identity] = seen.get(identity, -1) + 1
            digest = blake2b(f"{seed}\0{identity}\0{occurrence}".encode(), digest_size=8).digest()
            keys[index] = int.from_bytes(digest, "little")
        order = np.argsort(keys, kind="stable")
        count = min(groups, len(ids))
        return cls(keys, tuple(np.sort(order[group::count]) for group in range(count)))


@dataclass(frozen=True)
class LayerVectors:
    """The pooled vectors of one stream: of the prompts, of their views, and of the stream before it."""

    embeddings: np.ndarray
    views: np.ndarray | None
    previous: np.ndarray | None


@dataclass(frozen=True)
class DatasetEstimates:
    """What one layer and one way of pooling give."""

    estimates: dict[tuple[str, str], Estimate]  # by measure and variant
    spectrum: np.ndarray | None  # eigenvalues of the centred covariance, summing to one
    too_small: dict[str, str]  # what a reader must know of a measure's sample, by measure
    undefined: dict[str, str]  # why a measure has no value, by measure


def dataset_estimates(
    vectors: LayerVectors,
    groups: PromptGroups,
    *,
    measures: Sequence[Measure],
    orders: Sequence[float],
    tokens: str | None,
    spectrum: bool,
) -> DatasetEstimates:
    """Every measure of one layer: one statistic of each kind for each group of prompts, merged for the whole and for each part.

    Args:
        vectors: of the layer.
        groups: of prompts.
        measures: those that need embeddings, views or adjacent layers.
        orders: of the data set entropy.
        tokens: the `tokens` key of the variants.
        spectrum: whether to return the eigenvalues.
    """
    estimates: dict[tuple[str, str], Estimate] = {}
    too_small: dict[str, str] = {}
    undefined: dict[str, str] = {}
    eigenvalues = None
    count, width = vectors.embeddings.shape
    large = count > _SMALL
    for kind in dict.fromkeys(m.statistic for m in measures):
        of_kind = [m for m in measures if m.statistic is kind]
        parts = [_statistic(kind, vectors, groups.keys, members) for members in groups.members]
        if any(part is None for part in parts):
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


def _statistic(kind: type[Statistic], vectors: LayerVectors, keys: np.ndarray, members: np.ndarray) -> Statistic | None:
    arguments: Mapping[type, tuple[np.ndarray | None, ...]] = {
        Moments: (vectors.embeddings,),
        Rows: (vectors.embeddings, keys),
        ViewScatter: (vectors.views,),
        ViewRows: (vectors.views, keys),
        LayerPair: (vectors.previous, vectors.embeddings),
    }
    arrays = arguments[kind]
    if any(array is None for array in arrays):
        return None
    statistic = kind(capacity=CAPACITIES[kind]) if kind in CAPACITIES else kind()
    statistic.update(*(array[members] for array in arrays if array is not None))
    return statistic
