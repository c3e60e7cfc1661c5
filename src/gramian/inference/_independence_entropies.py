"""Joint entropies of two views under many permutations of one of them, at every pair of scales."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from gramian.inference._independence_views import Views
from gramian.itl import batched_eigenvalues
from gramian.itl._dependence import check_trace
from gramian.itl._leading_entropy import joint_entropies
from gramian.itl._order import rank_cutoff
from gramian.itl._spectral_entropy import renyi_entropy

__all__ = ["permutation_table", "permuted_entropies"]

# Up to this many pairs, products of order 2 are taken in float64: there they cost little.
_DOUBLE = 512
# Rows of the Grams that are permuted at a time: what they hold stays in the cache of one core.
_ROWS = 64
# Elements of the matrices held at once for eigenvalues: 64 MB in float64.
_HELD = 2**23
# Most pairs of which all orders could be asked for: 12! is beyond any number of permutations.
_ENUMERABLE = 12


def permutation_table(n: int, permutations: int, generator: torch.Generator) -> tuple[Tensor, bool]:
    """``(1 + B, n)``, the identity first; all others once where there are no more than ``permutations``, and whether so."""
    if n < _ENUMERABLE and math.factorial(n) - 1 <= permutations:
        return torch.tensor(list(itertools.permutations(range(n)))), True
    draws = [torch.randperm(n, generator=generator, device=generator.device).cpu() for _ in range(permutations)]
    return torch.stack([torch.arange(n), *draws]), False


def permuted_entropies(
    views: Views, table: Tensor, alpha: float, start: Tensor | None, rank: int | None
) -> tuple[Tensor, float]:
    """Entropies of ``K_x`` times the permuted ``K_y``, in nats, and the precision of the products behind them.

    Args:
        views: ``n`` pairs.
        table: ``(count, n)``, permutations of ``0 .. n - 1``.
        alpha: order.
        start: ``(n, width)`` to approximate orders from 1 on by leading eigenvalues; None to take all.
        rank: how many of them.

    Returns:
        ``(scales of x * scales of y, count)`` and a float.
    """
    left, right = views.x.grams, views.y.grams
    table = table.to(left.device)
    diagonals = (gram.diagonal(dim1=1, dim2=2) for gram in (left, right))
    traces = torch.einsum("in,jbn->ijb", *(one if k == 0 else one[:, table] for k, one in enumerate(diagonals)))
    check_trace(traces)
    if alpha == 2:
        dtype = torch.float32 if views.n > _DOUBLE else left.dtype
        potentials = _squared_products(left.square(), right.square(), table, dtype)
        return (2 * traces.log() - potentials.log()).flatten(0, 1), torch.finfo(dtype).eps
    if start is not None:
        found = [_leading(a, b, table, alpha, start, rank, views.eps) for a in left for b in right]
        return torch.stack(found), torch.finfo(torch.float32).eps  # of the subspaces
    cutoff = rank_cutoff(alpha, views.n, views.eps)
    found = [_spectral(a, b, table, alpha, cutoff) for a in left for b in right]
    return torch.stack(found), torch.finfo(left.dtype).eps


def _squared_products(left: Tensor, right: Tensor, table: Tensor, dtype: torch.dtype) -> Tensor:
    """``sum_ij left_ij right_p(i)p(j)`` of every scale with every other and every permutation, ``(i, j, count)``.

    With both centred, rows and columns, the sum is that of the centred matrices, ``2 / n`` times the product of the row sums,
    and a constant: only the first needs ``n^2`` a permutation, and it is small, so that float32 suffices.
    """
    n = left.shape[-1]
    sums = [matrix.sum(-1) for matrix in (left, right)]
    totals = [rows.sum(-1) for rows in sums]
    linear = torch.einsum("in,jbn->ijb", sums[0], sums[1][:, table])
    constant = totals[0][:, None] * totals[1] / n**2
    left, right = (
        (matrix - rows[:, None] / n - rows[:, :, None] / n + total[:, None, None] / n**2).to(dtype)
        for matrix, rows, total in zip((left, right), sums, totals, strict=True)
    )
    moving = right.permute(1, 2, 0).contiguous()  # scales together: one place to read for all of them
    strips = []
    for top in range(0, n, _ROWS):
        strip = left[:, top : top + _ROWS, top:].clone()
        strip[:, :, _ROWS:] *= 2  # what is beyond the strip's own square stands for its mirror image too
        strips.append(strip.flatten(1))
    found = torch.zeros(len(table), len(left), len(right), dtype=sums[0].dtype, device=left.device)
    for order, value in zip(table, found, strict=True):
        for top, strip in zip(range(0, n, _ROWS), strips, strict=True):
            moved = moving.index_select(0, order[top : top + _ROWS]).index_select(1, order[top:])
            value += strip @ moved.flatten(0, 1)
    return found.permute(1, 2, 0) + 2 * linear / n - constant[:, :, None]


def _spectral(left: Tensor, right: Tensor, table: Tensor, alpha: float, cutoff: float) -> Tensor:
    found = []
    for orders in table.split(max(1, _HELD // left.numel())):
        products = left * right[orders[:, :, None], orders[:, None, :]]
        values = batched_eigenvalues(products).clamp(min=0)
        found.append(renyi_entropy(values / values.sum(-1, keepdim=True), alpha, cutoff))
    return torch.cat(found)


def _leading(
    left: Tensor, right: Tensor, table: Tensor, alpha: float, start: Tensor, rank: int | None, eps: float
) -> Tensor:
    values = [joint_entropies(left, right, [order], [1.0], alpha, start=start, rank=rank, eps=eps) for order in table]
    return torch.stack(values)
