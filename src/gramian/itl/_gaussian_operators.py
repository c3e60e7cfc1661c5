"""Gaussian data under a Gaussian kernel: spectra and divergences of the population, in closed form.

Derivations: docs/design/convergence.md.
"""

from __future__ import annotations

import math
import numbers
from itertools import product
from typing import NoReturn

import torch
from torch import Tensor

from gramian.itl._arrays import Converted, convert, spectral_dtype
from gramian.itl._bandwidths import checked_length
from gramian.itl._errors import type_fault, value_fault
from gramian.itl._order import checked_order
from gramian.itl._shapes import ArrayT, Bandwidth, Float, Int, Order

__all__ = ["gaussian_operator_divergence", "gaussian_operator_spectrum"]

_MOST_EIGENVALUES = 2_000_000
_MOST_TERMS = 100_000
# Elements of the joint covariances held at once: 32 MB in float64.
_CHUNK = 2**22


def gaussian_operator_spectrum(variances: ArrayT, *, bandwidth: Bandwidth, tail: Order = 1e-9) -> ArrayT:
    r"""Eigenvalues of a Gaussian kernel under a Gaussian distribution: descending, summing to one but for a tail (no unit).

    .. math:: \lambda_k = \prod_i (1 - b_i) b_i^{k_i}, \quad
        b_i = \frac{\sqrt{1 + 4 v_i} - 1}{\sqrt{1 + 4 v_i} + 1}, \quad v_i = s_i^2 / \sigma^2

    over all :math:`k \in \{0, 1, \dots\}^d`: in each direction a geometric distribution. These are the eigenvalues of the
    integral operator, and of the covariance operator of the kernel's features; those of a Gram matrix over its trace
    converge to them as the sample grows.

    Source: [zhu1998], [rasmussen2006, Section 4.3.1], for one dimension and in another parametrisation.

    Args:
        variances: ``(d,)``, the eigenvalues :math:`s_i^2` of the data's covariance matrix, in any order; zeros add nothing. The
            mean does not matter.
        bandwidth: :math:`\sigma` of :func:`gramian.gaussian_kernel`; a positive number or a tensor without axes.
        tail: the eigenvalues left out, the smallest, sum to at most this; from 1e-12.

    Returns:
        ``(k,)``, as many as it takes; the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: not a floating array, numbers of another kind.
        ValueError: not one axis, a negative variance, empty, not finite; a bandwidth that is not positive; a tail out of
            range, or one that takes more than two million eigenvalues.

    Differentiation:
        Exact by variances and bandwidth, the number of eigenvalues held fixed.

    Cost:
        ``k log k``. The number of eigenvalues grows with the power ``d`` of the number in one direction.

    Example:
        >>> import numpy as np
        >>> gaussian_operator_spectrum(np.array([2.0]), bandwidth=1.0)[:4]
        array([0.5   , 0.25  , 0.125 , 0.0625])
    """
    converted = convert(["variances"], [variances])
    (spread,) = converted.tensors
    if spread.ndim != 1:
        got = f"shape {tuple(spread.shape)}"
        raise value_fault("variances", "one a direction, (d,)", got, "Take the eigenvalues of a covariance matrix.")
    if bool((spread.detach() < 0).any()):
        got = f"{float(spread.detach().amin()):.3g}"
        raise value_fault("variances", "non-negative values", got, "A variance is a squared length.")
    spread = spread.to(spectral_dtype(spread))
    ratio = spread / _square_of(bandwidth, spread)
    root = (1 + 4 * ratio).sqrt()
    return converted.restore(_geometric_product(4 * ratio / (root + 1).square(), _checked_tail(tail)))


def _checked_tail(tail: Order) -> float:
    if isinstance(tail, bool) or not isinstance(tail, numbers.Real):
        raise type_fault("tail", "a number from 1e-12 to below 1", type(tail).__name__, "The default is 1e-9.")
    if not 1e-12 <= tail < 1:
        raise value_fault("tail", "a number from 1e-12 to below 1", tail, "The default is 1e-9.")
    return float(tail)


def _square_of(bandwidth: Bandwidth, like: Tensor) -> Tensor:
    length = checked_length(bandwidth)
    return torch.as_tensor(length, dtype=like.dtype, device=like.device).square()


def _geometric_product(bases: Float[Tensor, " d"], tail: float) -> Float[Tensor, " k"]:
    """The largest products of geometric distributions, until what is left sums to at most ``tail``."""
    largest = float((1 - bases.detach()).prod())
    if 1 - tail > _MOST_EIGENVALUES * largest:
        _raise_endless(largest)
    threshold = min(tail, largest / 2)
    while True:
        values = _products_above(bases, threshold)
        left = 1 - values.detach().flip(0).cumsum(0)[-1]  # from the smallest up, to keep digits
        if float(left) <= tail:
            break
        threshold /= 4
    # The fewest that leave at most the tail; rounding of the sum is far below the smallest tail allowed.
    beyond = float(left) + torch.cat([values.detach().flip(0).cumsum(0).flip(0)[1:], values.new_zeros(1)])
    return values[: int((beyond > tail).sum()) + 1]


