"""Divergences of every labelling at every scale, from the kernels or from features of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gramian.inference._collision import Labelled, SquaredTiles, block_forms, collision_divergence
from gramian.inference._form import Form
from gramian.inference._pooled import Pooled
from gramian.inference._scales import Scale
from gramian.inference._spectral import factor_of, spectral_divergence
from gramian.inference._tiles import GramTiles, PointTiles
from gramian.itl import gram

__all__ = ["exact_divergences", "gram_at"]

# Up to this many points in all, products of order 2 are taken in float64: there they cost little.
_DOUBLE = 512


def exact_divergences(pooled: Pooled, scales: Sequence[Scale], table: Tensor, form: Form) -> tuple[Tensor, float]:
    """``(scales, labellings)`` in nats from the kernels themselves, and the precision of the products behind them."""
    if form.alpha == 2:
        return _order_two(pooled, scales, table, form)
    found = [
        spectral_divergence(factor_of(gram, form.alpha), gram, pooled.weights, table, form)
        for gram in (gram_at(pooled, number, scale) for number, scale in enumerate(scales))
    ]
    return torch.stack(found), torch.finfo(pooled.weights.dtype).eps


def _order_two(pooled: Pooled, scales: Sequence[Scale], table: Tensor, form: Form) -> tuple[Tensor, float]:
    # In an order that has nothing to do with the labels: sums over runs of points of one group round in another way than those
    # over mixed points, and where nothing else tells the labellings apart, that alone would make the given one stand out.
    order = torch.randperm(pooled.n, generator=torch.Generator().manual_seed(0)).to(pooled.weights.device)
    tiles: SquaredTiles
    if not pooled.given and all(scale.bandwidth is not None for scale in scales):
        tiles = PointTiles(pooled.points[order], scales)
    else:
        grams = torch.stack([gram_at(pooled, number, scale) for number, scale in enumerate(scales)])
        tiles = GramTiles(grams, order)
    dtype = torch.float32 if pooled.n > _DOUBLE else pooled.weights.dtype
    labelled = Labelled(table[:, order.to(table.device)], pooled.weights[order], pooled.sizes, dtype)
    forms, masses = block_forms(tiles, labelled), labelled.sums(tiles.diagonals)
    return collision_divergence(forms, masses, labelled.weight_sums(), form.balanced), torch.finfo(dtype).eps


def gram_at(pooled: Pooled, number: int, scale: Scale) -> Tensor:
    """The Gram ``(n, n)`` of the pooled sample at one scale, in the precision of the weights."""
    if pooled.given:
        return pooled.grams[number].to(pooled.weights.dtype)
    if isinstance(scale.kernel, str):
        return gram(pooled.points, kernel=scale.kernel, bandwidth=scale.bandwidth)
    own = gram(pooled.restore(pooled.points), kernel=scale.kernel)
    return torch.as_tensor(own).to(pooled.weights)
