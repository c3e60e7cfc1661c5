"""Reading the caller's arrays: shapes, masks and the dtype each measure computes in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gramian.itl import as_tensors

ArrayT = TypeVar("ArrayT", npt.NDArray[Any], Tensor)


def read(names: Sequence[str], *arrays: ArrayT, axes: str) -> tuple[tuple[Tensor, ...], Callable[[Tensor], ArrayT]]:
    """The arrays as tensors, and the function that gives a result the caller's kind and dtype.

    Args:
        names: the argument names, for messages.
        arrays: NumPy arrays or tensors of real floating numbers.
        axes: the trailing axes in words, `"N d"`; any batch axes lead.
    """
    trailing = axes.split()
    for name, array in zip(names, arrays, strict=True):
        _check_kind(name, array)
        if array.ndim < len(trailing):
            raise ValueError(
                f"{name}: expected shape (..., {', '.join(trailing)}); got {tuple(array.shape)}. "
                f"Add the missing leading axis."
            )
        if 0 in array.shape[-len(trailing) :]:
            raise ValueError(
                f"{name}: expected at least one entry along ({', '.join(trailing)}); got {tuple(array.shape)}. "
                "Check that the sample is not empty."
            )
    return as_tensors(list(names), *arrays)


def rounding_unit(array: npt.NDArray[Any] | Tensor) -> float:
    """Relative rounding error of the caller's numbers: that of half precision too, which is computed in float32."""
    return float(torch.finfo(array.dtype).eps if isinstance(array, Tensor) else np.finfo(array.dtype).eps)


def _check_kind(name: str, array: Any) -> None:
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"{name}: expected a plain NumPy array or a torch tensor; got a masked array, whose mask would be lost. "
            "Select the entries that are valid first."
        )
    if not isinstance(array, np.ndarray | Tensor):
        raise TypeError(
            f"{name}: expected a NumPy array or a torch tensor; got {type(array).__name__}. Convert it first."
        )


def read_pair(
    names: tuple[str, str], first: ArrayT, second: ArrayT
) -> tuple[Tensor, Tensor, Callable[[Tensor], ArrayT]]:
    """Two arrays `(..., N, d)` of one shape: the vectors of the same prompts."""
    (a, b), restore = read(names, first, second, axes="N d")
    if a.shape != b.shape:
        raise ValueError(
            f"{names[1]}: expected the shape of {names[0]}, {tuple(a.shape)}; got {tuple(b.shape)}. "
            "Row i of both must belong to prompt i."
        )
    return a, b, restore


def read_tokens(tokens: ArrayT, mask: Any) -> tuple[Tensor, Tensor, Callable[[Tensor], ArrayT]]:
    """Tokens `(..., n, d)`, zero where masked out, and the mask as a boolean tensor `(..., n)`."""
    visible: Any = tokens
    if mask is not None:
        _check_mask(tokens, mask)
        # A masked position may hold anything, NaN included: it must not reach the finiteness check.
        if isinstance(tokens, Tensor):
            visible = torch.where(mask[..., None], tokens, torch.zeros_like(tokens))
        else:
            visible = np.where(mask[..., None], tokens, np.zeros_like(tokens))
    (x,), restore = read(("tokens",), visible, axes="n d")
    if mask is None:
        return x, torch.ones(x.shape[:-1], dtype=torch.bool, device=x.device), restore
    # torch can neither share read-only memory nor walk it backwards.
    real = mask if isinstance(mask, Tensor) else torch.from_numpy(np.array(mask))
    return x, real.to(x.device), restore


