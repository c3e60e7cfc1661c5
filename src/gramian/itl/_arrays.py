"""From the caller's arrays to tensors in the computing dtype, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, cast

import numpy as np
import torch
from torch import Tensor

from gramian.itl._errors import type_fault, value_fault
from gramian.itl._shapes import Array, ArrayT

__all__ = ["Converted", "as_tensors", "check_has_values", "convert", "same_kind", "spectral_dtype", "to_tensor"]

_COMPUTED_IN_FLOAT32 = (torch.float16, torch.bfloat16)
_FLOATING = (torch.float64, torch.float32, *_COMPUTED_IN_FLOAT32)


@dataclass(frozen=True)
class Converted(Generic[ArrayT]):
    """Checked tensors and what is needed to answer in the caller's own kind.

    Attributes:
        tensors: finite tensors of one floating dtype (float32 or float64) on one device.
        dtype: dtype of results.
        eps: relative rounding error of the caller's numbers: the input's, even where computation is wider.
        is_numpy: whether the caller gave NumPy arrays.
    """

    tensors: tuple[Tensor, ...]
    dtype: torch.dtype
    eps: float
    is_numpy: bool

    def restore(self, value: Tensor) -> ArrayT:
        """The value in the caller's kind and dtype; a NumPy scalar is a 0-d array."""
        value = value.to(self.dtype)
        return cast(ArrayT, value.numpy() if self.is_numpy else value)


def as_tensors(name: str | Sequence[str], *arrays: ArrayT) -> tuple[tuple[Tensor, ...], Callable[[Tensor], ArrayT]]:
    """Checked tensors in the computing dtype, and the function that restores the caller's kind.

    float16 and bfloat16 are computed in float32; float32 and float64 stay what they are; arrays of several dtypes are
    promoted together. Gradients pass.

    Args:
        name: argument name for error messages; one per array, or one for all (then ``name[0]``, ``name[1]``, ...).
        *arrays: NumPy arrays, or tensors on one device; floating, finite, not empty, any shapes.

    Returns:
        The tensors, and ``restore(tensor)``: an array of the caller's kind in the result dtype (the input's, float32
        for half precision); a NumPy scalar is a 0-d array.

    Raises:
        TypeError: not arrays, NumPy mixed with torch, or a dtype that is not floating.
        ValueError: empty, not finite, or on several devices.

    Example:
        >>> import numpy as np
        >>> (x,), restore = as_tensors("x", np.array([1.0, 2.0]))
        >>> restore(x.sum())
        array(3.)
    """
    if isinstance(name, str):
        names = [name] if len(arrays) == 1 else [f"{name}[{i}]" for i in range(len(arrays))]
    else:
        names = list(name)
        if len(names) != len(arrays):
            raise value_fault(
                "name", f"{len(arrays)} names, one per array", len(names), "Give one name for each array."
            )
    converted = convert(names, arrays)
    return converted.tensors, converted.restore


def convert(names: Sequence[str], arrays: Sequence[ArrayT]) -> Converted[ArrayT]:
    """See :func:`as_tensors`; also keeps the rounding error of the input's dtype."""
    if not arrays:
        raise value_fault("arrays", "at least one array", "none", "Pass a NumPy array or a torch tensor.")
    tensors = [to_tensor(name, array) for name, array in zip(names, arrays, strict=True)]
    for name, array, tensor in zip(names, arrays, tensors, strict=True):
        same_kind(names[0], arrays[0], name, array)
        if tensor.dtype not in _FLOATING:
            remedy = "Convert it, for example with .astype(float) or .double()."
            raise type_fault(name, "a floating dtype (float16, bfloat16, float32 or float64)", tensor.dtype, remedy)
        if tensor.device != tensors[0].device:
            where = f"the device of {names[0]} ({tensors[0].device})"
            raise value_fault(name, where, tensor.device, "Move the arrays to one device.")
        if tensor.numel() == 0:
            remedy = "An empty sample or batch has no spectrum; check the selection that led to it."
            got = f"empty shape {tuple(tensor.shape)}, axis {list(tensor.shape).index(0)} having length 0"
            raise value_fault(name, "at least one element", got, remedy)
        check_has_values(name, tensor)
    source = tensors[0].dtype
    for tensor in tensors[1:]:
        source = torch.promote_types(source, tensor.dtype)
    target = torch.float32 if source in _COMPUTED_IN_FLOAT32 else source
    tensors = [tensor.to(target) for tensor in tensors]
    for name, tensor in zip(names, tensors, strict=True):
        _check_finite(name, tensor.detach())
    return Converted(tuple(tensors), target, torch.finfo(source).eps, isinstance(arrays[0], np.ndarray))


def check_has_values(name: str, tensor: Tensor) -> None:
    """Raises ValueError for a tensor of the meta device, which has a shape and no values."""
    if tensor.device.type == "meta":
        remedy = "Load the values first: such tensors stand for weights that are not there yet."
        raise value_fault(name, "a tensor with values", "one on the meta device", remedy)


def to_tensor(name: str, array: Array) -> Tensor:
    """The array as a dense tensor, sharing memory where that is safe."""
    if isinstance(array, Tensor):
        if array.layout != torch.strided:
            raise type_fault(name, "a dense tensor", array.layout, "Call .to_dense() first.")
        return array
    if not isinstance(array, np.ndarray):
        remedy = "Wrap it with numpy.asarray or torch.as_tensor."
        raise type_fault(name, "a NumPy array or a torch tensor", type(array).__name__, remedy)
    if isinstance(array, np.ma.MaskedArray):
        remedy = "Masks are not read: leave the masked samples out, then pass .data."
        raise type_fault(name, "an array without a mask", "a masked array", remedy)
    native: np.ndarray[Any, Any] = array.astype(array.dtype.newbyteorder("="), copy=False)
    if not native.flags.writeable or any(stride < 0 for stride in native.strides):
        native = native.copy()  # torch can neither share read-only memory nor walk it backwards
    try:
        return torch.from_numpy(native)
    except TypeError as error:
        raise type_fault(name, "a numeric dtype that torch knows", array.dtype, "Convert it with .astype.") from error


def same_kind(first_name: str, first: Array, name: str, array: Array) -> None:
    """Raises TypeError where one array is NumPy and the other torch."""
    if isinstance(array, np.ndarray) != isinstance(first, np.ndarray):
        kind = "a NumPy array" if isinstance(first, np.ndarray) else "a torch tensor"
        got = "a NumPy array" if isinstance(array, np.ndarray) else "a torch tensor"
        raise type_fault(name, f"{kind} like {first_name}", got, "NumPy and torch are not mixed: convert one of them.")


def spectral_dtype(tensor: Tensor) -> torch.dtype:
    """float64, or float32 on a device (Apple's) that has no float64."""
    return torch.float32 if tensor.device.type == "mps" else torch.float64


def _check_finite(name: str, tensor: Tensor) -> None:
    # A sum is finite only if every term is: one cheap pass. Where finite terms overflow it, the slow pass decides.
    if bool(torch.isfinite(tensor.sum())) or bool(torch.isfinite(tensor).all()):
        return
    missing = int(torch.isnan(tensor).sum())
    infinite = int(torch.isinf(tensor).sum())
    remedy = "Remove or repair these rows; a spectrum of them is not defined."
    raise value_fault(name, "finite values", f"{missing} NaN and {infinite} infinite values", remedy)
