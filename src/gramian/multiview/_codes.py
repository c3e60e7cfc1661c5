"""Codes of a batch: what they must be, and their Grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from gramian.itl import bandwidth_by_rule, gaussian_kernel, laplacian_kernel
from gramian.itl._errors import type_fault, value_fault

__all__ = ["KERNELS", "Rule", "checked_codes", "code_gram", "code_points"]

Rule = Literal["dimension", "median"]
KERNELS = {"gaussian": gaussian_kernel, "laplacian": laplacian_kernel}


def checked_codes(views: Sequence[Tensor], *, at_least: int = 2) -> list[Tensor]:
    """Codes ``(n, d)`` of one batch, float32 or wider."""
    if isinstance(views, Tensor):
        got = f"one tensor of shape {tuple(views.shape)}"
        raise type_fault("views", "a list of tensors, one a view", got, "Pass [first, second].")
    if len(views) < at_least:
        raise value_fault("views", f"at least {at_least} views", len(views), "Pass [first, second].")
    for place, view in enumerate(views):
        name = f"views[{place}]"
        if not isinstance(view, Tensor) or not view.is_floating_point():
            got = str(view.dtype) if isinstance(view, Tensor) else type(view).__name__
            raise type_fault(name, "a floating tensor", got, "Codes are what encoders return.")
        if view.ndim != 2 or view.shape[1] == 0:
            raise value_fault(name, "codes (n, d)", f"shape {tuple(view.shape)}", "Flatten the rest: one code a row.")
        if len(view) != len(views[0]):
            rule = f"as many samples as views[0], {len(views[0])}"
            raise value_fault(name, rule, len(view), "Row i of all views describes the same sample.")
        if len(view) < 2:
            raise value_fault(name, "at least two samples", len(view), "One sample shares nothing: take a batch.")
        if not bool(torch.isfinite(view.detach()).all()):
            raise value_fault(name, "finite codes", "NaN or infinite values", "The training diverged: lower its rate.")
        if bool((view.detach() == view.detach()[:1]).all()):
            remedy = "The encoder has collapsed, or its input is constant: DiME is zero there and has no gradient."
            raise value_fault(name, "codes that differ", "all rows equal", remedy)
    return [view if view.dtype == torch.float64 else view.float() for view in views]


def code_gram(code: Tensor, kernel: str, bandwidth: Rule | float, log_factor: Tensor | None = None) -> Tensor:
    """Gram of a code; ``log_factor`` multiplies the bandwidth, with a gradient."""
    return KERNELS[kernel](code, bandwidth=_width(code, bandwidth, log_factor))


def code_points(code: Tensor, bandwidth: Rule | float, log_factor: Tensor | None = None) -> Tensor:
    """Points around 0, in float64, whose ``exp(-|x_i - x_j|^2)`` are the code's Gaussian Gram."""
    points = code.double()
    width = torch.as_tensor(_width(points, bandwidth, log_factor), dtype=torch.float64, device=code.device)
    return (points - points.detach().mean(0)) / (2**0.5 * width)


def _width(code: Tensor, bandwidth: Rule | float, log_factor: Tensor | None) -> float | Tensor:
    by_dimension: float = (code.shape[1] / 2) ** 0.5
    if log_factor is not None:
        return log_factor.to(code).exp() * by_dimension
    if bandwidth == "dimension":
        return by_dimension
    return bandwidth_by_rule(code.detach(), rule=bandwidth) if isinstance(bandwidth, str) else bandwidth
