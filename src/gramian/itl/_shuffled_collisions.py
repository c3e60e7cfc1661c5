"""Joint entropies of order 2 of many shuffles, with their gradient: no eigenvalues, and no Gram for a shuffle."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._dependence import check_trace
from gramian.itl._shapes import Float
from gramian.itl._shuffled_grams import Slopes, mirror, shuffled_rows, strips_of, with_slopes

__all__ = ["collision_entropies"]


def collision_entropies(
    left: Float[Tensor, "*batch n n"], right: Float[Tensor, "*batch n n"], orders: list[Tensor], weights: list[float]
) -> Float[Tensor, "*batch"]:
    """Weighted sum over ``orders`` of the order-2 entropy of ``left`` times ``right`` with rows and columns in that order, in float64.

    Exact, with a gradient in closed form; ``n^2`` an order, and memory for a few Grams, however many orders. Of symmetric Grams the
    half above the diagonal is read.
    """
    return with_slopes(left, right, partial(_collisions, orders=orders, weights=weights))


def _collisions(
    left: Tensor, right: Tensor, wanted: tuple[bool, bool], *, orders: list[Tensor], weights: list[float]
) -> tuple[Tensor, Slopes]:
    """``2 log sum_i L_ii R_p(i)p(i) - log sum_ij L_ij^2 R_p(i)p(j)^2``, weighted and summed, and its derivatives by both."""
    wide = spectral_dtype(left)
    diagonals = [gram.diagonal(dim1=-2, dim2=-1).to(wide) for gram in (left, right)]
    slopes: Slopes = [torch.zeros_like(left) if there else None for there in wanted]
    by_diagonal = [torch.zeros_like(diagonal) for diagonal in diagonals]
    same = torch.arange(left.shape[-1], device=left.device)
    total = torch.zeros(left.shape[:-2], dtype=wide, device=left.device)
    for order, weight in zip(orders, weights, strict=True):
        there = None if torch.equal(order, same) else order
        back = None if there is None else torch.argsort(there)
        trace = (diagonals[0] * diagonals[1].index_select(-1, order)).sum(-1)
        check_trace(trace)
        potential = _potential(left, right, there)
        total += weight * (2 * trace.log() - potential.log())
        by_trace = (2 * weight / trace).unsqueeze(-1)
        by_square = (-2 * weight / potential).to(left.dtype)[..., None, None]
        # Of the left Gram as it stands, and of the right one seen from its own order.
        for slope, gram, other, diagonal, by, way in (
            (slopes[0], left, right, diagonals[1], by_diagonal[0], there),
            (slopes[1], right, left, diagonals[0], by_diagonal[1], back),
        ):
            if slope is None:
                continue
            by += by_trace * (diagonal if way is None else diagonal.index_select(-1, way))
            _add_slope(slope, gram, other, way, by_square)
    for slope, by in zip(slopes, by_diagonal, strict=True):
        if slope is not None:
            mirror(slope)
            slope.diagonal(dim1=-2, dim2=-1).add_(by.to(slope.dtype))
    return total, slopes


def _potential(left: Tensor, right: Tensor, order: Tensor | None) -> Tensor:
    """``sum_ij (L_ij R_p(i)p(j))^2`` of symmetric matrices, from the half above the diagonal."""
    total = torch.zeros(left.shape[:-2], dtype=spectral_dtype(left), device=left.device)
    for rows in strips_of(left.shape[-1]):
        strip = left[..., rows, rows.start :] * shuffled_rows(right, order, rows, first=rows.start)
        total += 2 * _squares(strip) - _squares(strip[..., : strip.shape[-2]])
    return total


def _squares(strip: Tensor) -> Tensor:
    # A vector times itself: as a reduction over two axes it takes several times as long.
    flat = strip.reshape(-1, strip.shape[-2:].numel())
    sums = torch.stack([torch.dot(row, row) for row in flat])
    return sums.to(spectral_dtype(strip)).reshape(strip.shape[:-2])


def _add_slope(slope: Tensor, gram: Tensor, other: Tensor, order: Tensor | None, by_square: Tensor) -> None:
    """Adds ``by_square`` times ``gram * other^2`` with the other's rows and columns in this order, above the diagonal."""
    for rows in strips_of(gram.shape[-1]):
        strip = shuffled_rows(other, order, rows, first=rows.start)
        weighted = (strip * by_square).mul_(strip)
        slope[..., rows, rows.start :].addcmul_(weighted, gram[..., rows, rows.start :])
