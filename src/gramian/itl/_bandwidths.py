"""Bandwidths: rules that read them off the sample, and numbers."""

from __future__ import annotations

import math
import numbers
from typing import cast

import numpy as np
import torch
from torch import Tensor

from gramian.itl._arrays import same_kind, spectral_dtype, to_tensor
from gramian.itl._distances import distances, distinct_pairs, squared_distances
from gramian.itl._errors import type_fault, value_fault
from gramian.itl._shapes import Array, Bandwidth, Float

__all__ = ["RULES", "checked_length", "resolve_bandwidth"]

RULES = ("median", "mean", "dimension")


def resolve_bandwidth(
    bandwidth: Bandwidth,
    sample: Float[Tensor, "*batch n d"],
    unit: Float[Tensor, "*batch"],
    caller: Array,
    squared: Float[Tensor, "*batch n n"] | None = None,
) -> Float[Tensor, "*#batch"]:
    """The bandwidth of each batch element in the unit of the sample, positive, in float64.

    Args:
        bandwidth: ``"median"`` or ``"mean"`` of the distances over distinct pairs of the sample, ``"dimension"`` for
            ``sqrt(d / 2)``, a number, or an array of the batch's shape.
        sample: the vectors the rules read, x and y together, from ``scaled_points``.
        unit: length of one in the sample, in the unit of the caller's numbers.
        caller: the array the caller gave, whose kind an array of bandwidths must share.
        squared: squared distances within the sample, where they are known.
    """
    if isinstance(bandwidth, str):
        return _by_rule(bandwidth, sample, unit, squared)
    batch = tuple(sample.shape[:-2])
    if isinstance(bandwidth, numbers.Real) and not isinstance(bandwidth, bool | np.bool_):
        values = torch.tensor(float(bandwidth), dtype=spectral_dtype(sample), device=sample.device)
    elif isinstance(bandwidth, np.ndarray | Tensor):
        if bandwidth.ndim > 0:
            same_kind("x", caller, "bandwidth", bandwidth)
        given = to_tensor("bandwidth", bandwidth)
        if given.dtype == torch.bool or given.is_complex():
            raise type_fault("bandwidth", "real numbers", given.dtype, "Pass positive lengths.")
        if tuple(given.shape) not in {(), batch}:
            rule = f"one number, or one for each batch element, shape {batch}"
            raise value_fault("bandwidth", rule, f"shape {tuple(given.shape)}", "Drop or add axes.")
        if given.ndim > 0 and given.device != sample.device:
            raise value_fault("bandwidth", f"the device of x ({sample.device})", given.device, "Move it there.")
        values = given.to(sample.device, spectral_dtype(sample))
    else:
        rule = f"a number, an array, or one of {', '.join(RULES)}"
        remedy = "The default is 'median'; make an array of a list of numbers, one for each batch element."
        raise type_fault("bandwidth", rule, type(bandwidth).__name__, remedy)
    if not bool((torch.isfinite(values) & (values > 0)).all()):
        got = (
            float(values.detach().flatten()[0]) if values.numel() == 1 else f"a smallest of {float(values.amin()):.3g}"
        )
        raise value_fault("bandwidth", "a positive, finite length", got, "The rule 'median' adapts to the sample.")
    return values / unit


def checked_length(bandwidth: Bandwidth) -> float | Tensor:
    """One positive, finite length: a tensor where gradients are to pass to it, else a float.

    Raises:
        TypeError: not a number; a rule, which needs a sample.
        ValueError: not positive or not finite, or with axes.
    """
    if isinstance(bandwidth, str):
        remedy = "A rule needs a sample: gramian.itl.bandwidth_by_rule reads the number off one."
        raise type_fault("bandwidth", "a number", repr(bandwidth), remedy)
    if isinstance(bandwidth, np.ndarray | Tensor):
        if bandwidth.ndim > 0:
            raise value_fault("bandwidth", "one number", f"shape {tuple(bandwidth.shape)}", "Make a map for each.")
        kept = isinstance(bandwidth, Tensor) and bandwidth.is_floating_point() and bandwidth.requires_grad
        number = bandwidth.item()
    else:
        kept, number = False, bandwidth
    if isinstance(number, bool | np.bool_) or not isinstance(number, numbers.Real):
        remedy = "Pass a positive length, in the unit of the points."
        raise type_fault("bandwidth", "a number", type(bandwidth).__name__, remedy)
    length = float(number)
    if not (math.isfinite(length) and length > 0):
        remedy = "Pass a positive length, in the unit of the points."
        raise value_fault("bandwidth", "a positive, finite length", length, remedy)
    return cast(Tensor, bandwidth) if kept else length


def _by_rule(
    rule: str,
    sample: Float[Tensor, "*batch n d"],
    unit: Float[Tensor, "*batch"],
    squared: Float[Tensor, "*batch n n"] | None,
) -> Float[Tensor, "*#batch"]:
    if rule not in RULES:
        remedy = "The default is 'median'; any positive number works too."
        raise value_fault("bandwidth", f"one of {', '.join(RULES)}, or a number", repr(rule), remedy)
    if rule == "dimension":
        return math.sqrt(sample.shape[-1] / 2) / unit
    if sample.shape[-2] < 2:
        raise value_fault("bandwidth", f"two points or more for the rule {rule!r}", "one point", "Pass a number.")
    pairs = distances(distinct_pairs(squared_distances(sample, sample) if squared is None else squared))
    length = pairs.mean(-1) if rule == "mean" else _median(pairs)
    if bool((length == 0).any()):
        which = "all points equal" if bool((pairs.amax(-1) == 0).any()) else "most pairs of points equal"
        raise value_fault("bandwidth", f"different points for the rule {rule!r}", which, "Pass a number.")
    return length


def _median(pairs: Float[Tensor, "*batch pairs"]) -> Float[Tensor, "*batch"]:
    # The number of entries is even, each pair being there twice: the median is the mean of the two in the middle.
    middle = pairs.shape[-1] // 2
    return (pairs.kthvalue(middle, dim=-1).values + pairs.kthvalue(middle + 1, dim=-1).values) / 2
