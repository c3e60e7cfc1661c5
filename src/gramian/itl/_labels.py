"""Group labels: integers of any values."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl._arrays import check_has_values, to_tensor
from gramian.itl._errors import type_fault, value_fault
from gramian.itl._shapes import Array, Int

__all__ = ["checked_labels", "groups_of"]

_SIGNED = (torch.int8, torch.int16, torch.int32, torch.int64)
_INTEGERS = (*_SIGNED, torch.uint8, torch.uint16, torch.uint32, torch.uint64)


def checked_labels(labels: Array) -> Tensor:
    """Labels ``(..., n)`` as an int64 tensor; different ones stay different (beyond 63 bits they wrap to negative ones)."""
    values = to_tensor("labels", labels)
    if values.dtype not in _INTEGERS:
        remedy = "Number the groups, for example with numpy.unique(labels, return_inverse=True)[1]."
        raise type_fault("labels", "integers", values.dtype, remedy)
    if values.ndim < 1 or values.numel() == 0:
        raise value_fault("labels", "one label a sample, (..., n)", f"shape {tuple(values.shape)}", "Give n labels.")
    check_has_values("labels", values)
    return values.long()


def groups_of(labels: Int[Tensor, " samples"]) -> list[Tensor]:
    """Indices of the members of each group, in the order of the labels' values."""
    order = labels.argsort(stable=True)
    sizes = torch.unique(labels, return_counts=True)[1]
    return list(order.split(sizes.tolist()))
