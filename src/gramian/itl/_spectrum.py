"""The spectrum of a Gram matrix, scaled to sum to one."""

from __future__ import annotations

from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._cores import batched_eigenvalues
from gramian.itl._errors import value_fault
from gramian.itl._gram_checks import checked_grams, departure_tolerance
from gramian.itl._shapes import ArrayT, Float
from gramian.itl._spectral_entropy import passing_clamp

__all__ = ["distribution_of", "eigenvalues_of", "gram_distribution", "spectrum"]


def spectrum(gram: ArrayT) -> ArrayT:
    r"""Eigenvalues of a Gram matrix over its trace: non-negative, descending, summing to one (no unit).

    .. math:: p = \operatorname{eig}(K) / \operatorname{tr} K

    Eigenvalues are computed in float64. Those that rounding made slightly negative (down to the square root of the
    input's precision, relative to the largest) are zero; clearly negative ones are an error.

    Source: [giraldo2015].

    Args:
        gram: ``(..., n, n)``, symmetric, positive semidefinite, any positive trace.

    Returns:
        ``(..., n)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: not a floating array.
        ValueError: not square, not symmetric, clearly indefinite, zero trace, empty, not finite.

    Differentiation:
        Through ``eigvalsh``: exact for functions symmetric in the eigenvalues, repeated ones included. Twice only where
        the eigenvalues differ.

    Cost:
        ``n^3``, without eigenvectors unless a gradient is asked for.

    Example:
        >>> import numpy as np
        >>> spectrum(np.diag([1.0, 3.0]))
        array([0.75, 0.25])
    """
    converted = checked_grams(["gram"], [gram])
    (checked,) = converted.tensors
    return converted.restore(gram_distribution(checked, name="gram", eps=converted.eps).flip(-1))


def gram_distribution(gram: Float[Tensor, "*batch n n"], *, name: str, eps: float) -> Float[Tensor, "*batch n"]:
    """Eigenvalues over their sum, ascending, in float64."""
    return distribution_of(eigenvalues_of(gram), name=name, eps=eps)


def eigenvalues_of(gram: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch n"]:
    """Eigenvalues in float64, ascending; both triangles count, and so does the gradient by each."""
    wide = gram.to(spectral_dtype(gram))
    return batched_eigenvalues((wide + wide.mT) / 2)


def distribution_of(eigenvalues: Float[Tensor, "*batch n"], *, name: str, eps: float) -> Float[Tensor, "*batch n"]:
    """Eigenvalues, in any order, made a distribution; raises where one is clearly negative."""
    smallest, largest = eigenvalues.detach().aminmax(dim=-1)
    if bool((smallest < -departure_tolerance(eps) * largest).any()):
        worst = int((smallest / largest).flatten().argmin())
        got = f"eigenvalues from {float(smallest.flatten()[worst]):.3g} to {float(largest.flatten()[worst]):.3g}"
        remedy = "The matrix is indefinite: no kernel gives it. Distances must become similarities first."
        raise value_fault(name, "a positive semidefinite Gram matrix", got, remedy)
    clipped = passing_clamp(eigenvalues)
    return clipped / clipped.sum(-1, keepdim=True)
