"""The Gaussian Gram of a large sample and its gradient, a strip of rows at a time: nothing as large as the Gram but the Gram."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gramian.itl._distances import cancelled_pairs, direct_distances, squared_distances
from gramian.itl._shapes import Float

__all__ = ["gaussian_gram", "in_strips"]

# Below this, what a strip saves is less than what it costs.
_SMALLEST = 256
# Elements of a strip of squared distances in float64: 1 MB stays in the cache of one core.
_STRIP = 2**17


def in_strips(x: Tensor) -> bool:
    """Whether :func:`gaussian_gram` serves: one large sample, on a processor with caches."""
    return x.ndim == 2 and x.device.type == "cpu" and len(x) >= _SMALLEST


def gaussian_gram(x: Float[Tensor, "n d"], factor: Float[Tensor, ""], dtype: torch.dtype) -> Float[Tensor, "n n"]:
    """``exp(factor |x_i - x_j|^2)`` in this dtype; distances and exponentials are those of the dtype of ``x``.

    The same numbers as from the whole matrix of squared distances, and its gradients to rounding.
    """
    gram: Tensor = _GaussianGram.apply(x, factor, dtype)
    return gram


class _GaussianGram(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: Tensor, dtype: torch.dtype) -> Tensor:
        gram = torch.empty(len(x), len(x), dtype=dtype)
        close = []
        for rows, squared, row, column in _strips(x):
            close.append((row + rows.start, column))
            gram[rows] = squared.mul_(factor).exp_()
        row, column = (torch.cat(places) for places in zip(*close, strict=True))
        apart = row != column
        ctx.save_for_backward(x, factor, gram, row[apart], column[apart])
        return gram

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, factor, gram, row, column = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():
            inputs = [given for given, there in zip((x, factor), wanted, strict=True) if there]
            again = torch.exp(squared_distances(x, x) * factor).to(gram.dtype)
            found = iter(torch.autograd.grad(again, inputs, gradient, create_graph=True))
            by_x, by_factor = (next(found) if there else None for there in wanted)
            return by_x, by_factor, None
        by_x = _by_points(x, factor, gram, gradient, row, column) if wanted[0] else None
        by_factor = None
        if wanted[1]:
            by_factor = torch.zeros_like(factor)
            for rows, squared, _, _ in _strips(x):
                by_factor += (squared.mul_(gram[rows]) * gradient[rows]).sum()
        return by_x, by_factor, None


def _strips(x: Tensor) -> Any:
    """Rows, their squared distances to all points, and which of these came from differences."""
    left = x - x.mean(0)
    norms = left.square().sum(-1)
    height = max(1, _STRIP // len(x))
    for top in range(0, len(x), height):
        rows = slice(top, min(top + height, len(x)))
        with torch.autocast(x.device.type, enabled=False):
            squared = torch.addmm(norms, left[rows], left.mT, alpha=-2).add_(norms[rows, None])
        row, column = cancelled_pairs(squared, norms[rows], norms)
        squared[row, column] = direct_distances(x[rows], x, row, column)
        yield rows, squared, row, column


def _by_points(x: Tensor, factor: Tensor, gram: Tensor, gradient: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """``2 factor sum_j (W_ij + W_ji) (x_i - x_j)`` with ``W`` the Gram times its gradient, entry by entry."""
    centred = x - x.mean(0)
    counted = torch.cat([centred, torch.ones_like(x[:, :1])], dim=-1)
    sums = torch.zeros_like(counted)
    height = max(1, _STRIP // len(x))
    # Pairs so close that the difference of sums would lose it: their own differences, and zero in the sums.
    close = (gram[row, column] * gradient[row, column]).to(x.dtype)
    bounds = torch.searchsorted(row, torch.arange(0, len(x) + height, height)).tolist()
    for number, top in enumerate(range(0, len(x), height)):
        rows = slice(top, min(top + height, len(x)))
        strip = (gram[rows] * gradient[rows]).to(x.dtype)
        here = slice(bounds[number], bounds[number + 1])
        strip[row[here] - top, column[here]] = 0
        with torch.autocast(x.device.type, enabled=False):
            sums[rows] += strip @ counted
            sums.addmm_(strip.mT, counted[rows])
    total = sums[:, -1:] * centred - sums[:, :-1]
    difference = (x[row] - x[column]) * close[:, None]
    total.index_add_(0, row, difference).index_add_(0, column, difference, alpha=-1)
    return 2 * factor * total
