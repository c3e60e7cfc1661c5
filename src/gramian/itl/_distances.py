"""Euclidean distances between vectors, accurate for close pairs, at any scale, and differentiable for equal ones."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._shapes import Float, Int

__all__ = [
    "cancelled_pairs",
    "direct_distances",
    "distances",
    "distinct_pairs",
    "scaled_points",
    "squared_distances",
]

# Elements of the differences held at once: 32 MB in float64.
_CHUNK = 2**22


def scaled_points(
    x: Float[Tensor, "*batch n d"], y: Float[Tensor, "*batch m d"]
) -> tuple[Float[Tensor, "*batch n d"], Float[Tensor, "*batch m d"], Float[Tensor, "*batch"]]:
    """The points in float64 and in a unit in which none has a coordinate beyond one; and the unit.

    Squares of the points then fit the dtype, whatever their scale. The unit is a power of two, so no digit changes, and a
    constant for differentiation.
    """
    wide = spectral_dtype(x)
    largest = x.detach().abs().amax((-2, -1))
    if y is not x:
        largest = torch.maximum(largest, y.detach().abs().amax((-2, -1)))
    # Within a factor 2^1000 of one (2^120 in float32), so that neither the unit nor its inverse leaves the range.
    limit = 1000 if wide == torch.float64 else 120
    exponent = torch.frexp(largest.to(wide).cpu()).exponent.clamp(-limit, limit).to(x.device)
    unit = torch.ldexp(torch.ones_like(largest, dtype=wide), exponent)
    inverse = unit.reciprocal()[..., None, None]
    left = x.to(wide) * inverse
    return left, left if y is x else y.to(wide) * inverse, unit


def squared_distances(x: Float[Tensor, "*batch n d"], y: Float[Tensor, "*batch m d"]) -> Float[Tensor, "*batch n m"]:
    """Squared distances of points from :func:`scaled_points`; exactly zero, with zero gradient, for equal vectors.

    Computed as ``|x|^2 + |y|^2 - 2 x y`` about a common centre, which costs one matrix product. Pairs so close that this
    cancels are computed again from their difference. Distances under 1e-150 of the largest coordinate are zero.
    """
    centre = x.detach().mean(-2, keepdim=True)
    left = x - centre
    right = left if y is x else y - centre
    of_left, of_right = left.square().sum(-1), right.square().sum(-1)
    with torch.autocast(x.device.type, enabled=False):
        squared = (left @ right.mT).mul_(-2).add_(of_left.unsqueeze(-1)).add_(of_right.unsqueeze(-2))
    row, column = cancelled_pairs(squared.detach(), of_left.detach(), of_right.detach())
    # No batch axes from here on: entry (b, i, j) is entry (b n + i, j).
    offset = row.div(x.shape[-2], rounding_mode="floor") * y.shape[-2]
    between = direct_distances(x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1]), row, column + offset)
    return squared.flatten(0, -2).index_put_((row, column), between).unflatten(0, squared.shape[:-1])


def cancelled_pairs(
    squared: Float[Tensor, "*batch n m"], of_x: Float[Tensor, "*batch n"], of_y: Float[Tensor, "*batch m"]
) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"]]:
    """Where the sum has lost more than half of its digits; in a sample, seldom beyond the diagonal."""
    share = 64 * torch.finfo(squared.dtype).eps ** 0.5
    candidates = squared <= share * (of_x + of_y.amax(-1, keepdim=True)).unsqueeze(-1)  # one pass, no n x m product
    places = torch.from_numpy(np.flatnonzero(candidates.cpu().numpy())).to(squared.device)
    row, column = places.div(squared.shape[-1], rounding_mode="floor"), places % squared.shape[-1]
    element = row.div(squared.shape[-2], rounding_mode="floor") * squared.shape[-1]
    terms = of_x.flatten()[row] + of_y.flatten()[element + column]
    lost = squared.flatten()[places] <= share * terms
    return row[lost], column[lost]


def direct_distances(
    x: Float[Tensor, "p d"], y: Float[Tensor, "q d"], row: Int[Tensor, " pairs"], column: Int[Tensor, " pairs"]
) -> Float[Tensor, " pairs"]:
    """Squared distances of listed pairs, in pieces, and with gradients that hold no differences either."""

    def piece(x: Tensor, y: Tensor, row: Tensor, column: Tensor) -> Tensor:
        return (x.index_select(0, row) - y.index_select(0, column)).square().sum(-1)

    step = max(1, _CHUNK // x.shape[-1])
    parts = list(zip(row.split(step), column.split(step), strict=True))
    recorded = torch.is_grad_enabled() and (x.requires_grad or y.requires_grad)
    if recorded and len(parts) > 1:
        from torch.utils.checkpoint import checkpoint  # slow to load, and seldom needed

        return torch.cat([checkpoint(piece, x, y, *part, use_reentrant=False) for part in parts])
    return torch.cat([piece(x, y, *part) for part in parts])


def distances(squared: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Square roots, with zero gradient where the distance is zero and has none."""
    positive = squared > 0
    return torch.where(positive, torch.where(positive, squared, 1.0).sqrt(), 0.0)


def distinct_pairs(squared: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch pairs"]:
    """The ``n (n - 1)`` entries off the diagonal: every distinct pair, twice."""
    size = squared.shape[-1]
    flat = squared.flatten(-2)[..., 1:]
    return flat.unflatten(-1, (size - 1, size + 1))[..., :-1].flatten(-2)
