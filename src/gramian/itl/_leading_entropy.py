"""Joint entropies of many shuffles without whole spectra: leading eigenvalues, and two exact moments of the rest."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._dependence import check_trace
from gramian.itl._gram_checks import departure_tolerance, raise_indefinite
from gramian.itl._krylov import KrylovBasis, krylov_basis
from gramian.itl._shapes import Float
from gramian.itl._shuffled_collisions import collision_entropies
from gramian.itl._shuffled_grams import Slopes, shuffled_rows, strips_of, symmetrise, with_slopes

__all__ = ["joint_entropies"]

# Variance of a rest, as a share of its squared mean, below which its series serves; and orders that are one to half of the digits.
_NEARLY_FLAT, _NEARLY_ONE = 1e-3, 1e-3
# Share of the squared norm from which the rest's is told apart from rounding in single precision.
_TOLD_APART = 1e-3


class _Parts(NamedTuple):
    """What a value and its gradient are made of; ``A`` is the Gram over its trace."""

    value: Tensor
    basis: Tensor  # Q, (..., n, m)
    image: Tensor  # A Q
    inner: Tensor  # M: (..., m, m), what Q M Q' adds to the gradient
    flat: Tensor  # slope by the trace of the rest
    square: Tensor  # slope by the squared norm of the rest
    along: Tensor  # slope along A itself


def joint_entropies(
    left: Float[Tensor, "*batch n n"],
    right: Float[Tensor, "*batch n n"],
    orders: list[Tensor],
    weights: list[float],
    alpha: float,
    *,
    start: Float[Tensor, "n width"] | None,
    rank: int | None,
    eps: float,
) -> Float[Tensor, "*batch"]:
    """Weighted sum over ``orders`` of the entropy of ``left`` times ``right`` with its rows and columns in that order, in float64.

    Order 2 is exact. Orders from 1 on are read off ``rank`` leading eigenvalues and the moments of the others: Rayleigh-Ritz
    values in a Krylov space from ``start``; what that leaves over has a trace and a Frobenius norm
    that are known exactly, and its eigenvalues count as gamma distributed with these two moments. The gradient is in closed form, at
    fixed subspaces, and needs memory for a few Grams, however many orders.
    """
    if start is None or rank is None:
        return collision_entropies(left, right, orders, weights)
    told: dict[str, Any] = {
        "orders": orders,
        "weights": weights,
        "alpha": alpha,
        "start": start,
        "rank": rank,
        "eps": eps,
    }
    return with_slopes(left, right, partial(_joint_entropies, **told))


def _parts(a: Tensor, alpha: float, start: Tensor, rank: int, eps: float) -> _Parts:
    wide = spectral_dtype(a)
    space = krylov_basis(a, start, rank)
    trace = a.diagonal(dim1=-2, dim2=-1).sum(-1, dtype=wide)
    squared = _squared_norm(a)
    square = _rest_of_squares(squared, space)
    if a.dtype != wide and bool((square < _TOLD_APART * squared).any()):
        image = a.to(wide) @ space.basis
        inside = space.basis.mT @ image
        space = KrylovBasis(space.basis, image, (inside + inside.mT) / 2)
        square = _rest_of_squares(squared, space)
    ritz, vectors = torch.linalg.eigh(space.inside)
    flat = trace - ritz.sum(-1)
    if bool((torch.minimum(flat, ritz.amin(-1)) < -departure_tolerance(eps) * ritz.amax(-1)).any()):
        raise_indefinite("product of the grams", "a negative eigenvalue")
    value, slopes = _value_and_slopes(ritz, flat, square, a.shape[-1] - rank, alpha)
    by_ritz, by_flat, by_square = slopes
    inner = (vectors * by_ritz.unsqueeze(-2)) @ vectors.mT + 2 * by_square[..., None, None] * space.inside
    inner.diagonal(dim1=-2, dim2=-1).sub_(by_flat.unsqueeze(-1))
    along = (by_ritz * ritz).sum(-1) + by_flat * flat + 2 * by_square * square
    return _Parts(value, space.basis, space.image, inner, by_flat, by_square, along)


def _squared_norm(a: Tensor) -> Tensor:
    """Summed by rows first, whose lengths single precision can hold."""
    lengths: Tensor = torch.linalg.vector_norm(a, dim=-1)
    return lengths.to(spectral_dtype(a)).square().sum(-1)


def _rest_of_squares(squared: Tensor, space: KrylovBasis) -> Tensor:
    return squared - 2 * space.image.square().sum((-2, -1)) + space.inside.square().sum((-2, -1))


def _value_and_slopes(
    ritz: Tensor, flat: Tensor, square: Tensor, others: int, alpha: float
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """The entropy, and its derivatives by the leading eigenvalues, the rest's trace and the rest's squared norm."""
    with torch.enable_grad():
        inputs = [tensor.detach().clone().requires_grad_() for tensor in (ritz, flat, square)]
        leading = inputs[0].clamp(min=0)
        # A rest that is rounding alone counts as nothing, and so do its moments' slopes.
        kept = (
            (inputs[1] > torch.finfo(flat.dtype).eps * others) if others else torch.zeros_like(flat, dtype=torch.bool)
        )
        mean = torch.where(kept, inputs[1], 1.0) / max(others, 1)
        # By the moments' inequality between one (all equal) and their number (all but one zero).
        spread = torch.where(kept, inputs[2], mean.square() * others) / (max(others, 1) * mean.square())
        spread = spread.clamp(min=1.0, max=float(max(others, 1)))
        value = _entropy(leading, mean, spread, torch.where(kept, float(others), 0.0), alpha)
        slopes = torch.autograd.grad(value.sum(), inputs, allow_unused=True)
    filled = [torch.zeros_like(given) if slope is None else slope for given, slope in zip(inputs, slopes, strict=True)]
    return value.detach(), (filled[0], filled[1], filled[2])


def _entropy(leading: Tensor, mean: Tensor, spread: Tensor, others: Tensor, alpha: float) -> Tensor:
    if alpha == math.inf:
        return -leading.amax(-1).log()
    positive = leading > 0
    logs = torch.where(positive, leading, 1.0).log()
    excess = alpha - 1
    growth = _gamma_growth(spread - 1, excess)
    if alpha == 1:
        rest = others * mean * (mean.log() + growth)
        return -((leading * logs).sum(-1) + rest)
    # sum p^alpha = 1 + sum p (p^excess - 1), so that orders near 1 lose no digits.
    rest = others * mean * torch.expm1(excess * (mean.log() + growth))
    # Eigenvalues sum to one up to rounding; their sum is a constant, so it does not enter.
    return -torch.log1p((leading * torch.expm1(excess * logs)).sum(-1) + rest) / excess


def _gamma_growth(variance: Tensor, excess: float) -> Tensor:
    """``log(E p^(1 + excess)) / excess`` of gamma variables of mean one and this variance; its limit ``E p log p`` at 0."""
    small = variance < _NEARLY_FLAT
    x = torch.where(small, variance, 0.0)
    series = (excess + 1) * x * (0.5 - (2 * excess + 1) * x / 12 + excess * (excess + 1) * x.square() / 12)
    shape = torch.where(small, 1.0, variance).reciprocal()
    if excess < _NEARLY_ONE:  # a difference of two logarithms would lose its digits
        growth = torch.digamma(shape + 1 + excess / 2) - shape.log()
    else:
        growth = (torch.lgamma(shape + 1 + excess) - torch.lgamma(shape + 1)) / excess - shape.log()
    return torch.where(small, series, growth)


def _joint_entropies(
    left: Tensor,
    right: Tensor,
    wanted: tuple[bool, bool],
    *,
    orders: list[Tensor],
    weights: list[float],
    alpha: float,
    start: Tensor,
    rank: int,
    eps: float,
) -> tuple[Tensor, Slopes]:
    slopes: Slopes = [torch.zeros_like(left) if there else None for there in wanted]
    total = torch.zeros(left.shape[:-2], dtype=spectral_dtype(left), device=left.device)
    a = torch.empty_like(left)
    for order, weight in zip(orders, weights, strict=True):
        trace = (left.diagonal(dim1=-2, dim2=-1) * right.diagonal(dim1=-2, dim2=-1)[..., order]).sum(-1)
        check_trace(trace)
        for rows in strips_of(left.shape[-1]):
            strip = shuffled_rows(right, order, rows)
            torch.mul(strip, left[..., rows, :] / trace[..., None, None], out=a[..., rows, :])
        parts = _parts(a, alpha, start, rank, eps)
        total += weight * parts.value
        if any(wanted):
            _add_slopes(slopes, (left, right), order, a, parts, trace / weight)
    for slope in slopes:
        if slope is not None:
            symmetrise(slope)
    return total, slopes


def _add_slopes(
    slopes: Slopes,
    grams: tuple[Tensor, Tensor],
    order: Tensor,
    a: Tensor,
    parts: _Parts,
    divisor: Tensor,
) -> None:
    """Adds the derivative of the entropy by both Grams, along changes that keep the subspace; symmetric only with its transpose."""
    left, right = grams
    basis, image = parts.basis.to(a.dtype), parts.image.to(a.dtype)
    # The trace is divided out: what the slope does along the Gram itself is no change.
    inner, square, flat = (
        (slope / scale).to(a.dtype)
        for slope, scale in (
            (parts.inner, divisor[..., None, None]),
            (2 * parts.square[..., None, None], divisor[..., None, None]),
            ((parts.flat - parts.along).unsqueeze(-1), divisor[..., None]),
        )
    )
    with torch.autocast(a.device.type, enabled=False):
        outer = (basis @ inner).sub_(2 * square * image)
    basis = basis.mT.contiguous()
    inverse = torch.argsort(order)
    for rows in strips_of(a.shape[-1]):
        with torch.autocast(a.device.type, enabled=False):
            strip = outer[..., rows, :] @ basis
        strip.addcmul_(a[..., rows, :], square)
        strip.diagonal(rows.start, -2, -1).add_(flat)
        if slopes[0] is not None:
            slopes[0][..., rows, :].addcmul_(strip, shuffled_rows(right, order, rows))
        if slopes[1] is not None:
            strip.mul_(left[..., rows, :])
            slopes[1].index_add_(-2, order[rows], strip.index_select(-1, inverse))
