"""What FroSSL is computed of: checked views, the forms of their normalisation, and what their distances are divided by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from gramian.itl._errors import type_fault, value_fault
from gramian.ssl._loss.collectives import Ranks, summed_over_ranks
from gramian.ssl._loss.frossl_core import inverse_lengths

__all__ = ["InvarianceScale", "Normalization", "checked_choice", "checked_views", "invariance_factor", "prepared_views"]

Normalization = Literal["feature", "standardized", "sample"]
InvarianceScale = Literal["released", "mean"]

_FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def checked_views(views: Sequence[Tensor] | Tensor) -> list[Tensor]:
    """Two or more views as a list, alike in shape and device. Looks at no values: nothing waits for the device.

    Raises:
        TypeError: not floating tensors.
        ValueError: fewer than two views, not ``(n, d)``, of different shapes or devices, or empty.
    """
    if not isinstance(views, Tensor | list | tuple):
        remedy = "Pass [view_a, view_b], or one tensor (views, n, d)."
        raise type_fault("views", "a list of tensors (n, d)", type(views).__name__, remedy)
    listed = list(views.unbind(0)) if isinstance(views, Tensor) and views.ndim == 3 else views
    if isinstance(listed, Tensor):
        got = f"one tensor of shape {tuple(listed.shape)}"
        raise value_fault("views", "two or more tensors (n, d)", got, "Stack views on a first axis: (views, n, d).")
    if len(listed) < 2:
        remedy = "Invariance is between views: embed two or more augmentations of each sample."
        raise value_fault("views", "two or more views", len(listed), remedy)
    for number, view in enumerate(listed):
        name = f"views[{number}]"
        if not isinstance(view, Tensor):
            raise type_fault(name, "a torch tensor", type(view).__name__, "Convert it with torch.as_tensor.")
        if view.dtype not in _FLOATING:
            remedy = "Pass what the projector returned."
            raise type_fault(name, "a floating dtype (float16, bfloat16, float32 or float64)", view.dtype, remedy)
        if view.ndim != 2 or view.numel() == 0:
            remedy = "One embedding a row: reshape, and leave empty batches out."
            raise value_fault(name, "a matrix (n, d) with values", f"shape {tuple(view.shape)}", remedy)
        if view.shape != listed[0].shape:
            rule = f"the shape of views[0], {tuple(listed[0].shape)}"
            remedy = "Row i of every view is the same sample, and all views pass the same projector."
            raise value_fault(name, rule, tuple(view.shape), remedy)
        if view.device != listed[0].device:
            rule = f"the device of views[0] ({listed[0].device})"
            raise value_fault(name, rule, view.device, "Move the views to one device.")
    return list(listed)


def checked_choice(name: str, value: str, choices: object) -> str:
    """One of the values of a Literal type.

    Raises:
        ValueError: another one.
    """
    known = get_args(choices)
    if value not in known:
        raise value_fault(name, f"one of {', '.join(known)}", repr(value), "See the table in docs/guide/frossl.md.")
    return value


def prepared_views(
    views: Sequence[Tensor], normalization: Normalization, ranks: Ranks | None, eps: float
) -> list[Tensor]:
    """Views centred or with rows of length one, where the form asks for it; columns are scaled later.

    Args:
        views: ``(n, d)`` each, float32 or float64.
        normalization: the form.
        ranks: who shares the batch.
        eps: relative rounding error of the views as given: a column that varies by less than 16 times that is constant.
    """
    if normalization == "feature":
        return list(views)
    if normalization == "sample":
        return [view * inverse_lengths(view.square().sum(1, keepdim=True)) for view in views]
    samples = views[0].shape[0] if ranks is None else ranks.samples
    stacked = torch.stack(list(views))
    mean = summed_over_ranks(stacked.sum(1), ranks) / samples
    centred = stacked - mean.unsqueeze(1)
    squares = summed_over_ranks(centred.detach().square().sum(1), ranks)
    # A constant column leaves the rounding of its mean, which scaled to length one would look like data.
    varies = squares > samples * (16 * eps * mean.detach()).square()
    return list(torch.where(varies.unsqueeze(1), centred, 0.0).unbind(0))


def invariance_factor(
    scale: InvarianceScale, normalization: Normalization, *, views: int, samples: int, width: int
) -> float:
    """What the squared distances of the normalised views from their mean are multiplied by."""
    if scale == "released":
        return (1 if normalization == "sample" else views) / samples
    return views / ((views - 1) * (samples if normalization == "sample" else width))