def _check_mask(tokens: Any, mask: Any) -> None:
    _check_kind("tokens", tokens)
    if isinstance(mask, np.ma.MaskedArray):
        _check_kind("mask", mask)
    if isinstance(mask, Tensor) is not isinstance(tokens, Tensor) or not isinstance(mask, np.ndarray | Tensor):
        raise TypeError(
            f"mask: expected the kind of tokens, {type(tokens).__name__}; got {type(mask).__name__}. "
            "Convert one of them."
        )
    if str(mask.dtype) not in ("bool", "torch.bool"):
        raise TypeError(f"mask: expected boolean entries; got {mask.dtype}. Use mask.astype(bool) or mask.bool().")
    if tuple(mask.shape) != tuple(tokens.shape[:-1]):
        raise ValueError(
            f"mask: expected shape {tuple(tokens.shape[:-1])}, one entry a token; got {tuple(mask.shape)}. "
            "It marks the tokens of each prompt."
        )
    if not bool(mask.any(-1).all()):
        raise ValueError(
            f"mask: expected at least one true entry in every prompt; got none in prompt(s) {listed(~mask.any(-1))}. "
            "Leave empty prompts out."
        )


def check_contiguous(mask: Tensor) -> None:
    """Successive tokens must be neighbours in the text, so a prompt's mask is one run."""
    starts = (mask[..., 1:] & ~mask[..., :-1]).sum(-1) + mask[..., 0]
    if bool((starts > 1).any()):
        raise ValueError(
            f"mask: expected one contiguous run of true entries in every prompt; got gaps in prompt(s) "
            f"{listed(starts > 1)}. Successive tokens must be neighbours."
        )


def listed(which: Any) -> str:
    """Flat positions of the true entries, for messages; the first eight."""
    positions = np.flatnonzero(np.asarray(torch.as_tensor(which).cpu()))
    shown = ", ".join(str(int(i)) for i in positions[:8])
    return shown + (", ..." if len(positions) > 8 else "")


def precise(x: Tensor) -> Tensor:
    """In float64, where the device has it: spectra and distances subtract nearly equal numbers."""
    return x if x.device.type == "mps" else x.double()


def in_range(x: Tensor, *, axes: int) -> Tensor:
    """`x`, with each part whose squares would overflow or vanish divided by about its largest magnitude.

    A part is what the last `axes` axes hold: 1 for a vector, 2 for a sample. Only for quantities that do not depend on
    the scale of a part; the scale is constant for differentiation, which is exact for such quantities.
    """
    parts = tuple(range(-axes, 0))
    exponents = math.frexp(torch.finfo(x.dtype).max)[1]
    limit = 2.0 ** (exponents // 5)  # fourth powers, and sums of many, stay inside
    norms = torch.linalg.vector_norm(x.detach(), dim=parts, keepdim=True)
    safe = (norms < limit) & (norms > 1 / limit)
    if bool(safe.all()):
        return x
    # The norm is one fast pass, but itself infinite or zero where squares are.
    largest = x.detach().abs().amax(parts, keepdim=True)
    safe |= largest == 0
    if bool(safe.all()):
        return x
    # Powers of two round nothing; those of subnormal numbers would overflow themselves.
    exponent = torch.frexp(largest).exponent.clamp(4 - exponents, exponents - 4)
    return x * torch.where(safe, 1, torch.exp2(-exponent.to(x.dtype)))


def unit_rows(name: str, x: Tensor) -> Tensor:
    """Every vector divided by its length."""
    x = in_range(x, axes=1)
    norms: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    if bool((norms == 0).any()):
        raise ValueError(
            f"{name}: expected vectors with a direction; got zero vectors at row(s) {listed(norms == 0)}. "
            "Leave them out."
        )
    return x / norms


def check_count(name: str, count: int, least: int, what: str) -> None:
    if count < least:
        raise ValueError(
            f"{name}: expected at least {least} {what}; got {count}. It is not defined for fewer; add {what}."
        )


def check_positive(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
        raise TypeError(f"{name}: expected a number above 0; got {type(value).__name__}. Give a float.")
    if not 0 < value < float("inf"):
        raise ValueError(f"{name}: expected a finite number above 0; got {value}. Choose a positive value.")


def check_choice(name: str, value: object, choices: Sequence[str | None]) -> None:
    if value not in choices:
        shown = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}: expected one of {shown}; got {value!r}. Choose one of them.")
