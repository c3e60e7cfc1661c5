"""Vectors that wait to be written: as many as memory may hold, then one file a reading."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._vectors.batch_vectors import BatchVectors
from gramian.downstream._vectors.readings import Reading
from gramian.downstream._vectors.segments import Keys, Rows, Streams
from gramian.downstream._vectors.shelf import Shelf

__all__ = ["Waiting"]

# What a reader holds in memory beside the model, and what a kill costs. Twice it for a moment while a file is put together.
_BYTES = 64 * 2**20


class Waiting:
    """Collects batches and writes them as segments.

    Args:
        shelves: Where each reading goes.
        streams: The streams of every batch.
        width: Features of a vector.
    """

    def __init__(self, shelves: Mapping[Reading, Shelf], streams: Streams, *, width: int) -> None:
        self._shelves = shelves
        self._streams = streams
        self._most = max(1, _BYTES // (len(shelves) * len(streams) * width * 4))
        self._batches: list[tuple[Keys, BatchVectors, NDArray[np.bool_]]] = []
        self._rows = 0

    def add(self, keys: Keys, batch: BatchVectors, missing: NDArray[np.bool_]) -> None:
        """Take one batch; ``missing``, ``(readings, batch)``, says which of it each reading lacks."""
        if self._rows and self._rows + len(keys) > self._most:
            self.write()
        self._batches.append((keys, batch, missing))
        self._rows += len(keys)

    def write(self) -> None:
        """Write what waits."""
        batches, self._batches, self._rows = self._batches, [], 0
        if not batches:
            return
        keys = np.concatenate([one[0] for one in batches])
        sink = np.concatenate([one[1].sink for one in batches], axis=1)
        tokens = np.concatenate([one[1].tokens for one in batches])
        truncated = np.concatenate([one[1].truncated for one in batches])
        missing = np.concatenate([one[2] for one in batches], axis=1)
        for number, shelf in enumerate(self._shelves.values()):
            if missing[number].any():
                vectors = np.concatenate([one[1].vectors[number] for one in batches], axis=1)
                rows = Rows(keys, vectors, sink, tokens, truncated)
                shelf.write(self._streams, rows.only(missing[number]))
