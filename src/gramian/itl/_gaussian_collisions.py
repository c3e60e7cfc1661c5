"""Joint entropies of order 2 of many shuffles of two Gaussian Grams, from the points: no Gram is made."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from gramian.itl._gaussian_gram import in_strips, row_strips
from gramian.itl._shapes import Float
from gramian.itl._shuffled_grams import Slopes, with_slopes

__all__ = ["gaussian_collisions", "points_serve"]

# Columns of both views together up to which products with points cost less than passes over Grams.
_WIDEST = 64
# Squared length of a point up to which squared distances, as differences of lengths and products, keep eleven decimals.
_FARTHEST = 2.0**14


def points_serve(left: Tensor, right: Tensor) -> bool:
    """Whether :func:`gaussian_collisions` of these points ``(n, d)`` and ``(n, e)`` loses no digits and saves time."""
    if not in_strips(left) or left.shape[1] + right.shape[1] > _WIDEST:
        return False
    # Not so where a bandwidth is so small that lengths are infinite.
    return sum(float(points.detach().square().sum(1).max()) for points in (left, right)) <= _FARTHEST


def gaussian_collisions(
    left: Float[Tensor, "n d"], right: Float[Tensor, "n e"], orders: list[Tensor], weights: list[float]
) -> Float[Tensor, ""]:
    """:func:`collision_entropies` of the Grams ``exp(-|x_i - x_j|^2)`` of points near their centre, in float64.

    The squared product of two such Grams is the Gaussian Gram of the points side by side, and the gradient of its sum comes from its
    product with them. Each strip of it is made, used for both, and forgotten: ``n^2 (d + e)`` an order, and memory for one strip.
    """
    return with_slopes(left, right, partial(_collisions, orders=orders, weights=weights))


def _collisions(
    left: Tensor, right: Tensor, wanted: tuple[bool, bool], *, orders: list[Tensor], weights: list[float]
) -> tuple[Tensor, Slopes]:
    """``2 log n - log sum_ij exp(-2 |x_i - x_j|^2 - 2 |y_p(i) - y_p(j)|^2)``, weighted and summed, and its derivatives by both."""
    size, width = left.shape
    slopes = [torch.zeros_like(points) for points in (left, right)]
    total = left.new_zeros(())
    for order, weight in zip(orders, weights, strict=True):
        joined = torch.cat([left, right.index_select(0, order)], dim=1)
        potential, differences = _potential(math.sqrt(2) * joined)
        total += weight * (2 * math.log(size) - potential.log())
        slope = differences.mul_(4 * math.sqrt(2) * weight / potential)
        slopes[0] += slope[:, :width]
        slopes[1].index_add_(0, order, slope[:, width:])
    return total, [slope if there else None for slope, there in zip(slopes, wanted, strict=True)]


def _potential(points: Tensor) -> tuple[Tensor, Tensor]:
    """``sum_ij W_ij`` and ``sum_j W_ij (x_i - x_j)`` with ``W_ij = exp(-|x_i - x_j|^2)``, from the half above the diagonal."""
    size = len(points)
    ones, lengths = torch.ones_like(points[:, :1]), points.square().sum(1, keepdim=True)
    # One product gives minus the squared distances, another one sums of weighted points and of weights.
    of_rows = torch.cat([2 * points, -lengths, -ones], dim=1)
    of_columns = torch.cat([points, ones, lengths], dim=1).mT.contiguous()
    counted = torch.cat([points, ones], dim=1)
    sums, below = torch.zeros_like(counted), torch.zeros_like(of_columns[1:])
    strips = row_strips(size)
    memory = points.new_empty(strips[0].stop * size)
    for rows in strips:
        shape = (rows.stop - rows.start, size - rows.start)
        strip = memory[: shape[0] * shape[1]].view(shape)
        with torch.autocast(points.device.type, enabled=False):
            torch.mm(of_rows[rows], of_columns[:, rows.start :], out=strip).exp_()
            sums[rows] += strip @ counted[rows.start :]
            below[:, rows.stop :].addmm_(counted[rows].mT, strip[:, shape[0] :])
    sums += below.mT
    weights = sums[:, -1:]
    return weights.sum(), weights * points - sums[:, :-1]
