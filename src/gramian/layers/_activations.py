"""Hidden states that were saved by other code, as a source of measures in place of a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]

_NUMBER = re.compile(r"(?:.*?[^0-9])?([0-9]+)", re.DOTALL)
_KINDS = {"F16": np.float16, "F32": np.float32, "F64": np.float64}
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Activations:
    """Saved hidden states, read a layer at a time.

    Attributes:
        path: The file.
        name: Its name without the ending.
        layers: How many layers, numbered from 0: layer k is the residual stream after k blocks.
        prompts: How many prompts N.
        views: How many views of each prompt q, the first being the prompt itself; 0 when there are none.
        width: Width d.
        dtype: ``float16``, ``float32`` or ``float64``.
        hash: SHA-256 of the file.
    """

    path: Path
    name: str
    layers: int
    prompts: int
    views: int
    width: int
    dtype: str
    hash: str
    _read: Callable[[int], FloatArray] = field(repr=False, compare=False)

    def layer(self, number: int) -> FloatArray:
        """One layer, ``(N, d)`` or ``(N, q, d)``, read from disk.

        Raises:
            ValueError: a layer that is not there.
        """
        if not 0 <= number < self.layers:
            raise ValueError(f"number: expected a layer from 0 to {self.layers - 1}; got {number}. Correct it.")
        return self._read(number)

    def __iter__(self) -> Iterator[tuple[int, FloatArray]]:
        for number in range(self.layers):
            yield number, self.layer(number)

    def __len__(self) -> int:
        return self.layers


def load_activations(path: str | Path) -> Activations:
    """Opens saved hidden states without reading more than one layer at a time.

    Accepted are a ``.npy`` file of shape ``(layers, N, d)`` or ``(layers, N, q, d)``, and a ``.safetensors`` file with
    one tensor of such a shape or one tensor ``(N, d)`` or ``(N, q, d)`` for each layer, named by a number at its end
    (``7``, ``layer_7``, ``h.7``). Layers sort as numbers, so that 10 comes after 9; they must be 0, 1, 2, ... without
    a gap. Files are never unpickled.

    Args:
        path: The file.

    Returns:
        The activations; every value was checked to be finite.

    Raises:
        ValueError: a missing, truncated or pickled file, another shape or number type, values that are not finite, or
            gaps.
        ImportError: safetensors is missing.

    Cost: one pass over the file, for its hash and the check; memory of one layer.
    """
    path = Path(path)
    readers = {".npy": _open_npy, ".safetensors": _open_safetensors}
    if path.suffix.lower() not in readers:
        raise ValueError(
            f"path: expected a file ending in .npy or .safetensors; got {path}. Save the states in one of them."
        )
    if not path.is_file():
        raise ValueError(f"path: expected a file; got {path}, which does not exist. Check the path.")
    shape, dtype, read = readers[path.suffix.lower()](path)
    if 0 in shape:
        raise ValueError(
            f"path: expected states of at least one layer, prompt and feature; got shape {shape} in {path}."
        )
    for number in range(shape[0]):
        _check_finite(read(number), number, path)
    return Activations(
        path=path,
        name=path.stem,
        layers=shape[0],
        prompts=shape[1],
        views=shape[2] if len(shape) == 4 else 0,
        width=shape[-1],
        dtype=dtype,
        hash=_file_hash(path),
        _read=read,
    )


Opened = tuple[tuple[int, ...], str, Callable[[int], FloatArray]]


def _open_npy(path: Path) -> Opened:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        pickled = any(sign in str(error) for sign in ("allow_pickle", "Python objects", "Object arrays"))
        got = "a pickled or foreign file" if pickled else "a truncated or damaged one"
        raise ValueError(
            f"path: expected a whole .npy file of numbers; got {got}, {path} ({error}). "
            "Save the states again with numpy.save, as one array of floating-point numbers."
        ) from error
    _check_form(array.shape, array.dtype.name, (3, 4), path)
    native = array.dtype.newbyteorder("=")
    return array.shape, array.dtype.name, lambda number: array[number].astype(native, copy=False)


def _open_safetensors(path: Path) -> Opened:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise ImportError(
            f'path: expected safetensors, to read {path}; got none. Install it with: pip install "gramian[layers]"'
        ) from error
    try:
        file = safe_open(path, framework="np")
        names = list(file.keys())
        slices = {name: file.get_slice(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"path: expected a whole .safetensors file; got a truncated or damaged one, {path} ({error}). "
            "Copy it again."
        ) from error
    if not names:
        raise ValueError(f"path: expected tensors; got a file without any, {path}. Save the states again.")
    forms = {name: (tuple(part.get_shape()), str(part.get_dtype())) for name, part in slices.items()}
    matches = {name: _NUMBER.fullmatch(name) for name in names}
    if len(names) == 1 and matches[names[0]] is None:
        shape, code = forms[names[0]]
        dtype = _check_form(shape, code, (3, 4), path)
        only = slices[names[0]]
        return shape, dtype, lambda number: np.asarray(only[number])
    ordered = _in_order({name: int(match.group(1)) if match else None for name, match in matches.items()}, path)
    shape, code = forms[ordered[0]]
    for name in ordered:
        if forms[name] != (shape, code):
            raise ValueError(
                f"path: expected every layer to have the shape and type of {ordered[0]!r} ({shape}, {code}); "
                f"got {forms[name]} for {name!r} in {path}. Save prompts and views alike for every layer."
            )
    dtype = _check_form(shape, code, (2, 3), path)
    return (len(ordered), *shape), dtype, lambda number: np.asarray(slices[ordered[number]][:])


def _in_order(numbers: Mapping[str, int | None], path: Path) -> list[str]:
    """Names of the layers, sorted as numbers: sorted as text, layer 10 would come before layer 2."""
    without = [name for name, number in numbers.items() if number is None]
    if without:
        raise ValueError(
            f"path: expected one tensor, or tensors whose names end in the number of their layer; "
            f"got {', '.join(map(repr, without[:3]))} in {path}. Rename or remove them."
        )
    known = {name: number for name, number in numbers.items() if number is not None}
    ordered = sorted(known, key=lambda name: (known[name], name))
    for place, name in enumerate(ordered):
        if known[name] == place:
            continue
        if place and known[name] == known[ordered[place - 1]]:
            got = f"{ordered[place - 1]!r} and {name!r} for the same layer"
        else:
            got = f"none for layer {place} before {name!r}"
        raise ValueError(
            f"path: expected layers 0, 1, 2, ... without a gap; got {got} in {path}. Save every layer once."
        )
    return ordered


def _check_form(shape: tuple[int, ...], code: str, sizes: tuple[int, int], path: Path) -> str:
    dtype = np.dtype(_KINDS[code]).name if code in _KINDS else code
    if dtype not in ("float16", "float32", "float64"):
        raise ValueError(
            f"path: expected float16, float32 or float64; got {dtype} in {path}. "
            "Convert the states before saving; NumPy has no bfloat16, and whole numbers are no hidden states."
        )
    if len(shape) not in sizes:
        forms = "(layers, N, d) or (layers, N, q, d)" if sizes == (3, 4) else "(N, d) or (N, q, d) for each layer"
        raise ValueError(f"path: expected shape {forms}; got {shape} in {path}. Stack the states in that order.")
    return dtype


def _check_finite(states: FloatArray, number: int, path: Path) -> None:
    if not np.isfinite(states).all():
        bad = int(np.argwhere(~np.isfinite(states))[0][0])
        raise ValueError(
            f"path: expected finite states; got nan or infinity in layer {number}, prompt {bad} of {path}. "
            "Half precision overflows in some models: save them as float32."
        )


def _file_hash(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
