"""Spectra and entropies of vectors under the linear kernel, from the smaller of the two Gram matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl._arrays import Converted, convert
from gramian.itl._errors import value_fault
from gramian.itl._gram_checks import in_range
from gramian.itl._matrix_entropy import collision_entropy
from gramian.itl._order import checked_order, rank_cutoff
from gramian.itl._shapes import ArrayT, Float, Order
from gramian.itl._spectral_entropy import renyi_entropy
from gramian.itl._spectrum import gram_distribution

__all__ = ["feature_entropy", "feature_spectrum"]


def feature_entropy(x: ArrayT, *, alpha: Order = 1.0, center: bool = False) -> ArrayT:
    r"""Matrix entropy of vectors under the linear kernel, in nats, within ``[0, log min(n, d)]``.

    :math:`X X^\top` and :math:`X^\top X` have the same non-zero eigenvalues, hence the same entropy: the smaller is
    computed. Order 2 needs no eigenvalues, only :math:`\|X^\top X\|_F`. Limits as in :func:`gramian.matrix_entropy`.

    Source: [skean2025, Eq. (1) and footnote 2]. The swap holds for single entropies only, never for a Hadamard product.

    Args:
        x: ``(..., n, d)``, one vector a row.
        alpha: order, from 0 to ``math.inf``. Below 1, eigenvalues up to ``max(n, d) * eps * largest`` count as zero,
            ``eps`` being the precision of the input's dtype.
        center: subtract the mean row first.

    Returns:
        ``(...,)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: not a floating array, or ``alpha`` not a number.
        ValueError: fewer than two axes, all vectors zero (or equal, when centred), empty, not finite, a bad order; an order
            below 1 where ``max(n, d) * eps`` reaches 1 (128 in bfloat16, 1,024 in float16): rounding hides the rank.

    Differentiation:
        As :func:`gramian.matrix_entropy`. By ``x`` it is finite at every order.

    Cost:
        ``n d min(n, d)`` for the product, ``min(n, d)^3`` for eigenvalues in float64 (none at order 2).

    Example:
        >>> import numpy as np
        >>> x = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
        >>> float(np.exp(feature_entropy(x)).round(9))
        2.0
    """
    order = checked_order(alpha)
    converted, gram = _checked_features(x, center)
    if order == 2:
        return converted.restore(collision_entropy(gram))
    cutoff = rank_cutoff(order, max(converted.tensors[0].shape[-2:]), converted.eps)
    return converted.restore(renyi_entropy(gram_distribution(gram, name="x", eps=converted.eps), order, cutoff))


def feature_spectrum(x: ArrayT, *, center: bool = False) -> ArrayT:
    r"""Eigenvalues of the linear Gram over its trace: descending, summing to one (no unit).

    .. math:: p = \sigma^2 / \sum_i \sigma_i^2, \quad \sigma = \operatorname{singular\ values}(X)

    Source: [skean2025, Eq. (1) and footnote 2].

    Args:
        x: ``(..., n, d)``, one vector a row.
        center: subtract the mean row first; one of the eigenvalues is then zero if ``n <= d``.

    Returns:
        ``(..., min(n, d))``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: not a floating array.
        ValueError: fewer than two axes, all vectors zero (or equal, when centred), empty, not finite.

    Differentiation:
        As :func:`gramian.spectrum`.

    Cost:
        ``n d min(n, d)`` for the product, ``min(n, d)^3`` for eigenvalues in float64.

    Example:
        >>> import numpy as np
        >>> feature_spectrum(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]))
        array([0.5, 0.5])
    """
    converted, gram = _checked_features(x, center)
    return converted.restore(gram_distribution(gram, name="x", eps=converted.eps).flip(-1))


def _checked_features(x: ArrayT, center: bool) -> tuple[Converted[ArrayT], Tensor]:
    converted = convert(["x"], [x])
    (vectors,) = converted.tensors
    if vectors.ndim < 2:
        rule = "vectors (..., n, d)"
        raise value_fault("x", rule, f"shape {tuple(vectors.shape)}", "One vector a row: reshape to (n, d).")
    if center:
        vectors = _centred(vectors)
    return converted, in_range(_smaller_gram(vectors))


def _centred(x: Float[Tensor, "*batch n d"]) -> Float[Tensor, "*batch n d"]:
    mean = x.mean(-2, keepdim=True)
    if not bool(torch.isfinite(mean.detach()).all()):  # the sum left the range of the dtype: take another scale
        x = x / x.detach().abs().amax((-2, -1), keepdim=True).clamp(min=1.0)
        mean = x.mean(-2, keepdim=True)
    centred = x - mean
    # Equal rows leave the rounding of their mean, whose spectrum would look like data.
    spread, offset = centred.detach().abs().amax((-2, -1)), mean.detach().abs().amax((-2, -1))
    if bool((spread <= 16 * torch.finfo(x.dtype).eps * offset).any()):
        got = f"shape {tuple(x.shape)} with equal rows"
        raise value_fault("x", "at least two different rows to centre", got, "Centring them leaves a zero trace.")
    return centred


def _smaller_gram(x: Float[Tensor, "*batch n d"]) -> Float[Tensor, "*batch m m"]:
    gram = _product(x)
    trace = gram.detach().diagonal(dim1=-2, dim2=-1).sum(-1)
    limits = torch.finfo(x.dtype)
    if not bool((torch.isfinite(trace) & (trace > limits.tiny / limits.eps)).all()):
        # Squares left the range of the dtype: the spectrum does not change with the scale, so take another one.
        scale = x.detach().abs().amax((-2, -1), keepdim=True)
        if bool((scale == 0).any()):
            raise value_fault("x", "a positive trace", "zero vectors only, a zero trace", "It has no spectrum.")
        gram = _product(x / scale)
    return gram


def _product(x: Float[Tensor, "*batch n d"]) -> Float[Tensor, "*batch m m"]:
    with torch.autocast(x.device.type, enabled=False):  # autocast would multiply in half precision
        return x.mT @ x if x.shape[-1] < x.shape[-2] else x @ x.mT
