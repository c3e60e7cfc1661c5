"""Euclidean distances between vectors, accurate for close pairs and differentiable for equal ones."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._shapes import Float

__all__ = ["distances", "distinct_pairs", "squared_distances"]


def squared_distances(x: Float[Tensor, "*batch n d"], y: Float[Tensor, "*batch m d"]) -> Float[Tensor, "*batch n m"]:
    """Squared distances in float64; exactly zero, with zero gradient, for equal vectors.

    Computed as ``|x|^2 + |y|^2 - 2 x y`` about a common centre, which costs one matrix product. What is left of equal
    vectors is rounding, below 8 eps of the terms: it is set to zero, since a square root would amplify it.
    """
    wide = spectral_dtype(x)
    x, y = x.to(wide), y.to(wide)
    centre = x.detach().mean(-2, keepdim=True)
    x, y = x - centre, y - centre
    with torch.autocast(x.device.type, enabled=False):
        terms = x.square().sum(-1).unsqueeze(-1) + y.square().sum(-1).unsqueeze(-2)
        squared = terms - 2 * (x @ y.mT)
    return torch.where(squared > 8 * torch.finfo(wide).eps * terms.detach(), squared, 0.0)


def distances(squared: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Square roots, with zero gradient where the distance is zero and has none."""
    positive = squared > 0
    return torch.where(positive, torch.where(positive, squared, 1.0).sqrt(), 0.0)


def distinct_pairs(squared: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch pairs"]:
    """The ``n (n - 1)`` entries off the diagonal: every distinct pair, twice."""
    size = squared.shape[-1]
    flat = squared.flatten(-2)[..., 1:]
    return flat.unflatten(-1, (size - 1, size + 1))[..., :-1].flatten(-2)
