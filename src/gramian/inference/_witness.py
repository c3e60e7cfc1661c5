"""Where two samples differ: which points, and which coordinates, carry the difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gramian.inference._pooled import Pooled, pooled_samples
from gramian.inference._sample_tests import two_sample_test
from gramian.inference._scales import SCALED, Scale, resolve_scales
from gramian.itl import as_generator
from gramian.itl._distances import scaled_points, squared_distances
from gramian.itl._errors import value_fault
from gramian.itl._shapes import Array, ArrayT, Seed

__all__ = ["Witness", "witness"]

# Points that stand for a sample's mean where it has more, points at which gradients are taken, and rows at a time.
_REFERENCES, _GRADIENTS, _ROWS = 5_000, 1_000, 512
# Permuted labellings that show what coordinates carry by chance, and those that find the bandwidth.
_CHANCE, _SEARCH = 10, 99


@dataclass(frozen=True, eq=False)
class Witness:
    """What carries the difference between two samples at one scale.

    Attributes:
        scores: ``(n,)`` and ``(m,)``, the witness at the points of either sample, in no unit: positive where the first sample is
            the denser, negative where the second is. The mean over the first less the mean over the second is
            ``1 - exp(-divergence)``, so a point's score over its sample's size is what it adds.
        shares: ``(d,)``, the part of the difference along each coordinate, non-negative, adding to one.
        divergence: Jensen-Rényi divergence of order 2 at this scale, in nats.
        kernel: Name of the kernel.
        bandwidth: Its length.
    """

    scores: tuple[Array, Array]
    shares: Array
    divergence: float
    kernel: str
    bandwidth: float


def witness(
    x: ArrayT,
    y: ArrayT,
    *,
    kernel: str = "gaussian",
    bandwidth: Any = "aggregate",
    weights: Any = None,
    seed: Seed = None,
) -> Witness:
    r"""Which points and which coordinates carry the difference of two samples under the divergence of order 2.

    .. math:: w(z) = \frac{\mu_x(z) - \mu_y(z)}{2 (\|\mu_x\|^2 + \|\mu_y\|^2)}

    with :math:`\mu_x(z)` the mean of the squared kernel between :math:`z` and the points of ``x``. Four times this is by how much the
    divergence grows, up to a constant, for mass moved at ``z`` from ``y`` to ``x``. A coordinate's share is the mean square
    of the derivative along it times the coordinate's variance: how much of the variation of :math:`w` runs along it, to first
    order; less what permuted labels give, as far as anything is then left.

    It shows where, not whether: it has a highest point for samples of one distribution too. Other orders have no such function:
    their derivative at a point that only the other sample has seen is infinite up to order 2.

    Source: [gretton2012] for the witness, [sobol2009] for mean squared derivatives as a measure of what coordinates carry.

    Args:
        x: ``(n, d)``, one point a row.
        y: ``(m, d)``.
        kernel: ``"gaussian"`` or ``"laplacian"``.
        bandwidth: a number, such as that of a test's result; a rule; or ``"aggregate"`` for the one at which the samples stand
            out most from permuted ones.
        weights: as :func:`gramian.two_sample_test`.
        seed: for permuted labels, and for the points that stand for samples of more than 5,000.

    Returns:
        A :class:`gramian.inference.Witness`.

    Raises:
        TypeError, ValueError: as :func:`gramian.two_sample_test`; several bandwidths, a kernel without one.

    Cost:
        ``n^2 d`` for ``n`` points in all, ``n d`` beyond 5,000 a sample; and a test of 99 permutations for ``"aggregate"``.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0, 0.0], [0.0, 1.0]])
        >>> found = witness(x, x + [5.0, 0.0], bandwidth=1.0, seed=0)
        >>> found.shares.round(2), found.scores[0] > 0
        (array([1., 0.]), array([ True,  True]))
    """
    pooled = pooled_samples(["x", "y"], [x, y], weights)
    if not isinstance(kernel, str) or kernel not in SCALED:
        remedy = "A derivative along a coordinate needs one of these."
        raise value_fault("kernel", f"one of {', '.join(SCALED)}", repr(kernel), remedy)
    generator = as_generator(seed)
    if isinstance(bandwidth, str) and bandwidth == "aggregate":
        result = two_sample_test(x, y, kernel=kernel, weights=weights, permutations=_SEARCH, seed=generator)
        bandwidth = result.bandwidth
    scales = resolve_scales(kernel, bandwidth, pooled.points)
    if len(scales) != 1:
        raise value_fault("bandwidth", "one number or rule", f"{len(scales)} numbers", "A witness has one scale.")
    return _witnessed(pooled, scales[0], generator)


def _witnessed(pooled: Pooled, scale: Scale, generator: torch.Generator) -> Witness:
    size = pooled.sizes[0]
    points, _, unit = scaled_points(pooled.points, pooled.points)
    length = float((scale.bandwidth or 0.0) / unit)
    references = _drawn(pooled.sizes, generator).to(points.device)
    in_x = references < size
    mass = pooled.weights[references]
    # Columns: the mean over x, the mean over y.
    means = torch.stack([mass * in_x / mass[in_x].sum(), mass * ~in_x / mass[~in_x].sum()], dim=1)
    embedded = torch.cat(
        [_squared_kernel(points[rows], points[references], scale.name, length)[0] @ means for rows in _pieces(points)]
    )
    first, second = (part / part.sum() for part in pooled.weights.split(list(pooled.sizes)))
    within = first @ embedded[:size, 0] + second @ embedded[size:, 1]
    scores = (embedded[:, 0] - embedded[:, 1]) / (2 * within)
    shares = _shares(points, references, means, scale.name, length, generator)
    gain = first @ scores[:size] - second @ scores[size:]
    return Witness(
        scores=(pooled.restore(scores[:size]), pooled.restore(scores[size:])),
        shares=pooled.restore(shares),
        divergence=float(-torch.log1p(-gain)),
        kernel=scale.name,
        bandwidth=scale.bandwidth or 0.0,
    )


def _shares(
    points: Tensor, references: Tensor, means: Tensor, kernel: str, length: float, generator: torch.Generator
) -> Tensor:
    """Mean squared derivatives of the witness along each coordinate, times its variance, beyond those of permuted labels."""
    chosen = references[
        torch.randperm(len(references), generator=generator, device=generator.device)[:_GRADIENTS].cpu()
    ]
    signed = [means[:, 0] - means[:, 1]]
    for _ in range(_CHANCE):
        order = torch.randperm(len(references), generator=generator, device=generator.device).to(points.device)
        signed.append(signed[0][order])
    contrasts = torch.stack(signed, dim=1)
    seen = points[references] - points[references].mean(0)
    energies = torch.zeros(contrasts.shape[1], points.shape[1], dtype=points.dtype, device=points.device)
    for rows in _pieces(chosen):
        here = points[chosen[rows]]
        _, slope = _squared_kernel(here, points[references], kernel, length)
        centred = here - points[references].mean(0)
        at = slope @ contrasts
        for number, contrast in enumerate(contrasts.T):
            # The derivative of a function of the distance is its slope times the difference of the points.
            derivative = at[:, number, None] * centred - slope @ (contrast[:, None] * seen)
            energies[number] += derivative.square().sum(0)
    energies = energies * seen.square().mean(0)
    excess = (energies[0] - energies[1:].mean(0)).clamp(min=0)
    told = excess if bool(excess.sum() > 0) else energies[0]
    if not bool(told.sum() > 0):  # a witness that is flat everywhere: no coordinate is told from another
        told = torch.ones_like(told)
    return told / told.sum()


def _squared_kernel(here: Tensor, there: Tensor, kernel: str, length: float) -> tuple[Tensor, Tensor]:
    """The squared kernel, and its derivative by the distance over the distance, both ``(rows, references)``."""
    squared = squared_distances(here, there)
    if kernel == "gaussian":
        values = torch.exp(squared * (-1 / length**2))
        return values, values * (-2 / length**2)
    distance = squared.clamp(min=0).sqrt()
    values = torch.exp(distance * (-2 / length))
    # Where points meet there is no derivative; zero is the mean over directions.
    slope = torch.where(distance > 0, values / torch.where(distance > 0, distance, 1.0), 0.0)
    return values, slope * (-2 / length)


def _drawn(sizes: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Places of the points that stand for either sample: all, or a draw of them."""
    places, start = [], 0
    for size in sizes:
        order = torch.arange(size)
        if size > _REFERENCES:
            order = torch.randperm(size, generator=generator, device=generator.device)[:_REFERENCES].cpu().sort().values
        places.append(order + start)
        start += size
    return torch.cat(places)


def _pieces(rows: Tensor) -> Iterator[slice]:
    return (slice(start, start + _ROWS) for start in range(0, len(rows), _ROWS))
