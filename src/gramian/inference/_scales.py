"""The scales a test looks at: kernels and bandwidths, read off the pooled sample without its labels."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from gramian.itl import bandwidth_by_rule, bandwidth_grid
from gramian.itl._bandwidths import RULES
from gramian.itl._errors import type_fault, value_fault

__all__ = ["SCALED", "Scale", "check_unused", "resolve_scales"]

SCALED = ("gaussian", "laplacian")
PLAIN = ("linear", "cosine")
# Points whose distances the grid of bandwidths is read off: their 5 % and 95 % points are all it needs.
_READ = 500


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
            return list(bandwidth_grid(points, points=_READ))
        if bandwidth in RULES:
            return [bandwidth_by_rule(points, rule=bandwidth)]
        rule = f"aggregate, one of {', '.join(RULES)}, a number or several"
        raise value_fault("bandwidth", rule, repr(bandwidth), "The default, aggregate, looks at several.")
    return _given(bandwidth)


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
