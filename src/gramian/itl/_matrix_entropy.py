"""Entropy of a Gram matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._gram_checks import check_minors, checked_grams
from gramian.itl._order import checked_order, rank_cutoff
from gramian.itl._shapes import ArrayT, Float, Order
from gramian.itl._spectral_entropy import renyi_entropy
from gramian.itl._spectrum import gram_distribution

__all__ = ["collision_entropy", "gram_entropy", "matrix_entropy"]


def matrix_entropy(gram: ArrayT, *, alpha: Order = 1.0) -> ArrayT:
    r"""Matrix-based Rényi entropy of a Gram matrix, in nats, within ``[0, log rank]``.

    .. math:: S_\alpha(K) = \frac{1}{1-\alpha} \log \sum_i p_i^\alpha, \quad p = \operatorname{eig} K/\operatorname{tr}K

    Order 0 is the logarithm of the rank, order 1 the von Neumann entropy of ``K / tr K``, order 2 is
    :math:`-\log(\|K\|_F^2 / \operatorname{tr}(K)^2)`, order infinity :math:`-\log \max p`. The identity has ``log n``
    at every order, a matrix of rank one has 0. It does not change with the scale of ``K``.

    Source: [giraldo2015], in natural logarithms instead of base 2. Order 2 divides by ``tr(K)^2``; the released code
    of [skean2025] divides by ``n^2``, which is the same only for a trace of ``n``.

    Args:
        gram: ``(..., n, n)``, symmetric, positive semidefinite, any positive trace.
        alpha: order, from 0 to ``math.inf``. Below 1, eigenvalues up to ``n * eps * largest`` count as zero, ``eps``
            being the precision of the input's dtype.

    Returns:
        ``(...,)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: not a floating array, or ``alpha`` not a number.
        ValueError: not square, not symmetric, clearly indefinite, zero trace, empty, not finite, a bad order. Order 2
            looks at the 2 x 2 minors only: it computes no eigenvalue that could be negative.

    Differentiation:
        Exact at orders above 1, repeated eigenvalues and missing rank included. At orders up to 1 the derivative that
        opens a new direction is infinite: what is returned is finite, and exact along directions that keep the support.

    Cost:
        ``n^3`` (eigenvalues in float64); ``n^2`` at order 2.

    Example:
        >>> import numpy as np
        >>> float(np.exp(matrix_entropy(5.0 * np.eye(4), alpha=2)).round(9))
        4.0
    """
    order = checked_order(alpha)
    converted = checked_grams(["gram"], [gram])
    (checked,) = converted.tensors
    return converted.restore(gram_entropy(checked, order, name="gram", eps=converted.eps))


def gram_entropy(gram: Float[Tensor, "*batch n n"], alpha: float, *, name: str, eps: float) -> Float[Tensor, "*batch"]:
    """Entropy of a checked Gram, in float64, so that differences of entropies keep their digits."""
    if alpha == 2:
        check_minors(name, gram, eps)
        return collision_entropy(gram)
    cutoff = rank_cutoff(alpha, gram.shape[-1], eps)
    return renyi_entropy(gram_distribution(gram, name=name, eps=eps), alpha, cutoff)


def collision_entropy(gram: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch"]:
    """Order 2 without eigenvalues: ``-log(|K|_F^2 / tr(K)^2)``, summed in float64."""
    wide = spectral_dtype(gram)
    trace = gram.diagonal(dim1=-2, dim2=-1).sum(-1, dtype=wide)
    norm = torch.linalg.vector_norm(gram, dim=(-2, -1), dtype=wide)
    return 2 * (trace.log() - norm.log())
