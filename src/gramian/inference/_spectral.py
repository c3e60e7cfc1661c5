"""Other orders under many labellings: spectra of the groups' blocks, or of the groups' covariances where those are smaller."""

from __future__ import annotations

import math
import sys

import torch
from torch import Tensor

from gramian.inference._form import Form, check_masses
from gramian.itl import batched_eigenvalues
from gramian.itl._order import rank_cutoff
from gramian.itl._spectral_entropy import renyi_entropy

__all__ = ["covariance_divergence", "factor_of", "spectral_divergence"]

# Elements of the matrices held at once: 64 MB in float64.
_HELD = 2**23


def factor_of(gram: Tensor, alpha: float) -> Tensor:
    """``(n, r)`` whose rows have the Gram's inner products.

    From order 1 on directions that are zero to rounding are left out: together they are worth less than 1e-9 nats.
    """
    values, vectors = torch.linalg.eigh(gram)
    kept = values > (len(values) * sys.float_info.epsilon * values[-1] if alpha >= 1 else 0.0)
    factor: Tensor = vectors[:, kept] * values[kept].sqrt()
    return factor


def spectral_divergence(vectors: Tensor, gram: Tensor | None, weights: Tensor, table: Tensor, form: Form) -> Tensor:
    """Divergence of every labelling, in nats, for one kernel.

    Args:
        vectors: ``(n, r)``, float64: features whose inner products are the kernel.
        gram: ``(n, n)``, float64: the kernel, where its blocks may be smaller than ``r``; None to use features only.
        weights: ``(n,)``.
        table: ``(labellings, n)``, group numbers.
        form: order and balance.

    Returns:
        ``(labellings,)``.
    """
    root = weights.sqrt()[:, None]
    vectors = vectors * root
    if gram is not None:
        gram = gram * root * root.mT
    sizes = torch.bincount(table[0].long()).tolist()
    order = table.to(vectors.device, torch.int16).argsort(dim=1, stable=True)
    width = vectors.shape[1]
    held = max(max(sizes) * width, width**2, 0 if gram is None else max(sizes) ** 2)
    chunks = order.split(max(1, _HELD // held))
    return torch.cat([_of_chunk(vectors, gram, weights, chunk.split(sizes, dim=1), form) for chunk in chunks])


def _of_chunk(vectors: Tensor, gram: Tensor | None, weights: Tensor, members: tuple[Tensor, ...], form: Form) -> Tensor:
    lengths = vectors.square().sum(-1)
    masses = torch.stack([lengths[index].sum(-1) for index in members])  # (groups, labellings)
    factors = _factors(masses, form)
    constant = _constant(factors)
    values, mixture = [], torch.zeros((), dtype=vectors.dtype, device=vectors.device)
    for index, factor in zip(members, factors, strict=True):
        by_points = gram is not None and index.shape[1] < vectors.shape[1]
        if gram is not None and by_points:
            block = gram[index[:, :, None], index[:, None, :]]
        if not by_points or not constant:
            chosen = vectors[index]
            covariance = chosen.mT @ chosen
            mixture = mixture + covariance * factor[:, None, None]
        values.append(batched_eigenvalues(block if by_points else covariance) * factor[:, None])
    if constant:
        mixture = (vectors.mT @ vectors)[None] * factors[0, 0]
    shares = torch.stack([weights[index].sum(-1) for index in members])
    return _from_spectra(batched_eigenvalues(mixture), values, shares, len(weights), form)


def covariance_divergence(
    units: Tensor, rest: Tensor, unit_weights: Tensor, rest_weights: Tensor, table: Tensor, size: int, form: Form
) -> Tensor:
    """Divergence of every labelling of units of points, in nats, from their second moments.

    Args:
        units: ``(units, m, m)``: sums over a unit's points of the products of their features, weighted.
        rest: ``(groups, m, m)``: the same of the points that stay in their group.
        unit_weights: ``(units,)``.
        rest_weights: ``(groups,)``.
        table: ``(labellings, units)``.
        size: points in all.
        form: order and balance.

    Returns:
        ``(labellings,)``.
    """
    groups, width = len(rest), units.shape[1]
    flat = units.flatten(1)
    found = []
    for chunk in table.to(units.device).split(max(1, _HELD // (groups * width**2))):
        chosen = torch.stack([(chunk == group).to(units.dtype) for group in range(groups)])
        moments = (chosen @ flat).unflatten(-1, (width, width)) + rest[:, None]  # (groups, labellings, m, m)
        factors = _factors(moments.diagonal(dim1=-2, dim2=-1).sum(-1), form)
        values = [batched_eigenvalues(own) * factor[:, None] for own, factor in zip(moments, factors, strict=True)]
        mixture = (moments * factors[:, :, None, None]).sum(0)
        if _constant(factors):
            mixture = mixture[:1]
        shares = chosen @ unit_weights + rest_weights[:, None]
        found.append(_from_spectra(batched_eigenvalues(mixture), values, shares, size, form))
    return torch.cat(found)


def _factors(masses: Tensor, form: Form) -> Tensor:
    """What scales the groups' blocks so that the traces of all add to one: ``(groups, labellings)``."""
    if form.balanced:
        check_masses(masses)
        return 1 / (len(masses) * masses)
    return (1 / masses.sum(0)).expand_as(masses)


def _constant(factors: Tensor) -> bool:
    """Whether the mixture is the same for every labelling: with balanced groups of different sizes it is not."""
    return bool(factors.amax() - factors.amin() <= 1e-12 * factors.amax())


def _from_spectra(mixture: Tensor, groups: list[Tensor], weights: Tensor, size: int, form: Form) -> Tensor:
    cutoff = rank_cutoff(form.alpha, size, form.eps)
    labels: float | Tensor = math.log(len(weights))
    if not form.balanced:
        labels = renyi_entropy((weights / weights.sum(0)).mT, form.alpha, 0.0)
    return _entropy(mixture, form.alpha, cutoff) + labels - _entropy(torch.cat(groups, dim=-1), form.alpha, cutoff)


def _entropy(values: Tensor, alpha: float, cutoff: float) -> Tensor:
    positive = values.clamp(min=0)
    entropy: Tensor = renyi_entropy(positive / positive.sum(-1, keepdim=True), alpha, cutoff)
    return entropy
