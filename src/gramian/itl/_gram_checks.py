"""What a Gram matrix must be before its spectrum means anything."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gramian.itl._arrays import Converted, convert
from gramian.itl._errors import value_fault
from gramian.itl._shapes import ArrayT, Float

__all__ = ["check_minors", "checked_grams", "departure_tolerance"]


def departure_tolerance(eps: float) -> float:
    """Relative size below which a negative eigenvalue is rounding: the square root of the input's precision."""
    return math.sqrt(eps)


def checked_grams(names: Sequence[str], grams: Sequence[ArrayT]) -> Converted[ArrayT]:
    """Grams of one shape ``(..., n, n)``: square, symmetric, with non-negative diagonals and positive traces.

    Raises:
        TypeError: see :func:`gramian.itl.as_tensors`.
        ValueError: not square, shapes that differ, not symmetric, a negative diagonal entry, zero trace, not finite.
    """
    converted = convert(names, grams)
    first = converted.tensors[0]
    for name, gram in zip(names, converted.tensors, strict=True):
        shape = tuple(gram.shape)
        if gram.ndim < 2 or shape[-1] != shape[-2]:
            remedy = "Build it from vectors with a kernel, such as gramian.gaussian_kernel(x)."
            raise value_fault(name, "a square Gram matrix (..., n, n)", f"shape {shape}", remedy)
        if shape != tuple(first.shape):
            rule = f"the shape of {names[0]}, {tuple(first.shape)}"
            raise value_fault(name, rule, f"shape {shape}", "Grams of one call describe the same n samples.")
        _check_symmetric(name, gram.detach(), converted.eps)
        _check_diagonal(name, gram.detach(), converted.eps)
    return converted


def check_minors(name: str, gram: Float[Tensor, "*batch n n"], eps: float) -> None:
    """The 2 x 2 minors are non-negative: what positive semidefiniteness asks that needs no eigenvalues.

    It is what keeps an order-2 entropy within ``[0, log n]``: ``|K_ij|^2 <= K_ii K_jj`` sums to ``|K|_F^2 <= tr(K)^2``.
    Cost ``n^2``.
    """
    gram = gram.detach()
    root = gram.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
    excess = gram.abs() - root.unsqueeze(-1) * root.unsqueeze(-2)
    largest = root.square().amax(-1)
    if bool((excess.amax((-2, -1)) > departure_tolerance(eps) * largest).any()):
        _raise_indefinite(name, "an entry with |K_ij|^2 > K_ii K_jj")


def _check_symmetric(name: str, gram: Float[Tensor, "*batch n n"], eps: float) -> None:
    # Wide enough for the perturbations of a finite-difference check (1e-6), far below what a mistake leaves.
    tolerance = max(departure_tolerance(eps), 1e-5)
    gap = (gram - gram.mT).abs().amax((-2, -1))
    if bool((gap > tolerance * gram.abs().amax((-2, -1))).any()):
        remedy = "Evaluate the kernel on one sample, kernel(x), or symmetrise: (K + K.T) / 2."
        raise value_fault(name, "a symmetric Gram matrix", f"|K - K.T| up to {float(gap.amax()):.3g}", remedy)


def _check_diagonal(name: str, gram: Float[Tensor, "*batch n n"], eps: float) -> None:
    diagonal = gram.diagonal(dim1=-2, dim2=-1)
    smallest, largest = diagonal.aminmax(dim=-1)
    if bool((smallest < -departure_tolerance(eps) * largest.abs()).any()):
        _raise_indefinite(name, f"a diagonal entry {float(smallest.amin()):.3g}")
    trace = diagonal.sum(-1)
    if not bool(torch.isfinite(trace).all()):
        raise value_fault(name, "a trace within the range of the dtype", "an overflow", "Rescale the Gram matrix.")
    if bool((trace <= 0).any()):
        remedy = "All vectors behind it are zero (centring a single row does that); it has no spectrum."
        raise value_fault(name, "a positive trace", f"trace {float(trace.amin()):.3g}, a zero trace", remedy)


def _raise_indefinite(name: str, got: str) -> None:
    remedy = "The matrix is indefinite: no kernel gives it. Distances must become similarities first."
    raise value_fault(name, "a positive semidefinite Gram matrix", got, remedy)
