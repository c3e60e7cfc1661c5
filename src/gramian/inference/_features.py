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
from gramian.inference._spectral import spectral_divergence
from gramian.itl import fourier_map
from gramian.itl._errors import value_fault

__all__ = ["check_featured", "feature_divergences", "feature_error"]

# Points of each sample on which features are held against the kernels.
_COMPARED = 500
# The square of a Gaussian or Laplacian kernel is the kernel at its bandwidth times this.
_SQUARED = {"gaussian": math.sqrt(0.5), "laplacian": 0.5}


def check_featured(scales: Sequence[Scale]) -> None:
    """Raises ValueError for kernels that have no random features."""
    if any(scale.bandwidth is None for scale in scales):
        name = next(scale.name for scale in scales if scale.bandwidth is None)
        remedy = "Leave features out, or take a Gaussian or Laplacian kernel."
        raise value_fault("features", "None for a kernel without random features", f"kernel {name!r}", remedy)


def feature_divergences(
    pooled: Pooled, scales: Sequence[Scale], table: Tensor, form: Form, features: int, seed: int
) -> tuple[Tensor, float]:
    """``(scales, labellings)`` in nats, and the precision of the products behind them.

    At order 2 they are features of the squared kernel, whose means are all that is needed; at other orders of the kernel.
    """
    centred = pooled.points - pooled.points.mean(0)
    maps = []
    for number, scale in enumerate(scales):
        kernel, bandwidth = scale.name, scale.bandwidth or 0.0
        length = bandwidth * _SQUARED[kernel] if form.alpha == 2 else bandwidth
        generator = torch.Generator().manual_seed(seed + number)
        maps.append(fourier_map(centred.shape[1], bandwidth=length, features=features, kernel=kernel, seed=generator))
    if form.alpha != 2:
        found = [spectral_divergence(phi.map(centred), None, pooled.weights, table, form) for phi in maps]
        return torch.stack(found), torch.finfo(pooled.weights.dtype).eps
    labelled = Labelled(table, pooled.weights, pooled.sizes, torch.float32)
    forms = torch.stack([embedding_forms(_rows_of(phi.map, centred), labelled, features) for phi in maps])
    masses = labelled.sums(torch.ones_like(pooled.weights)[None])
    return collision_divergence(forms, masses, labelled, form.balanced), torch.finfo(labelled.dtype).eps


def _rows_of(mapped: Callable[[Tensor], Tensor], points: Tensor) -> Callable[[slice], Tensor]:
    return lambda rows: mapped(points[rows])


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
    exact, _ = exact_divergences(part, scales, observed, form)
    approximate, _ = feature_divergences(part, scales, observed, form, features, seed)
    return float((exact - approximate).abs().amax())
