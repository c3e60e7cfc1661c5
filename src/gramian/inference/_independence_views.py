"""Two views of the same objects, checked, with the Grams of every scale looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gramian.inference._scales import SCALED, Scale, check_unused, resolve_scales
from gramian.itl import bandwidth_grid, gram
from gramian.itl._arrays import convert, spectral_dtype
from gramian.itl._definiteness import check_definite
from gramian.itl._errors import value_fault
from gramian.itl._gram_checks import checked_grams
from gramian.itl._shapes import ArrayT

__all__ = ["View", "Views", "given_views", "sampled_views"]

_FEWEST = 5
# Bandwidths of each view: every one meets every one of the other.
_GRID = 5
# Points that distances are read off for them.
_READ = 500


@dataclass(frozen=True, eq=False)
class View:
    """One view.

    Attributes:
        scales: its kernels and bandwidths.
        grams: ``(scales, n, n)``, float64.
    """

    scales: tuple[Scale, ...]
    grams: Tensor


@dataclass(frozen=True, eq=False)
class Views:
    """Both views; row i of both describes the same object.

    Attributes:
        x: the view that stays.
        y: the view whose rows are permuted.
        restore: a tensor in the caller's kind.
        eps: precision of the caller's numbers.
    """

    x: View
    y: View
    restore: Callable[[Tensor], Any]
    eps: float

    @property
    def n(self) -> int:
        return self.x.grams.shape[-1]


def sampled_views(x: ArrayT, y: ArrayT, kernel: Any, bandwidth: Any) -> Views:
    """Points ``(n, d)`` and ``(n, e)`` with the Grams of their scales, read off each view alone.

    Raises:
        TypeError: not floating arrays of one kind; a kernel or bandwidth of another type.
        ValueError: not two axes, empty, not finite, other numbers of points, fewer than five, points all equal; an unknown kernel
            or rule.
    """
    converted = convert(["x", "y"], [x, y])
    for name, points in zip(("x", "y"), converted.tensors, strict=True):
        if points.ndim != 2:
            remedy = "One point a row: reshape single numbers to (n, 1)."
            raise value_fault(name, "points (n, d)", f"shape {tuple(points.shape)}", remedy)
    _check_pairs(*(len(points) for points in converted.tensors))
    for name, points in zip(("x", "y"), converted.tensors, strict=True):
        if bool((points == points[:1]).all()):
            remedy = "Everything is independent of a constant."
            raise value_fault(name, "at least two different points", "all points equal", remedy)
    made = []
    for points, own, length in zip(
        converted.tensors, _each("kernel", kernel), _each("bandwidth", bandwidth), strict=True
    ):
        wide = points.detach().to(spectral_dtype(points))
        scales = _scales(own, length, wide)
        grams = [_gram(wide, scale, converted.restore) for scale in scales]
        made.append(View(scales, torch.stack(grams)))
    return Views(made[0], made[1], converted.restore, converted.eps)


def given_views(x: ArrayT, y: ArrayT, bandwidth: Any) -> Views:
    """Grams of both views, ``(n, n)`` or ``(scales, n, n)`` each.

    Raises:
        TypeError: not floating arrays of one kind.
        ValueError: no Grams, other numbers of samples, fewer than five, a constant Gram, a bandwidth.
    """
    check_unused(bandwidth)
    converted = convert(["x", "y"], [x, y])
    for name, matrix in zip(("x", "y"), converted.tensors, strict=True):
        if matrix.ndim not in (2, 3):
            rule = "one Gram (n, n), or one for each scale (scales, n, n)"
            raise value_fault(name, rule, f"shape {tuple(matrix.shape)}", "Test one pair of views at a time.")
    made = []
    for name, matrix in zip(("x", "y"), converted.tensors, strict=True):
        (checked,) = checked_grams([name], [matrix.detach()]).tensors
        check_definite(name, checked, converted.eps)
        grams = checked.reshape(-1, *checked.shape[-2:]).to(spectral_dtype(checked))
        made.append(View((Scale("precomputed", None),) * len(grams), grams))
    _check_pairs(*(view.grams.shape[-1] for view in made))
    for name, view in zip(("x", "y"), made, strict=True):
        if bool((view.grams == view.grams[:, :1, :1]).flatten(1).all(1).any()):
            remedy = "Everything is independent of a constant."
            raise value_fault(name, "a Gram of different points", "a constant Gram", remedy)
    return Views(made[0], made[1], converted.restore, converted.eps)


def _check_pairs(left: int, right: int) -> None:
    if left != right:
        raise value_fault("y", f"as many points as x, {left}", right, "Row i of both is one pair.")
    if left < _FEWEST:
        remedy = "Fewer have too few orders to tell dependence from chance."
        raise value_fault("x", f"at least {_FEWEST} pairs", left, remedy)


def _each(name: str, told: Any) -> tuple[Any, Any]:
    """What is told of x and of y: a pair's two parts, or one thing twice."""
    if isinstance(told, Sequence) and not isinstance(told, str):
        if len(told) != 2:
            remedy = "Several for one view go into its part: (several, 'gaussian')."
            raise value_fault(name, "one for both views or a pair, for x and for y", told, remedy)
        return told[0], told[1]
    return told, told


def _scales(kernel: Any, bandwidth: Any, points: Tensor) -> tuple[Scale, ...]:
    kernels = [kernel] if isinstance(kernel, str) or not isinstance(kernel, Sequence) else kernel
    if isinstance(bandwidth, str) and bandwidth == "aggregate" and any(one in SCALED for one in kernels):
        bandwidth = bandwidth_grid(points, count=_GRID, points=_READ)
    return resolve_scales(kernel, bandwidth, points)


def _gram(points: Tensor, scale: Scale, restore: Callable[[Tensor], Any]) -> Tensor:
    if isinstance(scale.kernel, str):
        return gram(points, kernel=scale.kernel, bandwidth=scale.bandwidth)
    return torch.as_tensor(gram(restore(points), kernel=scale.kernel)).to(points)
