"""The segments of one encoder and one reading: which texts are there, and their vectors."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._vectors.precision import Precision
from gramian.downstream._vectors.segments import (
    Keys,
    Rows,
    Segment,
    SegmentLost,
    Streams,
    open_segment,
    segment_files,
    write_segment,
)

__all__ = ["Shelf"]

_LOGGER = logging.getLogger(__name__)
# Names, shapes and checksums of a file's arrays: at most this, with a few hundred streams.
_HEADER_BYTES = 4096
Places = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Number of the segment and row in it of each text; -1 where it is nowhere."""


class Shelf:
    """A folder of segments, shared with whatever other process writes there.

    Args:
        folder: Made when the first segment is written.
        precision: Of what is written.
        make_room: Called with the bytes that are about to be written.

    Attributes:
        used: Files that the present work has read or written: never evicted under it.
    """

    def __init__(self, folder: Path, *, precision: Precision, make_room: Callable[[int], None]) -> None:
        self.folder = folder
        self.used: set[Path] = set()
        self._precision = precision
        self._make_room = make_room
        self._segments: list[Segment] = []
        self._known: set[Path] = set()
        self._sorted: dict[Streams, tuple[Keys, NDArray[np.int64], NDArray[np.int64]]] = {}
        self._stale = True
        self.refresh()

    def refresh(self) -> None:
        """Take notice of what other processes have written or removed."""
        there = segment_files(self.folder)
        gone = self._known - set(there)
        if gone:
            self._segments = [one for one in self._segments if one.path not in gone]
            self._known -= gone
            self._stale = True
        for path in there:
            if path in self._known:
                continue
            try:
                self._add(open_segment(path))
            except SegmentLost as error:
                _discard(path, error)

    def missing(self, keys: Keys, streams: Sequence[tuple[int, str]]) -> NDArray[np.bool_]:
        """Which texts lack a vector in at least one of the streams."""
        self._index()
        found = {held: _positions(keys, self._sorted[held][0]) >= 0 for held in self._sorted}
        lacking = np.zeros(len(keys), dtype=bool)
        for stream in streams:
            there = np.zeros(len(keys), dtype=bool)
            for held, mask in found.items():
                if stream in held:
                    there |= mask
            lacking |= ~there
        return lacking

    def use(self, keys: Keys, streams: Sequence[tuple[int, str]]) -> None:
        """Mark the segments that hold any of these texts as used, now: they are the last to be evicted."""
        for stream in streams:
            numbers = np.unique(self._locate(keys, stream)[0])
            for number in numbers[numbers >= 0]:
                self._mark(self._segments[number].path)

    def write(self, streams: Streams, rows: Rows) -> None:
        """Add texts. They are there for every process once this returns."""
        width = rows.vectors.shape[-1]
        self._make_room(len(rows.keys) * row_bytes(len(streams), width, self._precision) + _HEADER_BYTES)
        segment = write_segment(self.folder, streams, rows, precision=self._precision)
        self._add(segment)
        self.used.add(segment.path)

    def vectors(self, keys: Keys, stream: tuple[int, str], width: int) -> NDArray[np.float32]:
        """Vectors of texts that are there, ``(n, width)`` float32.

        Raises:
            SegmentLost: A file was evicted by another process or is damaged; its texts are missing from now on.
        """
        out = np.empty((len(keys), width), dtype=np.float32)
        for segment, rows, at in self._parts(keys, stream):
            with self._losing(segment):
                out[at] = segment.vectors(stream, rows)
        return out

    def first_token_shares(self, keys: Keys, stream: tuple[int, str]) -> NDArray[np.float32]:
        """The first token's share of each text's squared norm, ``(n,)``; NaN for texts of one token.

        Raises:
            SegmentLost: As `vectors`.
        """
        out = np.empty(len(keys), dtype=np.float32)
        for segment, rows, at in self._parts(keys, stream):
            with self._losing(segment):
                out[at] = segment.first_token_shares(stream, rows)
        return out

    def truncated(self, keys: Keys, stream: tuple[int, str]) -> NDArray[np.bool_]:
        """Whether each text was cut, ``(n,)``.

        Raises:
            SegmentLost: As `vectors`.
        """
        out = np.zeros(len(keys), dtype=bool)
        for segment, rows, at in self._parts(keys, stream):
            with self._losing(segment):
                out[at] = segment.truncated(rows)
        return out

    def used_bytes(self) -> int:
        """Bytes of the files that the present work uses."""
        return sum(one.size for one in self._segments if one.path in self.used)

    def release(self, *, first_to_go: bool) -> None:
        """Give up what was used; it may be evicted from now on.

        Args:
            first_to_go: Whether it goes before all else, rather than as what was used last.
        """
        for path in self.used if first_to_go else ():
            with suppress(OSError):
                os.utime(path, (0, 0))
        self.used.clear()

    def _add(self, segment: Segment) -> None:
        self._segments.append(segment)
        self._known.add(segment.path)
        self._stale = True

    def _mark(self, path: Path) -> None:
        if path not in self.used:
            self.used.add(path)
            with suppress(OSError):
                os.utime(path)

    def _index(self) -> None:
        if not self._stale:
            return
        families: dict[Streams, list[int]] = {}
        for number, segment in enumerate(self._segments):
            families.setdefault(segment.streams, []).append(number)
        self._sorted = {}
        for streams, numbers in families.items():
            keys = np.concatenate([self._segments[number].keys for number in numbers])
            segments = np.concatenate([np.full(len(self._segments[n].keys), n, dtype=np.int64) for n in numbers])
            rows = np.concatenate([np.arange(len(self._segments[n].keys), dtype=np.int64) for n in numbers])
            order = np.argsort(keys, kind="stable")
            self._sorted[streams] = keys[order], segments[order], rows[order]
        self._stale = False

    def _locate(self, keys: Keys, stream: tuple[int, str]) -> Places:
        self._index()
        segments = np.full(len(keys), -1, dtype=np.int64)
        rows = np.full(len(keys), -1, dtype=np.int64)
        for streams, (held, of_segment, of_row) in self._sorted.items():
            if stream in streams:
                place = _positions(keys, held)
                new = (segments < 0) & (place >= 0)
                segments[new], rows[new] = of_segment[place[new]], of_row[place[new]]
        return segments, rows

    def _parts(self, keys: Keys, stream: tuple[int, str]) -> list[tuple[Segment, NDArray[np.int64], NDArray[np.int64]]]:
        """Segments with the rows to read from each and where they go."""
        segments, rows = self._locate(keys, stream)
        if bool((segments < 0).any()):
            raise SegmentLost(f"{self.folder}: {int((segments < 0).sum())} texts are not there")
        order = np.argsort(segments, kind="stable")
        cuts = np.flatnonzero(np.diff(segments[order])) + 1
        parts = [part for part in np.split(order, cuts) if len(part)]
        for part in parts:
            self._mark(self._segments[segments[part[0]]].path)
        return [(self._segments[segments[part[0]]], rows[part], part) for part in parts]

    @contextmanager
    def _losing(self, segment: Segment) -> Iterator[None]:
        """A segment that turns out to be lost is forgotten, so that its texts count as missing."""
        try:
            yield
        except SegmentLost as error:
            self._segments = [one for one in self._segments if one is not segment]
            self._known.discard(segment.path)
            self.used.discard(segment.path)
            self._stale = True
            _discard(segment.path, error)
            raise


def row_bytes(streams: int, width: int, precision: Precision) -> int:
    """Bytes on disk of one text by one reading; a file's header is left out."""
    of_vector = width * 2 + 2 if precision == "float16" else width * 4
    share = 4
    return streams * (of_vector + share) + 16 + 4 + 1


def _positions(keys: Keys, among: Keys) -> NDArray[np.int64]:
    """Where each key stands in a sorted array; -1 where it does not."""
    if not len(among):
        return np.full(len(keys), -1, dtype=np.int64)
    place = np.searchsorted(among, keys).clip(max=len(among) - 1)
    return np.where(among[place] == keys, place, -1)


def _discard(path: Path, error: SegmentLost) -> None:
    """Remove a damaged file; one that was evicted is gone already, and one that cannot be read now may be whole."""
    if isinstance(error.__cause__, OSError):
        if not isinstance(error.__cause__, FileNotFoundError):
            _LOGGER.warning("%s: cannot be read (%s); its texts are read again", path, error)
    elif path.exists():
        _LOGGER.warning("%s; the file is removed and its texts are read again", error)
        with suppress(OSError):
            path.unlink(missing_ok=True)