def _products_above(bases: Float[Tensor, " d"], threshold: float) -> Float[Tensor, " k"]:
    # The largest product has all exponents zero: starting from it, each direction only makes products smaller.
    values = (1 - bases).prod().reshape(1)
    for base in bases:
        reach = math.log(float(values.detach().amax()) / threshold)
        decay = -math.log(float(base.detach())) if float(base.detach()) > 0 else math.inf
        if reach >= decay * _MOST_EIGENVALUES:  # in this direction alone; for a base that rounds to one too
            _raise_endless(threshold)
        count = 1 + int(reach / decay)
        if count * len(values) > 8 * _MOST_EIGENVALUES:
            _raise_endless(threshold)
        grown = torch.outer(values, base ** torch.arange(count, dtype=values.dtype, device=values.device)).flatten()
        values = grown[grown.detach() >= threshold]
        if len(values) > _MOST_EIGENVALUES:
            _raise_endless(threshold)
    return values.sort(descending=True).values


def _raise_endless(size: float) -> NoReturn:
    rule = f"a tail that {_MOST_EIGENVALUES:,} eigenvalues reach"
    got = f"a spectrum of more, down to {size:.2g} each"
    raise value_fault("tail", rule, got, "Take a larger tail, a larger bandwidth or fewer directions.")


def gaussian_operator_divergence(
    means: ArrayT,
    covariances: ArrayT,
    *,
    bandwidth: Bandwidth,
    alpha: Order = 2.0,
    shares: ArrayT | None = None,
) -> ArrayT:
    r"""Jensen-Rényi divergence of Gaussian populations under a Gaussian kernel, in nats, at most the shares' entropy.

    What :func:`gramian.jensen_renyi_divergence` of samples converges to, at integer orders from 2 on:

    .. math:: D_\alpha = \frac{1}{1-\alpha} \log \frac{\operatorname{tr} \bar\rho^\alpha \; \sum_c \pi_c^\alpha}
        {\sum_c \pi_c^\alpha \operatorname{tr} \rho_c^\alpha}, \quad \bar\rho = \sum_c \pi_c \rho_c

    A trace of a product of operators is a mean of kernels around a cycle,
    :math:`\operatorname{tr} \rho_1 \ldots \rho_\alpha = \mathbb{E}\, k(x_1, x_2) k(x_2, x_3) \ldots k(x_\alpha, x_1)` with
    :math:`x_i` from population i, which for Gaussians is a Gaussian integral.

    Source: [hoyos2022] for the divergence; the integrals are derived in docs/design/convergence.md.

    Args:
        means: ``(g, d)``, one population a row.
        covariances: ``(g, d, d)``, symmetric, positive semidefinite.
        bandwidth: :math:`\sigma` of :func:`gramian.gaussian_kernel`; a positive number or a tensor without axes.
        alpha: order, an integer from 2 on. No closed form is known for the mixture at other orders.
        shares: ``(g,)``, positive, scaled to sum to one; equal ones if None, which is what ``balanced`` converges to.

    Returns:
        A number, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: not floating arrays, NumPy mixed with torch, numbers of another kind.
        ValueError: shapes that do not fit, a covariance that is not symmetric or clearly indefinite, an order that is not an
            integer from 2 on, more than 100,000 terms, shares that are not positive, a bandwidth that is not positive.

    Differentiation:
        Exact by means, covariances, shares and bandwidth.

    Cost:
        ``g^alpha`` determinants of size ``alpha d``.

    Example:
        Two points that are so far apart that the kernel does not connect them:

        >>> import numpy as np
        >>> value = gaussian_operator_divergence(np.array([[0.0], [99.0]]), np.zeros((2, 1, 1)), bandwidth=1.0)
        >>> float(np.exp(value).round(9))
        2.0
    """
    order = checked_order(alpha)
    if order < 2 or order != int(min(order, 1e9)):
        remedy = "At other orders the spectrum of a mixture has no known closed form."
        raise value_fault("alpha", "an integer from 2 on", order, remedy)
    converted, centres, spreads, weights = _checked_populations(means, covariances, shares)
    groups, power = len(centres), int(order)
    if power * math.log(groups) > math.log(_MOST_TERMS):
        rule = f"an order for which {groups} groups have at most {_MOST_TERMS:,} terms"
        raise value_fault("alpha", rule, power, "Take a lower order or fewer groups.")
    cycles = torch.tensor(list(product(range(groups), repeat=power)), device=centres.device)
    log_traces = _log_traces(centres, spreads, cycles, _square_of(bandwidth, centres))
    log_weights = weights.log()
    mixture = (log_traces + log_weights[cycles].sum(-1)).logsumexp(0)
    alone = (cycles == cycles[:, :1]).all(-1)  # in the order of the groups
    within = (log_traces[alone] + power * log_weights).logsumexp(0)
    of_shares = (power * log_weights).logsumexp(0)
    return converted.restore((mixture + of_shares - within) / (1 - power))


