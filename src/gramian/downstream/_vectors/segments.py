"""One file of the vector store: the vectors of some texts in some streams, by one reading."""

from __future__ import annotations

import os
import secrets
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._vectors.precision import Precision, from_half, to_half
from gramian.runs._chunks import ChunkStore

__all__ = ["Rows", "Segment", "SegmentLost", "open_segment", "segment_files", "write_segment"]

Streams = tuple[tuple[int, str], ...]
Keys = NDArray[np.bytes_]
"""``(n,)`` of ``S16``: the hashes of texts."""

_NAMES = ("residual", "final_norm")
_PREFIX, _SUFFIX = "chunk-", ".safetensors"


class SegmentLost(Exception):
    """A segment that was there is gone or damaged: its texts have to be read again."""


@dataclass(frozen=True, eq=False)
class Rows:
    """What a segment is made of.

    Attributes:
        keys: ``(n,)``.
        vectors: ``(streams, n, d)`` float32.
        sink: ``(streams, n)`` float32, the first token's share of the squared norm.
        tokens: ``(n,)`` int32, measured tokens.
        truncated: ``(n,)`` boolean.
    """

    keys: Keys
    vectors: NDArray[np.float32]
    sink: NDArray[np.float32]
    tokens: NDArray[np.int32]
    truncated: NDArray[np.bool_]

    def only(self, rows: NDArray[np.bool_]) -> Rows:
        """Some of the rows."""
        if bool(rows.all()):
            return self
        return Rows(self.keys[rows], self.vectors[:, rows], self.sink[:, rows], self.tokens[rows], self.truncated[rows])


@dataclass(frozen=True, eq=False)
class Segment:
    """A segment on disk. Its keys are in memory, its vectors are read layer by layer.

    Attributes:
        path: The file.
        streams: The streams it holds.
        keys: Its texts.
        size: Bytes of the file.
    """

    path: Path
    streams: Streams
    keys: Keys
    size: int

    def vectors(self, stream: tuple[int, str], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of some rows in one stream, ``(len(rows), d)``.

        Raises:
            SegmentLost: The file is gone or damaged.
        """
        arrays, place = self._arrays(), self.streams.index(stream)
        block = arrays["vectors"][place]
        if zlib.crc32(np.ascontiguousarray(block).view(np.uint8).data) != int(arrays["checksums"][place]):
            raise SegmentLost(f"{self.path}: layer {stream[0]} ({stream[1]}) does not agree with its checksum")
        if block.dtype == np.float16:
            return from_half(block[rows], arrays["powers"][place][rows])
        return np.asarray(block[rows], dtype=np.float32)

    def first_token_shares(self, stream: tuple[int, str], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Sink shares of some rows in one stream; NaN for texts of one token."""
        arrays = self._arrays()
        shares = np.asarray(arrays["sink"][self.streams.index(stream)][rows])
        return np.where(np.asarray(arrays["tokens"][rows], dtype=np.int32) > 1, shares, np.float32("nan"))

    def truncated(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether texts were cut."""
        return np.asarray(self._arrays()["truncated"][rows])

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        return _load(self.path)


def segment_files(folder: Path) -> list[Path]:
    """Segments in a folder, in the order they were written."""
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    return [folder / name for name in names if name.startswith(_PREFIX) and name.endswith(_SUFFIX)]


def open_segment(path: Path) -> Segment:
    """Read the keys of a segment, and nothing else.

    Raises:
        SegmentLost: The file is gone, cut short or not what it should be.
    """
    arrays = _load(path)
    try:
        keys = np.array(arrays["keys"])
        streams = tuple((int(layer), _NAMES[int(name)]) for layer, name in arrays["streams"])
        shape = (len(streams), len(keys))
        fits = (
            keys.dtype == np.uint8
            and keys.shape[1:] == (16,)
            and arrays["vectors"].shape[:2] == shape == arrays["sink"].shape
            and arrays["tokens"].shape == arrays["truncated"].shape == shape[1:]
            and arrays["checksums"].shape == (len(streams) + 1,)
            and (arrays["vectors"].dtype == np.float32 or arrays["powers"].shape == shape)
        )
        if not fits or _facts_checksum(arrays) != int(arrays["checksums"][-1]):
            raise SegmentLost(f"{path}: not a segment, or one that does not agree with its checksum")
        size = path.stat().st_size
    except (KeyError, IndexError, TypeError, ValueError, OSError) as error:
        raise SegmentLost(f"{path}: {error}") from error
    return Segment(path, streams, keys.reshape(-1).view("S16"), size)


def write_segment(folder: Path, streams: Streams, rows: Rows, *, precision: Precision) -> Segment:
    """Write a segment under a name that no other process takes; it appears whole or not at all.

    Raises:
        RunWriteError: The disk is full or the folder may not be written.
    """
    arrays: dict[str, NDArray[np.generic]] = {
        "keys": np.ascontiguousarray(rows.keys).view(np.uint8).reshape(-1, 16),
        "streams": np.array([(layer, _NAMES.index(name)) for layer, name in streams], dtype=np.int32),
        "sink": rows.sink,
        "tokens": rows.tokens,
        "truncated": rows.truncated,
        "vectors": rows.vectors,
    }
    if precision == "float16":
        arrays["vectors"], arrays["powers"] = to_half(rows.vectors)
    blocks = [zlib.crc32(np.ascontiguousarray(block).view(np.uint8).data) for block in arrays["vectors"]]
    arrays["checksums"] = np.array([*blocks, _facts_checksum(arrays)], dtype=np.uint32)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}"
    ChunkStore(folder).save(name, arrays)
    path = folder / f"{_PREFIX}{name}{_SUFFIX}"
    return Segment(path, streams, rows.keys.copy(), path.stat().st_size)


def _facts_checksum(arrays: dict[str, NDArray[np.generic]]) -> int:
    """Of everything but the vectors, whose layers have checksums of their own."""
    value = 0
    for name in sorted(arrays.keys() - {"vectors", "checksums"}):
        value = zlib.crc32(np.ascontiguousarray(arrays[name]).view(np.uint8).data, value)
    return value


def _load(path: Path) -> dict[str, NDArray[np.generic]]:
    key = path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    try:
        return ChunkStore(path.parent).load(key)
    except (ValueError, OSError) as error:
        raise SegmentLost(str(error)) from error
