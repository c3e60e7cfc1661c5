"""Divergences of every labelling from random features, for samples too large for their kernels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gramian.inference._collision import Labelled, collision_divergence, embedding_forms
from gramian.inference._divergences import exact_divergences
from gramian.inference._form import Form
from gramian.inference._pooled import Pooled
from gramian.inference._scales import Scale
from gramian.inference._spectral import covariance_divergence, spectral_divergence
from gramian.inference._units import Units, units_of
from gramian.itl import FeatureMap, fourier_map
from gramian.itl._errors import value_fault

__all__ = ["check_featured", "feature_divergences", "feature_error"]

# Points of each sample on which features are held against the kernels.
_COMPARED = 500
# Elements of features held at once: 32 MB.
_HELD = 2**22
# The square of a Gaussian or Laplacian kernel is the kernel at its bandwidth times this.
_SQUARED = {"gaussian": math.sqrt(0.5), "laplacian": 0.5}


def check_featured(scales: Sequence[Scale]) -> None:
    """Raises ValueError for kernels that have no random features."""
    if any(scale.bandwidth is None for scale in scales):
        name = next(scale.name for scale in scales if scale.bandwidth is None)
        remedy = "Leave features out, or take a Gaussian or Laplacian kernel."
        raise value_fault("features", "None for a kernel without random features", f"kernel {name!r}", remedy)


def feature_divergences(
    pooled: Pooled, scales: Sequence[Scale], table: Tensor, units: Units, form: Form, features: int, seed: int
) -> tuple[Tensor, float]:
    """``(scales, labellings)`` in nats for labellings of the units, and the precision of the products behind them.

    At order 2 they are features of the squared kernel, whose means are all that is needed; at other orders of the kernel.
    """
    centred = pooled.points - pooled.points.mean(0)
    maps = []
    for number, scale in enumerate(scales):
        kernel, bandwidth = scale.name, scale.bandwidth or 0.0
        length = bandwidth * _SQUARED[kernel] if form.alpha == 2 else bandwidth
        generator = torch.Generator().manual_seed(seed + number)
        maps.append(fourier_map(centred.shape[1], bandwidth=length, features=features, kernel=kernel, seed=generator))
    wide = torch.finfo(pooled.weights.dtype).eps
    if form.alpha != 2 and units.block == 1:
        found = [spectral_divergence(phi.map(centred), None, pooled.weights, table, form) for phi in maps]
        return torch.stack(found), wide
    weights = pooled.weights
    moved = weights[units.places].sum(1)
    left = torch.stack([weights[place].sum() for place in units.rest])
    if form.alpha != 2:
        rows = []
        for phi in maps:
            blocks = _sums(phi, centred, weights, units.places, _products)
            rest = torch.cat([_sums(phi, centred, weights, place[None], _products) for place in units.rest])
            rows.append(covariance_divergence(blocks, rest, moved, left, table, pooled.n, form))
        return torch.stack(rows), wide
    labelled = Labelled(table, torch.ones_like(moved), units.sizes, torch.float32)
    forms = []
    for phi in maps:
        blocks = _sums(phi, centred, weights, units.places, _means)
        rest = torch.cat([_sums(phi, centred, weights, place[None], _means) for place in units.rest])
        forms.append(embedding_forms(blocks, rest, labelled))
    masses = labelled.sums(moved[None])[0] + left[:, None]
    divergences = collision_divergence(torch.stack(forms), masses[None], masses, form.balanced)
    return divergences, torch.finfo(labelled.dtype).eps


def _sums(
    phi: FeatureMap,
    points: Tensor,
    weights: Tensor,
    places: Tensor,
    reduced: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Weighted sums over the points of every unit, ``(units, block)`` places, some units at a time."""
    step = max(1, _HELD // (max(1, places.shape[1]) * phi.features))
    if not places.numel():
        return reduced(points.new_zeros(len(places), 1, phi.features), points.new_zeros(len(places), 1))
    parts = []
    for some in places.split(step):
        mapped = phi.map(points[some.flatten()]).unflatten(0, tuple(some.shape))
        parts.append(reduced(mapped, weights[some]))
    return torch.cat(parts)


def _means(mapped: Tensor, weights: Tensor) -> Tensor:
    return (weights[:, None] @ mapped)[:, 0]


def _products(mapped: Tensor, weights: Tensor) -> Tensor:
    return (mapped * weights[..., None]).mT @ mapped


def feature_error(pooled: Pooled, scales: Sequence[Scale], form: Form, features: int, seed: int) -> float:
    """Largest difference of the features' divergence from the exact one over the scales, in nats, on a part of the sample."""
    parts = [torch.arange(min(size, _COMPARED)) for size in pooled.sizes]
    starts = [sum(pooled.sizes[:number]) for number in range(pooled.groups)]
    index = torch.cat([part + start for part, start in zip(parts, starts, strict=True)]).to(pooled.points.device)
    part = Pooled(
        sizes=tuple(len(part) for part in parts),
        weights=pooled.weights[index],
        points=pooled.points[index],
        grams=pooled.grams,
        restore=pooled.restore,
        eps=pooled.eps,
    )
    observed = torch.arange(pooled.groups, dtype=torch.int16).repeat_interleave(torch.tensor(part.sizes))[None]
    single = units_of(part.sizes, 1, torch.Generator())
    exact, _ = exact_divergences(part, scales, observed, form)
    approximate, _ = feature_divergences(part, scales, observed, single, form, features, seed)
    return float((exact - approximate).abs().amax())
