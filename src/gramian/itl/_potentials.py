"""Difference of information potentials: order 2 without logarithms, whose expectation over permutations is known."""

from __future__ import annotations

from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._definiteness import check_definite
from gramian.itl._errors import value_fault
from gramian.itl._gram_checks import checked_grams, departure_tolerance
from gramian.itl._shapes import ArrayT, Float

__all__ = ["difference_of_potentials"]


def difference_of_potentials(gram_x: ArrayT, gram_y: ArrayT) -> ArrayT:
    r"""Difference of information potentials at order 2: how much larger that of the pairs is than of shuffled ones.

    .. math:: V(K_x \circ K_y) - \mathbb{E}_P\, V(K_x \circ P K_y P^\top), \quad
        V(K) = \frac{\|K\|_F^2}{\operatorname{tr}(K)^2} = e^{-S_2(K)}

    The expectation is over all permutations, exactly: a shuffle leaves the diagonal where it is and brings every entry off
    it to every place off it equally often. Within ``[-1, 1]``, no unit. About zero for independent samples; exactly zero for
    a constant Gram and for the identity. DiME at order 2 has logarithms of these potentials.

    Source: [skean2023].

    Args:
        gram_x: ``(..., n, n)``, symmetric, positive semidefinite, of constant diagonal, two samples or more.
        gram_y: the same shape; row i of both describes the same sample.

    Returns:
        ``(...,)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: as :func:`gramian.joint_entropy`.
        ValueError: as :func:`gramian.joint_entropy`; also a diagonal that varies, or a single sample.

    Differentiation:
        Exact.

    Cost:
        ``n^2``.

    Example:
        >>> import numpy as np
        >>> pairs = np.kron(np.eye(2), np.ones((2, 2)))
        >>> float(difference_of_potentials(pairs, pairs))  # 1/2 less (4 + 12 / 9) / 16
        0.16666666666666669
    """
    names = ("gram_x", "gram_y")
    converted = checked_grams(names, [gram_x, gram_y])
    size = converted.tensors[0].shape[-1]
    if size < 2:
        raise value_fault("gram_x", "at least two samples", size, "One pair cannot be shuffled.")
    left, right = (
        _unit_diagonal(name, gram, converted.eps) for name, gram in zip(names, converted.tensors, strict=True)
    )
    paired = (left * right).sum((-2, -1))
    # Diagonals are one; entries off them are independent under permutation.
    moved = (left.sum((-2, -1)) - size) * (right.sum((-2, -1)) - size) / (size * (size - 1))
    return converted.restore((paired - size - moved) / size**2)


def _unit_diagonal(name: str, gram: Float[Tensor, "*batch n n"], eps: float) -> Float[Tensor, "*batch n n"]:
    """Squared entries of the Gram, over those of its diagonal."""
    check_definite(name, gram, eps)
    wide = gram.to(spectral_dtype(gram))
    diagonal = wide.diagonal(dim1=-2, dim2=-1)
    low, high = diagonal.detach().aminmax(dim=-1)
    if bool((high - low > departure_tolerance(eps) * high).any()):
        remedy = "Scale it to K_ij / sqrt(K_ii K_jj), as Gaussian, Laplacian and cosine kernels are."
        got = f"one from {float(low.amin()):.3g} to {float(high.amax()):.3g}"
        raise value_fault(name, "a constant diagonal", got, remedy)
    return (wide / diagonal.mean(-1)[..., None, None]).square()
