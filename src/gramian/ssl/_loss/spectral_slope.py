"""Entropies of trace-normalised matrices, and their derivative by the matrix."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._order import rank_cutoff
from gramian.itl._spectral_entropy import renyi_entropy

__all__ = ["collision_slope", "spectral_slope"]


def collision_slope(squares: Tensor, trace: Tensor) -> tuple[Tensor, Tensor]:
    r"""Order 2 from :math:`\|C\|_F^2` and :math:`\operatorname{tr} C`: the entropy, and the factor of its derivative.

    .. math:: S_2 = -\log \|C\|_F^2 + 2 \log \operatorname{tr} C, \quad \partial S_2 = -\frac{2}{\|C\|_F^2} C

    but for the multiple of the identity that stems from the trace, which normalised vectors do not change. A matrix of
    zeros, as of a view that has collapsed to zero, has the entropy of one that has collapsed to a point, 0, and no
    derivative. What is not a number stays so.

    Args:
        squares: ``(...,)``.
        trace: ``(...,)``.

    Returns:
        The entropy in nats and the factor of ``C``, both ``(...,)``.
    """
    positive = squares != 0
    safe = torch.where(positive, squares, 1.0)
    entropy = torch.where(positive, 2 * torch.where(positive, trace, 1.0).log() - safe.log(), 0.0)
    return entropy, torch.where(positive, -2 / safe, 0.0)


def spectral_slope(matrices: Tensor, alpha: float, *, size: int, eps: float) -> tuple[Tensor, Tensor]:
    r"""Entropy of any order above 0 and its derivative by the matrix, from eigenvalues in float64.

    .. math:: \partial S_\alpha = U \operatorname{diag}(g) U^\top, \quad
        g_i = \frac{\alpha}{1-\alpha} \frac{p_i^{\alpha-1} / \sum_k p_k^\alpha - 1}{\operatorname{tr} C}

    which repeated eigenvalues leave defined. Near order 1 it is computed without subtracting, from
    :math:`p_i^{\alpha-1} / \sum_k p_k^\alpha = e^{(\alpha-1)(\log p_i + S_\alpha)}`. At orders up to 1, where the
    derivative by a zero eigenvalue is infinite, its place is zero; at order infinity it is a subgradient.

    Args:
        matrices: ``(V, m, m)``, symmetric, positive semidefinite.
        alpha: order, above 0, to ``math.inf``.
        size: larger side of the vectors behind the matrix; below order 1, eigenvalues up to ``size * eps * largest``
            count as zero.
        eps: relative rounding error of those vectors as the caller gave them.

    Returns:
        Entropies ``(V,)`` in nats and derivatives ``(V, m, m)``, in the dtype of the matrices; zeros for a matrix of zeros.
    """
    eigenvalues, vectors = torch.linalg.eigh(matrices.to(spectral_dtype(matrices)))
    eigenvalues = eigenvalues.clamp(min=0)
    cutoff = rank_cutoff(alpha, size, eps)
    eigenvalues = torch.where(eigenvalues > cutoff * eigenvalues[..., -1:], eigenvalues, 0.0 * eigenvalues)
    trace = eigenvalues.sum(-1, keepdim=True)
    collapsed = trace == 0
    trace = torch.where(collapsed, 1.0, trace)
    p = torch.where(collapsed, 1.0 / eigenvalues.shape[-1], eigenvalues / trace)
    entropy = renyi_entropy(p, alpha, 0.0)
    log_ratio = p.log() + entropy.unsqueeze(-1)
    if alpha == math.inf:
        largest = torch.zeros_like(p)
        largest[..., -1] = 1 / p[..., -1]
        by_share = 1 - largest
    elif alpha == 1:
        by_share = -log_ratio
    else:
        by_share = alpha / (1 - alpha) * torch.expm1((alpha - 1) * log_ratio)
    if alpha <= 1:
        by_share = torch.where(p > 0, by_share, 0.0)
    slope = (vectors * torch.where(collapsed, 0.0, by_share / trace).unsqueeze(-2)) @ vectors.mT
    entropy = torch.where(collapsed.squeeze(-1), 0.0, entropy)
    return entropy.to(matrices.dtype), slope.to(matrices.dtype)
