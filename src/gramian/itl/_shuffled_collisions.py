"""Joint entropies of order 2 of many shuffles, with their gradient: no eigenvalues, and no Gram for a shuffle."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._dependence import check_trace
from gramian.itl._shapes import Float
from gramian.itl._shuffled_grams import ShuffledStrips, Slopes, mirror, strips_of, with_slopes

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
    traces = [(diagonals[0] * diagonals[1].index_select(-1, order)).sum(-1) for order in orders]
    for trace in traces:
        check_trace(trace)
    same = torch.arange(left.shape[-1], device=left.device)
    moves = [None if torch.equal(order, same) else order for order in orders]
    potentials = _potentials(left, right, moves)
    total = torch.zeros(left.shape[:-2], dtype=wide, device=left.device)
    for weight, trace, potential in zip(weights, traces, potentials, strict=True):
        total += weight * (2 * trace.log() - potential.log())
    by_trace = [(2 * weight / trace).unsqueeze(-1) for weight, trace in zip(weights, traces, strict=True)]
    by_square = [-2 * weight / potential for weight, potential in zip(weights, potentials, strict=True)]
    slopes: Slopes = [None, None]
    # Of the left Gram as it stands, and of the right one seen from its own order.
    ways = [moves, [None if order is None else torch.argsort(order) for order in moves]]
    for place, (gram, other, diagonal) in enumerate(((left, right, diagonals[1]), (right, left, diagonals[0]))):
        if not wanted[place]:
            continue
        slope = _slope(gram, other, ways[place], by_square)
        for way, by in zip(ways[place], by_trace, strict=True):
            own = by * (diagonal if way is None else diagonal.index_select(-1, way))
            slope.diagonal(dim1=-2, dim2=-1).add_(own.to(slope.dtype))
        slopes[place] = slope
    return total, slopes


def _potentials(left: Tensor, right: Tensor, orders: list[Tensor | None]) -> list[Tensor]:
    """``sum_ij (L_ij R_p(i)p(j))^2`` of symmetric matrices for each order, from the half above the diagonal."""
    shuffled = ShuffledStrips(right)
    parts: list[list[Tensor]] = [[] for _ in orders]
    for rows in strips_of(left.shape[-1]):
        own = 2 * left[..., rows, rows.start :].square()
        # What is above the diagonal stands for both halves; the square on it holds both.
        own[..., : own.shape[-2]].div_(2)
        for part, order in zip(parts, orders, strict=True):
            part.append(_products(own, shuffled(order, rows).square_()))
    return [torch.stack(part).to(spectral_dtype(left)).sum(0) for part in parts]


def _products(left: Tensor, right: Tensor) -> Tensor:
    # Vector times vector: as a reduction over two axes it takes several times as long.
    pairs = zip(*(strip.reshape(-1, strip.shape[-2:].numel()) for strip in (left, right)), strict=True)
    return torch.stack([torch.dot(*pair) for pair in pairs]).reshape(left.shape[:-2])


def _slope(gram: Tensor, other: Tensor, orders: list[Tensor | None], by_square: list[Tensor]) -> Tensor:
    """``gram`` times the sum over orders of ``by_square other^2`` with the other's rows and columns in this order."""
    slope, shuffled = torch.empty_like(gram, memory_format=torch.contiguous_format), ShuffledStrips(other)
    # Of one Gram they are numbers, which an addition takes along.
    scales = [float(by) if by.ndim == 0 else by.to(gram.dtype)[..., None, None] for by in by_square]
    for rows in strips_of(gram.shape[-1]):
        own = gram[..., rows, rows.start :]
        sums = torch.zeros_like(own, memory_format=torch.contiguous_format)
        for order, scale in zip(orders, scales, strict=True):
            strip = shuffled(order, rows)
            if isinstance(scale, float):
                sums.addcmul_(strip, strip, value=scale)
            else:
                sums.addcmul_(strip * scale, strip)
        torch.mul(sums, own, out=slope[..., rows, rows.start :])
    mirror(slope)
    return slope
