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

__all__ = ["factor_of", "spectral_divergence"]

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
    if form.balanced:
        check_masses(masses)
    factors = 1 / (len(members) * masses) if form.balanced else (1 / lengths.sum()).expand_as(masses)
    # With one factor for all groups the mixture is the same for every labelling; with balanced groups of different sizes it
    # is not, and is never carried over.
    constant = bool(factors.amax() - factors.amin() <= 1e-12 * factors.amax())
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
    cutoff = rank_cutoff(form.alpha, len(weights), form.eps)
    together = _entropy(batched_eigenvalues(mixture), form.alpha, cutoff)
    apart = _entropy(torch.cat(values, dim=-1), form.alpha, cutoff)
    return together + _label_entropy(weights, members, form) - apart


def _entropy(values: Tensor, alpha: float, cutoff: float) -> Tensor:
    positive = values.clamp(min=0)
    entropy: Tensor = renyi_entropy(positive / positive.sum(-1, keepdim=True), alpha, cutoff)
    return entropy


def _label_entropy(weights: Tensor, members: tuple[Tensor, ...], form: Form) -> float | Tensor:
    if form.balanced:
        return math.log(len(members))
    shares = torch.stack([weights[index].sum(-1) for index in members], dim=-1) / weights.sum()
    entropy: Tensor = renyi_entropy(shares, form.alpha, 0.0)
    return entropy
