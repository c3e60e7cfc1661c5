"""Partial results of a run: named arrays under a key, one file a chunk, mapped into memory when read.

A chunk is a file in the safetensors format (a length, a JSON header, raw little-endian arrays), which any tool of that
ecosystem opens. It is written here rather than by the safetensors package for two reasons: this room must not need an
extra to save progress, and the write has to go through one file handle that is synced before the rename.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, unquote

import numpy as np

from gramian.runs._atomic import ASIDE, sync_folder, written_whole
from gramian.runs._errors import RunError

logger = logging.getLogger(__name__)

_PREFIX, _SUFFIX = "chunk-", ".safetensors"
_LONGEST_KEY = 180
_CODES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip
_DTYPES = {code: np.dtype(name).newbyteorder("<") for name, code in _CODES.items()}


def _checked(arrays: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    if not arrays:
        raise ValueError(
            "arrays: expected at least one named array; got none. Save a chunk only when it holds something."
        )
    plain = {}
    for name, array in arrays.items():
        if not isinstance(name, str) or name in ("", "__metadata__"):
            raise ValueError(f"arrays: expected names that are non-empty text; got {name!r}. Rename the array.")
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"arrays: expected NumPy arrays; got {type(array).__name__} for {name!r}. Convert it first."
            )
        if array.dtype.name not in _CODES:
            raise TypeError(
                f"arrays: expected one of the dtypes {', '.join(_CODES)}; got {array.dtype} for {name!r}. "
                "Convert it: text and objects would need a pickle."
            )
        plain[name] = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
    # The format allows no holes between arrays, so wide types go first: then every array starts on a multiple of its
    # width.
    return dict(sorted(plain.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])))


def _write(file: BinaryIO, arrays: dict[str, np.ndarray[Any, Any]]) -> None:
    header: dict[str, Any] = {}
    position = 0
    for name, array in arrays.items():
        offsets = [position, position + array.nbytes]
        header[name] = {"dtype": _CODES[array.dtype.name], "shape": list(array.shape), "data_offsets": offsets}
        position += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for array in arrays.values():
        file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The header of a whole chunk and where its data starts; ValueError when the file is not whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            raise ValueError(f"expected a header of {length} bytes; got a file of {size}")
        header: dict[str, Any] = json.loads(file.read(length))
    end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    if size != 8 + length + end:
        raise ValueError(f"expected {8 + length + end} bytes; got {size}")
    return header, 8 + length


class ChunkStore:
    """The chunks of one run, in one folder that holds nothing else.

    Args:
        folder: Where the chunks are; made when the first one is saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, key: str) -> Path:
        if not isinstance(key, str) or not key:
            raise ValueError(f"key: expected non-empty text; got {key!r}. Name the chunk, for example 'views-0003'.")
        name = quote(key, safe=" =,;+@")
        if len(name) > _LONGEST_KEY:
            raise ValueError(
                f"key: expected at most {_LONGEST_KEY} characters once quoted; got {len(name)}. Shorten it."
            )
        return self.folder / f"{_PREFIX}{name}{_SUFFIX}"

    def _files(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(p for p in self.folder.iterdir() if p.name.startswith(_PREFIX) and p.name.endswith(_SUFFIX))

    def repair(self) -> tuple[str, ...]:
        """Removes what a killed or failing machine left half-written; returns the names of the removed files."""
        if not self.folder.is_dir():
            return ()
        removed = []
        for path in sorted(self.folder.iterdir()):
            if path.name.startswith(f".{_PREFIX}") and path.name.endswith(ASIDE):
                path.unlink()
                removed.append(path.name)
        for path in self._files():
            try:
                _read_header(path)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                logger.warning("%s: half-written chunk removed (%s); it is computed again", path, error)
                path.unlink()
                removed.append(path.name)
        return tuple(removed)

    def keys(self) -> set[str]:
        """Keys of the chunks on disk."""
        return {unquote(path.name[len(_PREFIX) : -len(_SUFFIX)]) for path in self._files()}

    def save(self, key: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Writes one chunk; a chunk of the same key is replaced in one step.

        Raises:
            ValueError: an unusable key, or no arrays.
            TypeError: something that is no array of numbers.
            RunWriteError: the disk is full or read-only.
        """
        path, checked = self._path(key), _checked(arrays)
        fresh = not self.folder.exists()
        self.folder.mkdir(exist_ok=True)
        if fresh:
            sync_folder(self.folder.parent)
        with written_whole(path) as file:
            _write(file, checked)

    def load(self, key: str) -> dict[str, np.ndarray[Any, Any]]:
        """The arrays of one chunk, read-only, mapped into memory and read from disk on access.

        Raises:
            ValueError: no chunk has this key.
            RunError: the file is damaged.
        """
        path = self._path(key)
        if not path.is_file():
            raise ValueError(
                f"key: expected a chunk on disk; got {key!r}, which is not there. See done() for those that are."
            )
        try:
            header, start = _read_header(path)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(
                f"{path}: expected a whole chunk; got a damaged one ({error}). Remove it and run again."
            ) from error
        raw = np.memmap(path, dtype=np.uint8, mode="r")
        arrays = {}
        for name, entry in header.items():
            first, last = entry["data_offsets"]
            dtype, shape = _DTYPES[entry["dtype"]], tuple(entry["shape"])
            if last - first != dtype.itemsize * math.prod(shape):
                raise RunError(
                    f"{path}: expected {shape} of {dtype} for {name!r}; got {last - first} bytes. Remove it."
                )
            arrays[name] = raw[start + first : start + last].view(dtype).reshape(shape)
        return arrays

    def clear(self) -> None:
        """Removes every chunk, and the folder when nothing else is in it."""
        self.repair()
        for path in self._files():
            path.unlink()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
            sync_folder(self.folder.parent)
