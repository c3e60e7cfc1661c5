"""Entropy of a Gram matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._cores import batched_eigenvalues
from gramian.itl._definiteness import check_definite
from gramian.itl._gram_checks import checked_grams
from gramian.itl._order import checked_order, rank_cutoff
from gramian.itl._shapes import ArrayT, Float, Order
from gramian.itl._spectral_entropy import passing_clamp, renyi_entropy
from gramian.itl._spectrum import distribution_of, gram_distribution

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
            being the precision of the input's dtype. That is the dtype given here: a Gram that :func:`gramian.linear_kernel`
            made from bfloat16 is float32 and is cut as float32, though its vectors were rounded more coarsely;
            :func:`gramian.feature_entropy` sees the vectors.

    Returns:
        ``(...,)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: not a floating array, or ``alpha`` not a number.
        ValueError: not square, not symmetric, clearly indefinite, zero trace, empty, not finite, a bad order; an order
            below 1 where ``n * eps`` reaches 1 (128 samples in bfloat16, 1,024 in float16): rounding hides the rank.
            Order 2 computes no eigenvalues: beyond 128 samples it looks at the 2 x 2 minors and at three directions, and
            an indefinite matrix that neither shows passes.

    Differentiation:
        Exact at orders above 1, repeated eigenvalues included. Eigenvalues up to ``n`` times the precision of float64
        count as zero, and the derivative by a zero one is its limit there. Near order 1 no finite difference confirms that
        limit: the next term is the step to the power ``alpha - 1``, which does not vanish at any step a float can take. At
        orders up to 1 the derivative that opens a new direction is infinite: what is returned is finite, and exact along
        directions that keep the support.

    Cost:
        ``n^3`` for eigenvalues, in float64; in float32 for float32 input of up to 2,048 samples at orders from 1 when no
        gradient is recorded, where that costs less than 1e-4 nats. ``n^2`` at order 2.

    Example:
        >>> import numpy as np
        >>> float(np.exp(matrix_entropy(5.0 * np.eye(4), alpha=2)).round(9))
        4.0
    """
    order = checked_order(alpha)
    converted = checked_grams(["gram"], [gram])
    (checked,) = converted.tensors
    if _single_precision_suffices(checked, order):
        return converted.restore(_single_precision_entropy(checked, order, eps=converted.eps))
    return converted.restore(gram_entropy(checked, order, name="gram", eps=converted.eps))


def gram_entropy(gram: Float[Tensor, "*batch n n"], alpha: float, *, name: str, eps: float) -> Float[Tensor, "*batch"]:
    """Entropy of a checked Gram, in float64, so that differences of entropies keep their digits."""
    if alpha == 2:
        check_definite(name, gram, eps)
        return collision_entropy(gram)
    cutoff = rank_cutoff(alpha, gram.shape[-1], eps)
    return renyi_entropy(gram_distribution(gram, name=name, eps=eps), alpha, cutoff)


# Up to this size the rounding of float32 eigenvalues moves an entropy of order 1 or more by less than 1e-4 nats on every kind of
# Gram tried, low rank included; each eigenvalue that is zero adds a little, so the error grows with the size.
_SINGLE_PRECISION_SIZE = 2048


def _single_precision_suffices(gram: Float[Tensor, "*batch n n"], alpha: float) -> bool:
    # Gradients take the logarithm of single eigenvalues, and differences of entropies cancel: both stay in float64.
    recorded = torch.is_grad_enabled() and gram.requires_grad
    return (
        gram.dtype == torch.float32
        and alpha >= 1
        and alpha != 2
        and gram.shape[-1] <= _SINGLE_PRECISION_SIZE
        and not recorded
    )


def _single_precision_entropy(
    gram: Float[Tensor, "*batch n n"], alpha: float, *, eps: float
) -> Float[Tensor, "*batch"]:
    eigenvalues = batched_eigenvalues((gram + gram.mT) / 2).to(spectral_dtype(gram))
    return renyi_entropy(distribution_of(eigenvalues, name="gram", eps=eps), alpha, 0.0)


def collision_entropy(gram: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch"]:
    """Order 2 without eigenvalues: ``-log(|K|_F^2 / tr(K)^2)``, summed in float64; entries in range of their squares."""
    wide = spectral_dtype(gram)
    trace = gram.diagonal(dim1=-2, dim2=-1).sum(-1, dtype=wide)
    norm = torch.linalg.vector_norm(gram, dim=(-2, -1), dtype=wide)
    return passing_clamp(2 * (trace.log() - norm.log()))
