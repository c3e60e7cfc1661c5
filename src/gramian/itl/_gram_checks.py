"""What a Gram matrix must be before its spectrum means anything."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NoReturn

import torch
from torch import Tensor

from gramian.itl._arrays import Converted, convert
from gramian.itl._errors import value_fault
from gramian.itl._shapes import ArrayT, Float

__all__ = ["checked_grams", "departure_tolerance", "in_range", "raise_indefinite"]

# A row of such tiles and its mirror image stay in the cache of one core.
_TILE = 256
# Largest diagonal entries from 2^-16 to 2^16 leave room for squares and products, in float32 too.
_EXPONENT = 16


def departure_tolerance(eps: float) -> float:
    """Relative size below which a negative eigenvalue is rounding: the square root of the input's precision."""
    return math.sqrt(eps)


def checked_grams(names: Sequence[str], grams: Sequence[ArrayT]) -> Converted[ArrayT]:
    """Grams of one shape ``(..., n, n)``: square, symmetric, with non-negative diagonals and positive traces.

    Those whose entries are far from one come back rescaled: nothing computed from a Gram here depends on its scale.

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
    tensors = tuple(in_range(gram) for gram in converted.tensors)
    for name, gram in zip(names, tensors, strict=True):
        _check_diagonal(name, gram.detach(), converted.eps)
        _check_symmetric(name, gram.detach(), converted.eps)
    return replace(converted, tensors=tensors)


def in_range(gram: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch n n"]:
    """The Gram, times a power of two where its largest diagonal entry is so large or small that squares might not fit.

    The factor is a constant for differentiation, and exact: digits stay. Cost ``n``, and a pass where it scales.
    """
    largest = gram.detach().diagonal(dim1=-2, dim2=-1).amax(-1)
    exponent = torch.frexp(largest.cpu()).exponent.to(gram.device)
    if bool((exponent.abs() <= _EXPONENT).all()):
        return gram
    half = exponent // 2  # in two steps: the factor of a denormal number is itself beyond the range
    one = torch.ones_like(largest)
    for part in (half, exponent - half):
        gram = gram * torch.ldexp(one, -part)[..., None, None]
    return gram


def _tiles(size: int) -> Iterator[tuple[slice, slice]]:
    """Square tiles on and above the diagonal: a symmetric matrix and its transpose, one piece at a time."""
    starts = range(0, size, _TILE)
    for top in starts:
        for left in starts:
            if left >= top:
                yield slice(top, top + _TILE), slice(left, left + _TILE)


def _check_symmetric(name: str, gram: Float[Tensor, "*batch n n"], eps: float) -> None:
    # Wide enough for the perturbations of a finite-difference check (1e-6), far below what a mistake leaves. The largest
    # diagonal entry of a kernel is its largest entry, and costs no pass.
    tolerance = max(departure_tolerance(eps), 1e-5)
    allowed = tolerance * gram.diagonal(dim1=-2, dim2=-1).amax(-1)
    worst = torch.zeros_like(allowed)
    for rows, columns in _tiles(gram.shape[-1]):
        mirrored = gram[..., columns, rows].mT.contiguous()  # transposed by itself, a tile stays in the cache
        gap = mirrored - gram[..., rows, columns]  # not in place: of one column it is the caller's own memory
        worst = torch.maximum(worst, torch.maximum(gap.amax((-2, -1)), -gap.amin((-2, -1))))
    if bool((worst > allowed).any()):
        remedy = "Evaluate the kernel on one sample, kernel(x), or symmetrise: (K + K.T) / 2."
        raise value_fault(name, "a symmetric Gram matrix", f"|K - K.T| up to {float(worst.amax()):.3g}", remedy)


def _check_diagonal(name: str, gram: Float[Tensor, "*batch n n"], eps: float) -> None:
    diagonal = gram.diagonal(dim1=-2, dim2=-1)
    smallest, largest = diagonal.aminmax(dim=-1)
    if bool((smallest < -departure_tolerance(eps) * largest.abs()).any()):
        raise_indefinite(name, f"a diagonal entry {float(smallest.amin()):.3g}")
    trace = diagonal.sum(-1)
    if bool((trace <= 0).any()):
        remedy = "All vectors behind it are zero (centring a single row does that); it has no spectrum."
        raise value_fault(name, "a positive trace", f"trace {float(trace.amin()):.3g}, a zero trace", remedy)


def raise_indefinite(name: str, got: str) -> NoReturn:
    """The error of every check that finds a negative eigenvalue."""
    remedy = "The matrix is indefinite: no kernel gives it. Distances must become similarities first."
    raise value_fault(name, "a positive semidefinite Gram matrix", got, remedy)
