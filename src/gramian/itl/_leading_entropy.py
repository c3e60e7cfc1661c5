"""Joint entropies of many shuffles without whole spectra: leading eigenvalues, and two exact moments of the rest."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._dependence import check_trace
from gramian.itl._gram_checks import departure_tolerance, raise_indefinite
from gramian.itl._shapes import Float
from gramian.itl._shuffled_collisions import mean_collision_entropy, shuffled_rows, strips_of

__all__ = ["mean_joint_entropy"]

# Applications of the matrix to its random start before the eigenvalues are read off.
_APPLICATIONS = 2


class _Parts(NamedTuple):
    """What a value and its gradient are made of; ``A`` is the Gram over its trace."""

    value: Tensor
    basis: Tensor  # Q, (..., n, m)
    image: Tensor  # A Q
    inner: Tensor  # M: (..., m, m), what Q M Q' adds to the gradient
    flat: Tensor  # slope by the trace of the rest
    square: Tensor  # slope by the squared norm of the rest


def mean_joint_entropy(
    left: Float[Tensor, "*batch n n"],
    right: Float[Tensor, "*batch n n"],
    orders: list[Tensor],
    alpha: float,
    *,
    start: Float[Tensor, "n m"] | None,
    eps: float,
) -> Float[Tensor, "*batch"]:
    """Mean over ``orders`` of the entropy of ``left`` times ``right`` with its rows and columns in that order, in float64.

    Order 2 is exact. Orders from 1 on are read off ``m`` leading eigenvalues and the moments of the others: Rayleigh-Ritz
    values in a subspace found by powers of the matrix from ``start``; what that leaves over has a trace and a Frobenius norm
    that are known exactly, and its eigenvalues count as log-normal with these two moments. The gradient is in closed form, at
    fixed subspaces, and needs memory for a few Grams, however many orders.
    """
    if start is None:
        return mean_collision_entropy(left, right, orders)
    value: Tensor = _MeanJointEntropy.apply(left, right, orders, alpha, start, eps)
    return value


def _parts(a: Tensor, alpha: float, start: Tensor, eps: float) -> _Parts:
    wide = spectral_dtype(a)
    coarse = a if a.dtype == torch.float32 else a.float()
    basis = start.to(coarse)
    with torch.autocast(a.device.type, enabled=False):
        for _ in range(_APPLICATIONS):
            basis = torch.linalg.qr(coarse @ basis).Q
        basis = basis.to(wide)
        if coarse.dtype != wide:  # orthonormal to the rounding of the wider type
            basis = torch.linalg.qr(basis).Q
        image = a.to(wide) @ basis
        inside = basis.mT @ image
    inside = (inside + inside.mT) / 2
    ritz, vectors = torch.linalg.eigh(inside)
    size, rank = a.shape[-1], basis.shape[-1]
    trace = a.diagonal(dim1=-2, dim2=-1).sum(-1, dtype=wide)
    flat = trace - ritz.sum(-1)
    if bool((torch.minimum(flat, ritz.amin(-1)) < -departure_tolerance(eps) * ritz.amax(-1)).any()):
        raise_indefinite("product of the grams", "a negative eigenvalue")
    squared = torch.linalg.vector_norm(a, dim=(-2, -1), dtype=wide).square()
    square = squared - 2 * image.square().sum((-2, -1)) + inside.square().sum((-2, -1))
    value, slopes = _value_and_slopes(ritz, flat, square, size - rank, alpha)
    by_ritz, by_flat, by_square = slopes
    inner = (vectors * by_ritz.unsqueeze(-2)) @ vectors.mT + 2 * by_square[..., None, None] * inside
    inner.diagonal(dim1=-2, dim2=-1).sub_(by_flat.unsqueeze(-1))
    return _Parts(value, basis, image, inner, by_flat, by_square)


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
    if alpha == 1:
        rest = others * mean * (mean.log() + spread.log() / 2)
        return -((leading * logs).sum(-1) + rest)
    excess = alpha - 1
    # sum p^alpha = 1 + sum p (p^excess - 1), so that orders near 1 lose no digits.
    rest = others * mean * torch.expm1(excess * (mean.log() + alpha * spread.log() / 2))
    # Eigenvalues sum to one up to rounding; their sum is a constant, so it does not enter.
    return -torch.log1p((leading * torch.expm1(excess * logs)).sum(-1) + rest) / excess


class _MeanJointEntropy(torch.autograd.Function):
    """Value and closed-form gradient, with the subspaces held fixed."""

    @staticmethod
    def forward(
        ctx: Any, left: Tensor, right: Tensor, orders: list[Tensor], alpha: float, start: Tensor, eps: float
    ) -> Tensor:
        recorded = left.requires_grad or right.requires_grad
        wide = spectral_dtype(left)
        by_left = torch.zeros_like(left) if left.requires_grad else None
        by_right = torch.zeros_like(right) if right.requires_grad else None
        total = torch.zeros(left.shape[:-2], dtype=wide, device=left.device)
        strips = strips_of(left.shape[-1])
        a = torch.empty_like(left)
        for order in orders:
            trace = (left.diagonal(dim1=-2, dim2=-1) * right.diagonal(dim1=-2, dim2=-1)[..., order]).sum(-1)[
                ..., None, None
            ]
            check_trace(trace)
            for rows in strips:
                strip = shuffled_rows(right, order, rows).mul_(left[..., rows, :])
                torch.div(strip, trace, out=a[..., rows, :])
            parts = _parts(a, alpha, start, eps)
            total += parts.value
            if not recorded:
                continue
            slope = _slope(a, parts).div_(trace * len(orders))
            if by_left is not None:
                for rows in strips:
                    by_left[..., rows, :].addcmul_(slope[..., rows, :], shuffled_rows(right, order, rows))
            if by_right is not None:
                slope.mul_(left)
                inverse = torch.argsort(order)
                for rows in strips:
                    by_right[..., rows, :] += shuffled_rows(slope, inverse, rows)
        ctx.save_for_backward(*(given for given in (by_left, by_right) if given is not None))
        ctx.given = (by_left is not None, by_right is not None)
        return total / len(orders)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient was computed beside the value."""
        if torch.is_grad_enabled():
            # It would count as constant, and a penalty on it would silently have no gradient.
            raise RuntimeError(
                "dime: expected one derivative; got create_graph=True. Leave out rank and order 2 for two."
            )
        saved = iter(ctx.saved_tensors)
        by = []
        for there in ctx.given:
            slope = next(saved) if there else None
            by.append(None if slope is None else slope * gradient.to(slope.dtype)[..., None, None])
        return by[0], by[1], None, None, None, None


def _slope(a: Tensor, parts: _Parts) -> Tensor:
    """Derivative of the entropy by the Gram of trace one, along changes that keep the subspace."""
    square = parts.square[..., None, None]
    half = (parts.basis @ (parts.inner / 2) - 2 * square * parts.image).to(a.dtype)
    basis = parts.basis.to(a.dtype)
    with torch.autocast(a.device.type, enabled=False):
        slope = torch.cat([half, basis], dim=-1) @ torch.cat([basis, half], dim=-1).mT
    slope.add_(a * (2 * square).to(a.dtype))
    slope.diagonal(dim1=-2, dim2=-1).add_(parts.flat.to(a.dtype).unsqueeze(-1))
    # The trace is divided out: what the slope does along the Gram itself is no change.
    along = (slope * a).sum((-2, -1))
    slope.diagonal(dim1=-2, dim2=-1).sub_(along.unsqueeze(-1))
    return slope
