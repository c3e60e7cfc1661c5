"""Bandwidths read off a sample of any size: one by a rule, or a grid over its scales."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from gramian.itl._arrays import convert
from gramian.itl._bandwidths import resolve_bandwidth
from gramian.itl._counts import checked_count
from gramian.itl._distances import distances, distinct_pairs, scaled_points, squared_distances
from gramian.itl._errors import type_fault, value_fault
from gramian.itl._randomness import as_generator
from gramian.itl._shapes import ArrayT, Count, Float, Name, Seed

__all__ = ["bandwidth_by_rule", "bandwidth_grid", "pooled_points"]

# Shares of the distances below the smallest and below the largest scale of a grid, before it is widened by a factor of two.
_LOW, _HIGH = 0.05, 0.95


def bandwidth_by_rule(
    x: ArrayT, y: ArrayT | None = None, *, rule: Name = "median", points: Count = 2000, seed: Seed = 0
) -> float:
    r"""The bandwidth that a rule reads off a sample, in the unit of the points, positive.

    What ``bandwidth=rule`` does inside a kernel, as a number: for feature maps, which see no sample, and for large samples,
    of which it reads a part.

    Source: [hoyos2022] uses the root of half the mean squared distance; the median of distances is the common rule.

    Args:
        x: ``(n, d)``, one point a row.
        y: ``(m, d)``, pooled with x where given.
        rule: ``"median"`` or ``"mean"`` of the distances between distinct pairs, or ``"dimension"`` for :math:`\sqrt{d / 2}`.
        points: read at most this many points, drawn without regard to their order.
        seed: of that draw, which depends on nothing but the points' values: permuting rows changes no bandwidth.

    Returns:
        The bandwidth; detached from any graph.

    Raises:
        TypeError: not floating arrays, NumPy mixed with torch, a rule that is no name.
        ValueError: other than two axes, widths that differ, empty, not finite, an unknown rule, a rule on equal points.

    Cost:
        ``min(n + m, points)^2 d``, and a sort of the points where there are more.

    Example:
        >>> import numpy as np
        >>> bandwidth_by_rule(np.array([[0.0], [1.0], [3.0]]))
        2.0
    """
    if not isinstance(rule, str):
        raise type_fault("rule", "the name of a rule", type(rule).__name__, "The default is 'median'.")
    sample = pooled_points(x, y, points, seed)
    scaled, _, unit = scaled_points(sample, sample)
    return float(resolve_bandwidth(rule, scaled, unit, sample) * unit)


def bandwidth_grid(
    x: ArrayT, y: ArrayT | None = None, *, count: Count = 10, points: Count = 2000, seed: Seed = 0
) -> tuple[float, ...]:
    """Bandwidths over the scales of a sample, in the unit of the points, ascending, in equal ratios.

    From half the distance that 5 % of the distinct pairs fall below to twice the one that 95 % do; pairs of equal points are
    left out. The median fails where two samples differ at another scale than that of most distances; some bandwidth of the
    grid then lies close to it.

    Source: [biggs2023] for the ends, [schrab2023] for the equal ratios; neither a floor in the unit of the data nor
    the cross distances alone, as in the latter's code. Both name bandwidths for ``exp(-dist^2 / b^2)``: the square of our
    Gaussian kernel, which is what order 2 sees.

    Args:
        x: ``(n, d)``, one point a row.
        y: ``(m, d)``, pooled with x where given.
        count: number of bandwidths; a single one is the geometric mean of the two ends.
        points: read at most this many points, drawn without regard to their order.
        seed: of that draw, which depends on nothing but the points' values: permuting rows changes no bandwidth.

    Returns:
        ``count`` numbers.

    Raises:
        TypeError: not floating arrays, NumPy mixed with torch, a count that is not an integer.
        ValueError: other than two axes, widths that differ, empty, not finite, all points equal, a count below 1.

    Cost:
        ``min(n + m, points)^2 d``, a sort of the distances, and one of the points where there are more.

    Example:
        >>> import numpy as np
        >>> bandwidth_grid(np.array([[0.0], [1.0]]), count=3)
        (0.5, 1.0, 2.0)
    """
    number = checked_count("count", count, 1, "Ten are usual.")
    sample = pooled_points(x, y, points, seed)
    scaled, _, unit = scaled_points(sample, sample)
    pairs = distances(distinct_pairs(squared_distances(scaled, scaled)))
    pairs = pairs[pairs > 0].sort().values[::2]  # every pair is there twice
    if len(pairs) == 0:
        raise value_fault("x", "at least two different points", "all points equal", "They have no scale.")
    low, high = (float(pairs[int(share * (len(pairs) - 1))] * unit) for share in (_LOW, _HIGH))
    if number == 1:
        return (math.sqrt(low) * math.sqrt(high),)
    return tuple(np.exp(np.linspace(math.log(low / 2), math.log(2 * high), number)).tolist())


def pooled_points(x: ArrayT, y: ArrayT | None, points: Count, seed: Seed) -> Float[Tensor, "n d"]:
    """Both samples as one, or as many points of it, the same whatever the order of its rows."""
    most = checked_count("points", points, 2, "A distance needs two points.")
    samples = convert(["x"], [x]).tensors if y is None else convert(["x", "y"], [x, y]).tensors
    for name, sample in zip(("x", "y"), samples, strict=False):
        if sample.ndim != 2:
            got = f"shape {tuple(sample.shape)}"
            raise value_fault(name, "points (n, d)", got, "One point a row, no batch axes.")
    if samples[0].shape[1] != samples[-1].shape[1]:
        rule = f"points of the width of x, {samples[0].shape[1]}"
        raise value_fault("y", rule, f"shape {tuple(samples[1].shape)}", "Both hold points of one space.")
    pooled = torch.cat([sample.detach() for sample in samples])
    generator = as_generator(seed)
    if len(pooled) <= most:
        return pooled
    order = torch.from_numpy(np.lexsort(pooled.cpu().numpy().T[::-1]))
    draw = torch.randperm(len(pooled), generator=generator, device=generator.device)[:most].cpu()
    return pooled[order[draw].to(pooled.device)]
