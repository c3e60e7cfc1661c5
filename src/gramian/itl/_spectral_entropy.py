"""Rényi entropies of a spectrum: the one place where the limits at orders 0, 1 and infinity live."""

from __future__ import annotations

import math
import sys

import torch
from torch import Tensor

from gramian.itl._arrays import convert
from gramian.itl._errors import type_fault, value_fault
from gramian.itl._order import checked_order, rank_cutoff
from gramian.itl._shapes import ArrayT, Float, Order

__all__ = ["passing_clamp", "renyi_entropy", "spectral_entropy"]

# Within this distance of order 1 the entropy is a ratio of two small numbers, and is computed without subtracting.
_NEAR_ONE = 0.25


def spectral_entropy(eigenvalues: ArrayT, *, alpha: Order = 1.0, rank_tolerance: Order | None = None) -> ArrayT:
    r"""Rényi entropy of a spectrum that sums to one, in nats, within ``[0, log n]``.

    .. math:: S_\alpha(p) = \frac{1}{1-\alpha} \log \sum_i p_i^\alpha

    Order 0 is the logarithm of the rank, order 1 Shannon's :math:`-\sum_i p_i \log p_i`, order infinity
    :math:`-\log \max_i p_i`; ``0 log 0`` is 0. It never increases with the order.

    Source: [renyi1961], in natural logarithms instead of base 2.

    Args:
        eigenvalues: ``(..., n)``, non-negative, summing to one; zeros may pad it.
        alpha: order, from 0 to ``math.inf``.
        rank_tolerance: fraction of the largest eigenvalue at or below which an eigenvalue counts as zero at orders
            below 1; ``n`` times the dtype's precision if None. The rest is rescaled to sum to one.

    Returns:
        ``(...,)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: not a floating array, or ``alpha`` not a number.
        ValueError: negative or not finite eigenvalues, a sum other than one, an order that is negative or NaN.

    Differentiation:
        Exact wherever the entropy is differentiable; by an eigenvalue up to ``n`` times the precision of float64 it is the
        limit at zero, from order 1 on. At orders up to 1 the derivative by a zero eigenvalue is infinite:
        its place is left zero, which is the derivative along directions that keep the support. Order 0 has zero
        gradient. Order infinity is not differentiable where the largest eigenvalue repeats: a subgradient.

    Cost:
        ``n`` logarithms.

    Example:
        >>> import numpy as np
        >>> float(spectral_entropy(np.array([0.5, 0.25, 0.25]), alpha=1.0) / np.log(2))
        1.5
    """
    order = checked_order(alpha)
    converted = convert(["eigenvalues"], [eigenvalues])
    (values,) = converted.tensors
    if values.ndim < 1:
        raise value_fault("eigenvalues", "(..., n)", f"shape {tuple(values.shape)}", "Pass a vector of eigenvalues.")
    tolerance = math.sqrt(converted.eps)
    if bool((values.detach() < -tolerance).any()):
        remedy = "Pass them through gramian.spectrum, which checks and normalises."
        raise value_fault("eigenvalues", "non-negative values", f"{float(values.detach().amin()):.3g}", remedy)
    total = values.detach().sum(-1)
    if bool(((total - 1).abs() > tolerance).any()):
        worst = float(total.flatten()[(total.flatten() - 1).abs().argmax()])
        raise value_fault("eigenvalues", "a sum of one", f"{worst:.6g}", "Divide by their sum.")
    precision = rank_cutoff(order, values.shape[-1], converted.eps) if rank_tolerance is None else rank_tolerance
    cutoff = _checked_tolerance(precision)
    return converted.restore(renyi_entropy(passing_clamp(values), order, cutoff))


def passing_clamp(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Negative values become zero, gradients pass: which side of zero a null value rounds to must not matter."""
    return values + (values.clamp(min=0) - values).detach()


def renyi_entropy(p: Float[Tensor, "*batch n"], alpha: float, cutoff: float) -> Float[Tensor, "*batch"]:
    """Entropy of order ``alpha`` of checked distributions; ``cutoff`` applies to orders below 1 only."""
    largest = p.detach().amax(-1, keepdim=True)
    if alpha == math.inf:
        return passing_clamp(-p.amax(-1).log())
    if alpha < 1:
        kept = torch.where(p > cutoff * largest, p, 0.0)
        p = kept / kept.sum(-1, keepdim=True)
    if alpha == 0:
        return (p > 0).sum(-1).to(p.dtype).log() + 0.0 * p.sum(-1)  # keeps the graph: the gradient is zero, not missing
    given = p
    if alpha >= 1:
        # Where an eigenvalue is rounding noise its logarithm is noise too: the value counts, the derivative by it is the
        # limit at zero, whichever noise it is.
        p = torch.where(p > p.shape[-1] * sys.float_info.epsilon * largest, p, p.detach())
    positive = p > 0
    log_p = torch.where(positive, p, 1.0).log()
    if alpha == 1:
        return passing_clamp(-(p * log_p).sum(-1))
    if abs(alpha - 1) <= _NEAR_ONE:
        return passing_clamp(_entropy_near_one(p, given, log_p, alpha - 1))
    # S does not depend on the factor taken out, so it is a constant for differentiation too.
    log_largest = largest.log()
    powers = torch.where(positive, torch.exp(alpha * (log_p - log_largest)), 0.0)
    return passing_clamp((alpha / (1 - alpha)) * log_largest.squeeze(-1) + powers.sum(-1).log() / (1 - alpha))


def _entropy_near_one(
    p: Float[Tensor, "*batch n"], given: Float[Tensor, "*batch n"], log_p: Float[Tensor, "*batch n"], excess: float
) -> Float[Tensor, "*batch"]:
    # sum p^(1+e) = 1 + sum p (p^e - 1): no difference of nearly equal numbers is taken, nor divided by a small e.
    # Near p = 0, from orders above 1, the derivative of a term tends to -1: what was detached from p gets it back here.
    terms = p * torch.expm1(excess * log_p) - (given - p)
    return -torch.log1p(terms.sum(-1)) / excess


def _checked_tolerance(tolerance: Order) -> float:
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float):
        rule = "a number in [0, 1) or None"
        raise type_fault("rank_tolerance", rule, type(tolerance).__name__, "None takes n times the dtype's precision.")
    if not 0 <= tolerance < 1:
        raise value_fault(
            "rank_tolerance", "a number in [0, 1)", tolerance, "None takes n times the dtype's precision."
        )
    return float(tolerance)
