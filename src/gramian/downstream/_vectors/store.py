"""The vector store: vectors of texts in every stream, on disk, shared between tasks, runs and processes."""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any
from weakref import WeakSet

from gramian.downstream._vectors.precision import PRECISIONS, Precision
from gramian.downstream._vectors.reading_plan import PLAN
from gramian.downstream._vectors.readings import Reading
from gramian.downstream._vectors.segments import segment_files
from gramian.downstream._vectors.shelf import Shelf
from gramian.layers._gguf import cache_folder
from gramian.runs._atomic import ASIDE, write_error

__all__ = ["DEFAULT_LIMIT", "VectorStore", "default_store_folder"]

_LOGGER = logging.getLogger(__name__)
DEFAULT_LIMIT = 20 * 2**30
# Of what is stored under an encoder's name; another number is another encoder.
_FORMAT = 1
# What a process that was killed left aside is removed after a day: no living one takes that long to write a file.
_FORGOTTEN = 24 * 3600.0


def default_store_folder() -> Path:
    """``$XDG_CACHE_HOME/gramian/vectors``, under ``~/.cache`` where that is not set."""
    return cache_folder() / "vectors"


class VectorStore:
    """Pooled vectors of texts in all streams, addressed by what they depend on: the encoder, the reading, and the text.

    A folder an encoder, in it a folder a reading, in it files that appear whole or not at all. Any number of processes may share
    it without a lock: each writes under names of its own, and a text written twice does no harm. A damaged file is
    noticed by its checksums, removed with a warning, and its texts are read again.

    Args:
        folder: Made when something is written; None for `default_store_folder`.
        limit: Most bytes of vectors; beyond it the least recently used files go, never one that present work uses.
        precision: ``float16`` (11 bits, a power of two a vector, so that no magnitude overflows) or ``float32``.

    Raises:
        ValueError: A limit under 1, or an unknown precision.
    """

    def __init__(
        self, folder: str | Path | None = None, *, limit: int = DEFAULT_LIMIT, precision: Precision = "float16"
    ) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int):
            raise TypeError(f"limit: expected a whole number of bytes; got {limit!r}. 20 GiB is {DEFAULT_LIMIT}.")
        if limit < 1:
            raise ValueError(f"limit: expected at least 1 byte; got {limit}. 20 GiB is {DEFAULT_LIMIT}.")
        if precision not in PRECISIONS:
            raise ValueError(f"precision: expected one of {', '.join(PRECISIONS)}; got {precision!r}. Correct it.")
        self.folder = default_store_folder() if folder is None else Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"store: expected a folder; got the file {self.folder}. Give another path.")
        self.limit = limit
        self.precision: Precision = precision
        self._shelves: WeakSet[Shelf] = WeakSet()
        self._size: int | None = None

    def shelf(self, encoder: Mapping[str, Any], reading: Reading) -> Shelf:
        """Where the vectors of one encoder by one reading are.

        Args:
            encoder: All that the vectors depend on beside text and reading; as JSON can hold it.
            reading: The reading.
        """
        folder = self.encoder_folder(encoder) / f"{reading.pooling}-{reading.normalize}"
        shelf = Shelf(folder, precision=self.precision, make_room=self._make_room)
        self._shelves.add(shelf)
        return shelf

    def encoder_folder(self, encoder: Mapping[str, Any]) -> Path:
        """The folder of one encoder at this store's precision."""
        identity = {"format": _FORMAT, "precision": self.precision, **encoder}
        text = json.dumps(identity, sort_keys=True)
        return self.folder / blake2b(text.encode(), digest_size=16).hexdigest()

    def describe_encoder(self, encoder: Mapping[str, Any]) -> None:
        """Leave a note in an encoder's folder of what it is, for whoever looks there."""
        folder = self.encoder_folder(encoder)
        note = folder / "encoder.json"
        if not note.exists():
            # Two processes may begin with one model: each writes aside under a name of its own.
            aside = folder / f".{note.name}-{secrets.token_hex(4)}{ASIDE}"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                aside.write_bytes(json.dumps(dict(encoder), indent=1, sort_keys=True).encode())
                aside.replace(note)
            except OSError as error:
                raise write_error(error, note) from error

    def size(self) -> int:
        """Bytes of vectors in the store."""
        return sum(size for _, size, _ in self._files())

    def refuse_too_much(self, needed: int, *, what: str, remedies: str) -> None:
        """Raise when what the present work uses and is about to write can never be there together.

        Args:
            needed: Bytes to be written.
            what: What they are, for the message.
            remedies: What makes it fit.

        Raises:
            ValueError: It exceeds the limit.
        """
        used = sum(shelf.used_bytes() for shelf in self._shelves)
        if used + needed > self.limit:
            before = f" beside {readable_bytes(used)} that this run uses already" if used else ""
            raise ValueError(
                f"store: expected room within its limit of {readable_bytes(self.limit)}; got {readable_bytes(needed)} for "
                f"{what}{before}. {remedies}"
            )

    def _make_room(self, needed: int) -> None:
        if self._size is None or self._size + needed > self.limit:
            self._size = self._evict(needed)
        self._size += needed

    def _evict(self, needed: int) -> int:
        """Remove the least recently used files until there is room; the bytes that are left."""
        self._sweep()
        files = sorted(self._files())
        size = sum(one[1] for one in files)
        in_use = {path for shelf in self._shelves for path in shelf.used}
        for _, of_file, path in files:
            if size + needed <= self.limit:
                break
            if path not in in_use:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
                    size -= of_file
                    _LOGGER.info("%s: removed, least recently used", path)
        return size

    def _files(self) -> list[tuple[int, int, Path]]:
        """Time of last use, size and path of every segment."""
        found = []
        for folder in self._reading_folders():
            for path in segment_files(folder):
                # Another process may remove it in between.
                with suppress(OSError):
                    facts = path.stat()
                    found.append((facts.st_mtime_ns, facts.st_size, path))
        return found

    def _reading_folders(self) -> Iterator[Path]:
        if self.folder.is_dir():
            for encoder in sorted(self.folder.iterdir()):
                if encoder.is_dir():
                    yield from (folder for folder in sorted(encoder.iterdir()) if folder.is_dir())

    def _sweep(self) -> None:
        """Remove what killed processes left: files written aside, plans of readings that never went on."""
        folders = {part for folder in self._reading_folders() for part in (folder, folder.parent)}
        for path in (folder / name for folder in folders for name in os.listdir(folder)):
            left = path.name.startswith(PLAN) or (path.name.startswith(".") and path.name.endswith(ASIDE))
            with suppress(OSError):
                if left and time.time() - path.stat().st_mtime > _FORGOTTEN:
                    path.unlink()


def readable_bytes(count: float) -> str:
    """A number of bytes as people write it: ``1.5 GiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