def _checked_populations(
    means: ArrayT, covariances: ArrayT, shares: ArrayT | None
) -> tuple[Converted[ArrayT], Tensor, Tensor, Tensor]:
    arrays = [means, covariances] if shares is None else [means, covariances, shares]
    converted = convert(["means", "covariances", "shares"][: len(arrays)], arrays)
    wide = spectral_dtype(converted.tensors[0])
    centres = converted.tensors[0].to(wide)
    spreads = converted.tensors[1].to(wide)
    if centres.ndim != 2:
        raise value_fault("means", "one a population, (g, d)", f"shape {tuple(centres.shape)}", "No batch axes.")
    expected = (centres.shape[0], centres.shape[1], centres.shape[1])
    if tuple(spreads.shape) != expected:
        got = f"shape {tuple(spreads.shape)}"
        raise value_fault("covariances", f"one a population, shape {expected}", got, "One matrix for each mean.")
    largest = spreads.detach().diagonal(dim1=-2, dim2=-1).amax(-1).clamp(min=torch.finfo(spreads.dtype).tiny)
    allowed = max(converted.eps**0.5, 1e-5) * largest
    if bool(((spreads - spreads.mT).detach().abs().amax((-2, -1)) > allowed).any()):
        raise value_fault("covariances", "symmetric matrices", "an asymmetric one", "Symmetrise: (S + S.T) / 2.")
    spreads = (spreads + spreads.mT) / 2
    if bool((torch.linalg.eigvalsh(spreads.detach())[:, 0] < -allowed).any()):
        raise value_fault("covariances", "positive semidefinite matrices", "an indefinite one", "No data has it.")
    if shares is None:
        return converted, centres, spreads, torch.full_like(centres[:, 0], 1 / len(centres))
    weights = converted.tensors[2].to(centres.dtype)
    if tuple(weights.shape) != (len(centres),):
        got = f"shape {tuple(weights.shape)}"
        raise value_fault("shares", f"one a population, shape {(len(centres),)}", got, "Leave them out for equal ones.")
    if bool((weights.detach() <= 0).any()):
        got = f"{float(weights.detach().amin()):.3g}"
        raise value_fault("shares", "positive numbers", got, "Leave out populations that have no share.")
    return converted, centres, spreads, weights / weights.sum()


def _log_traces(
    means: Float[Tensor, "g d"],
    covariances: Float[Tensor, "g d d"],
    cycles: Int[Tensor, "terms order"],
    squared_bandwidth: Float[Tensor, ""],
) -> Float[Tensor, " terms"]:
    """Logarithms of the mean of ``k(x_1, x_2) ... k(x_a, x_1)``, ``x_i`` from the i-th population of a cycle.

    That product is ``exp(-x' A x / 2)`` with A the Laplacian of the cycle over the squared bandwidth, of which the mean over a
    Gaussian is ``det(1 + S A)^(-1/2) exp(-m' A (1 + S A)^(-1) m / 2)``.
    """
    order, width = cycles.shape[-1], means.shape[-1]
    ring = 2 * torch.eye(order, dtype=means.dtype, device=means.device)
    for place in range(order):
        ring[place, (place + 1) % order] -= 1
        ring[(place + 1) % order, place] -= 1
    size = order * width
    eye = torch.eye(size, dtype=means.dtype, device=means.device)
    precision = torch.kron(ring, torch.eye(width, dtype=means.dtype, device=means.device)) / squared_bandwidth
    logarithms = []
    for some in cycles.split(max(1, _CHUNK // size**2)):
        mean = means[some].flatten(-2)
        # Rows of the block diagonal joint covariance meet rows of the precision: S A, without S.
        spread = (covariances[some] @ precision.reshape(order, width, size)).reshape(-1, size, size)
        joint = eye + spread
        pulled = torch.linalg.solve(joint, mean.unsqueeze(-1)).squeeze(-1)
        exponent = ((mean @ precision) * pulled).sum(-1)
        logarithms.append(-(torch.linalg.slogdet(joint).logabsdet + exponent) / 2)
    return torch.cat(logarithms)
