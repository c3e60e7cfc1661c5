"""Joint entropies of order 2 of many shuffles, with their gradient: no eigenvalues, and no Gram for a shuffle."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._dependence import check_trace
from gramian.itl._shapes import Float

__all__ = ["mean_collision_entropy", "shuffled_rows", "strips_of"]

# Rows of a Gram that are shuffled at a time. They stay in the cache: a whole shuffled Gram takes four times as long.
_ROWS = 64


def mean_collision_entropy(
    left: Float[Tensor, "*batch n n"], right: Float[Tensor, "*batch n n"], orders: list[Tensor]
) -> Float[Tensor, "*batch"]:
    """Mean over ``orders`` of the order-2 entropy of ``left`` times ``right`` with its rows and columns in that order, in float64.

    Exact, with a gradient in closed form; ``n^2`` an order, and memory for a few Grams, however many orders.
    """
    value: Tensor = _MeanCollisionEntropy.apply(left, right, orders)
    return value


def strips_of(size: int) -> list[slice]:
    """All rows of a Gram, so many at a time as stay in the cache when they are shuffled."""
    return [slice(top, min(top + _ROWS, size)) for top in range(0, size, _ROWS)]


def shuffled_rows(matrix: Tensor, order: Tensor | None, rows: slice) -> Tensor:
    """Some rows of a matrix whose rows and columns are put in this order, or stay."""
    if order is None:
        return matrix[..., rows, :]
    return matrix.index_select(-2, order[rows]).index_select(-1, order)


class _MeanCollisionEntropy(torch.autograd.Function):
    """``2 log sum_i L_ii R_p(i)p(i) - log sum_ij L_ij^2 R_p(i)p(j)^2``, and its derivatives by both."""

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, orders: list[Tensor]) -> Tensor:
        wide, size = spectral_dtype(left), left.shape[-1]
        grams = (left, right)
        squares = [gram.square() for gram in grams]
        diagonals = [gram.diagonal(dim1=-2, dim2=-1).to(wide) for gram in grams]
        slopes = [torch.zeros_like(gram) if gram.requires_grad else None for gram in grams]
        by_diagonal = [torch.zeros_like(diagonal) for diagonal in diagonals]
        strips = strips_of(size)
        same = torch.arange(size, device=left.device)
        total = torch.zeros(left.shape[:-2], dtype=wide, device=left.device)
        for order in orders:
            there = None if torch.equal(order, same) else order
            back = None if there is None else torch.argsort(there)
            trace = (diagonals[0] * diagonals[1].index_select(-1, order)).sum(-1)
            check_trace(trace)
            potential = torch.zeros_like(total)
            for rows in strips:
                strip = shuffled_rows(squares[1], there, rows)
                potential += _inner(squares[0][..., rows, :], strip).to(wide)
            total += 2 * trace.log() - potential.log()
            by_trace = (2 / (trace * len(orders))).unsqueeze(-1)
            by_square = (-2 / (potential * len(orders))).to(left.dtype)[..., None, None]
            # Of the left Gram as it stands, and of the right one seen from its own order.
            for slope, other, diagonal, by, way in (
                (slopes[0], squares[1], diagonals[1], by_diagonal[0], there),
                (slopes[1], squares[0], diagonals[0], by_diagonal[1], back),
            ):
                if slope is None:
                    continue
                by += by_trace * (diagonal if way is None else diagonal.index_select(-1, way))
                for rows in strips:
                    slope[..., rows, :].addcmul_(shuffled_rows(other, way, rows), by_square)
        for gram, slope, by in zip(grams, slopes, by_diagonal, strict=True):
            if slope is not None:
                slope.mul_(gram).diagonal(dim1=-2, dim2=-1).add_(by.to(gram.dtype))
        ctx.save_for_backward(*(slope for slope in slopes if slope is not None))
        ctx.given = tuple(slope is not None for slope in slopes)
        return total / len(orders)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient was computed beside the value."""
        if torch.is_grad_enabled():
            # It would count as constant, and a penalty on it would silently have no gradient.
            raise RuntimeError(
                "dime: expected one derivative; got create_graph=True. Leave out rank and order 2 for two."
            )
        saved = iter(ctx.saved_tensors)
        by: list[Tensor | None] = []
        for there in ctx.given:
            slope = next(saved) if there else None
            by.append(None if slope is None else slope * gradient.to(slope.dtype)[..., None, None])
        return by[0], by[1], None


def _inner(left: Tensor, right: Tensor) -> Tensor:
    # One after the other: as a batched product a row times a column takes ten times as long.
    pairs = zip(left.reshape(-1, left.shape[-2:].numel()), right.reshape(-1, left.shape[-2:].numel()), strict=True)
    return torch.stack([torch.dot(*pair) for pair in pairs]).reshape(left.shape[:-2])
