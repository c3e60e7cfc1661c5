"""The scales a test looks at: kernels and bandwidths, read off the pooled sample without its labels."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gramian.itl._bandwidths import RULES, resolve_bandwidth
from gramian.itl._distances import distances, scaled_points, squared_distances
from gramian.itl._errors import type_fault, value_fault

__all__ = ["SCALED", "Scale", "aggregated_bandwidths", "check_unused", "resolve_scales"]

SCALED = ("gaussian", "laplacian")
PLAIN = ("linear", "cosine")
COUNT = 10
# Distances are read off at most this many points.
_READ = 2000


@dataclass(frozen=True)
class Scale:
    """One kernel, with its bandwidth where it has one.

    Attributes:
        kernel: a name, or a function of the caller's.
        bandwidth: in the unit of the points; None for a kernel without.
    """

    kernel: str | Callable[[Any], Any]
    bandwidth: float | None

    @property
    def name(self) -> str:
        """What a result calls the kernel."""
        return self.kernel if isinstance(self.kernel, str) else getattr(self.kernel, "__name__", "function")


def resolve_scales(kernel: object, bandwidth: object, points: Tensor) -> tuple[Scale, ...]:
    """Every kernel, at every bandwidth where it has one.

    Raises:
        TypeError: a kernel that is no name, function or sequence of them; a bandwidth that is no rule, number or sequence of
            numbers.
        ValueError: an unknown kernel or rule, a bandwidth that is not positive or not used, a rule on equal points.
    """
    kernels = [kernel] if isinstance(kernel, str) or callable(kernel) else kernel
    if not isinstance(kernels, Sequence) or not kernels:
        rule = "a name, a function or several of them"
        raise type_fault("kernel", rule, type(kernel).__name__, "The default is 'gaussian'.")
    scales: list[Scale] = []
    for one in kernels:
        if not callable(one) and one not in (*SCALED, *PLAIN):
            rule = f"one of {', '.join((*SCALED, *PLAIN))}, precomputed, or a function"
            raise value_fault("kernel", rule, repr(one), "A function is called as kernel(points).")
        if one in SCALED:
            scales.extend(Scale(one, length) for length in _resolved(bandwidth, points))
        else:
            scales.append(Scale(one, None))
    if all(scale.bandwidth is None for scale in scales):
        check_unused(bandwidth)
    return tuple(scales)


def check_unused(bandwidth: object) -> None:
    """Raises ValueError where a bandwidth is given and no kernel has one."""
    if not (isinstance(bandwidth, str) and bandwidth == "aggregate"):
        remedy = "Leave it out, or name a kernel that has one."
        raise value_fault("bandwidth", f"the default for kernels other than {', '.join(SCALED)}", bandwidth, remedy)


def _resolved(bandwidth: object, points: Tensor) -> list[float]:
    if isinstance(bandwidth, str):
        if bandwidth == "aggregate":
            return aggregated_bandwidths(points)
        if bandwidth in RULES:
            read = _read_points(points)
            left, _, unit = scaled_points(read, read)
            return [float(resolve_bandwidth(bandwidth, left, unit, left) * unit)]
        rule = f"aggregate, one of {', '.join(RULES)}, a number or several"
        raise value_fault("bandwidth", rule, repr(bandwidth), "The default, aggregate, looks at several.")
    return _given(bandwidth)


def aggregated_bandwidths(points: Tensor, count: int = COUNT) -> list[float]:
    """Bandwidths from below the small distances to above the large ones, evenly spaced in their logarithm.

    Raises:
        ValueError: all points equal.
    """
    read = _read_points(points)
    left, _, unit = scaled_points(read, read)
    index = torch.triu_indices(len(left), len(left), 1, device=left.device)
    lengths = distances(squared_distances(left, left))[index[0], index[1]]
    lengths = lengths[lengths > 0].sort().values * unit
    if not len(lengths):
        remedy = "No test can tell equal points apart; a number as bandwidth gives a p-value of one."
        raise value_fault("bandwidth", "different points for the rule 'aggregate'", "all points equal", remedy)
    low, high = (float(lengths[int(share * (len(lengths) - 1))]) for share in (0.05, 0.95))
    grid: list[float] = np.geomspace(low / 2, high * 2, count).tolist()
    return grid


def _read_points(points: Tensor) -> Tensor:
    """The points, or of many of them a fixed draw that depends on their values and not on their order.

    Which points are drawn must not depend on who belongs to which sample, or permuted samples would have had other bandwidths.
    """
    if len(points) <= _READ:
        return points
    order = np.lexsort(points.cpu().numpy().T[::-1])
    draw = torch.randperm(len(points), generator=torch.Generator().manual_seed(0))[:_READ]
    return points[torch.from_numpy(order)[draw].to(points.device)]


def _given(bandwidth: object) -> list[float]:
    several = bandwidth
    if isinstance(several, numbers.Real) and not isinstance(several, bool | np.bool_):
        several = [several]
    if isinstance(several, np.ndarray | Tensor):
        several = several.flatten().tolist()
    if not isinstance(several, Sequence) or not all(
        isinstance(one, numbers.Real) and not isinstance(one, bool) for one in several
    ):
        rule = f"aggregate, one of {', '.join(RULES)}, a number or several"
        raise type_fault("bandwidth", rule, type(bandwidth).__name__, "The default, aggregate, looks at several.")
    lengths = [float(one) for one in several]
    if not lengths or not all(0 < one < float("inf") for one in lengths):
        remedy = "The default, aggregate, adapts to the sample."
        raise value_fault("bandwidth", "positive, finite lengths", lengths, remedy)
    return lengths
