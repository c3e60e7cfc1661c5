"""Views as arrays: what they must be before anything is learned from them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gramian.itl._errors import type_fault, value_fault

__all__ = ["checked_views", "fingerprint", "given_views"]

_ROW = "Row i of all views describes the same sample."


def checked_views(views: Any) -> list[Tensor]:
    """Views to learn from, float32: ``(n, d)``, or images ``(n, channels, height, width)``.

    Raises:
        TypeError: one array in place of several, or what is no numbers.
        ValueError: fewer than two views or two samples, unequal numbers of samples, other shapes, NaN, a constant view.
    """
    found = _listed(views)
    if len(found) < 2:
        raise value_fault("views", "at least two views", len(found), "Pass [first, second].")
    tensors = [_tensor(f"views[{place}]", view) for place, view in enumerate(found)]
    _check_lengths(tensors)
    for place, view in enumerate(tensors):
        if len(view) < 2:
            raise value_fault(f"views[{place}]", "at least two samples", len(view), "One sample shares nothing.")
        if bool((view == view[:1]).all()):
            remedy = "A constant shares nothing with anything."
            raise value_fault(f"views[{place}]", "rows that differ", "all rows equal", remedy)
    return tensors


def given_views(views: Any, shapes: Sequence[tuple[int, ...]], *, missing: bool = True) -> list[Tensor | None]:
    """Views of the kinds that were learned from; None stands for one that is not at hand.

    Raises:
        TypeError, ValueError: as `checked_views`; another number of views or other shapes; nothing but None.
    """
    found = _listed(views)
    if len(found) != len(shapes):
        raise value_fault(
            "views", f"{len(shapes)} views, as in fit", len(found), "Pass None for one that is not there."
        )
    if all(view is None for view in found) or (not missing and any(view is None for view in found)):
        rule = "at least one view" if missing else "all views"
        raise value_fault("views", rule, "None", "Pass their arrays.")
    tensors: list[Tensor | None] = []
    for place, (view, shape) in enumerate(zip(found, shapes, strict=True)):
        if view is None:
            tensors.append(None)
            continue
        tensor = _tensor(f"views[{place}]", view)
        if tuple(tensor.shape[1:]) != shape:
            rule = f"samples of shape {shape}, as in fit"
            raise value_fault(f"views[{place}]", rule, tuple(tensor.shape[1:]), "Views keep their order.")
        tensors.append(tensor)
    _check_lengths([tensor for tensor in tensors if tensor is not None])
    return tensors


def fingerprint(views: Sequence[Tensor]) -> str:
    """Hash of shapes and values, 16 hexadecimal digits."""
    digest = sha256()
    for view in views:
        digest.update(str(tuple(view.shape)).encode())
        digest.update(view.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _listed(views: Any) -> list[Any]:
    if not isinstance(views, list | tuple):
        raise type_fault("views", "a list of arrays, one a view", type(views).__name__, "Pass [first, second].")
    return list(views)


def _check_lengths(views: Sequence[Tensor]) -> None:
    for place, view in enumerate(views):
        if len(view) != len(views[0]):
            rule = f"as many samples as the first view, {len(views[0])}"
            raise value_fault(f"views[{place}]", rule, len(view), _ROW)


def _tensor(name: str, view: Any) -> Tensor:
    array = view.detach().cpu().numpy() if isinstance(view, Tensor) else np.asarray(view)
    if array.dtype.kind not in "fiub":
        raise type_fault(name, "an array of numbers", f"dtype {array.dtype}", "Encode text and categories first.")
    if array.ndim not in (2, 3, 4) or 0 in array.shape:
        rule = "samples (n, d), or images (n, height, width) or (n, channels, height, width)"
        raise value_fault(name, rule, f"shape {array.shape}", "Reshape it, one sample a row.")
    if array.ndim == 3:
        array = array[:, None]
    with np.errstate(over="ignore"):
        # A copy: NumPy's memory may be read-only, or change.
        narrow = np.array(array, dtype=np.float32, order="C")
    if not np.isfinite(narrow).all():
        raise value_fault(name, "finite numbers of float32's range", "NaN or infinite values", "Leave out or fill in.")
    return torch.from_numpy(narrow)
