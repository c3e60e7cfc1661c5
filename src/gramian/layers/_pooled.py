"""Pooled vectors of every prompt, one stream at a time: from a run's chunks, or from saved activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from gramian.layers._activations import Activations
from gramian.runs import RunDirectory


class PooledVectors(Protocol):
    """Where dataset measures read from; nothing but the stream asked for is in memory."""

    @property
    def streams(self) -> Sequence[tuple[int, str]]: ...

    @property
    def poolings(self) -> Sequence[str]: ...

    def embeddings(self, stream: int, pooling: int) -> np.ndarray:
        """The prompts' vectors, `(prompts, d)`."""
        ...

    def views(self, stream: int, pooling: int) -> np.ndarray | None:
        """The views' vectors, `(prompts, views, d)`, or None."""
        ...


class ChunkedVectors:
    """Reads the mapped files of a run; prompts come back in corpus order."""

    poolings = ("all", "no_first")

    def __init__(
        self, run: RunDirectory, chunks: Sequence[tuple[str, Sequence[int]]], streams: Sequence[tuple[int, str]]
    ) -> None:
        self.streams = streams
        self._run = run
        self._chunks = chunks
        self._count = sum(len(indices) for _, indices in chunks)

    def embeddings(self, stream: int, pooling: int) -> np.ndarray:
        return self._read(stream, pooling, slice(0, 1))[:, 0]

    def views(self, stream: int, pooling: int) -> np.ndarray | None:
        found = self._read(stream, pooling, slice(1, None))
        return found if found.shape[1] else None

    def _read(self, stream: int, pooling: int, which: slice) -> np.ndarray:
        rows: np.ndarray | None = None
        for key, indices in self._chunks:
            part = self._run.load_chunk(key)["pooled"][stream, pooling, which]
            if rows is None:
                rows = np.empty((self._count, part.shape[0], part.shape[2]), dtype=part.dtype)
            rows[np.asarray(indices)] = part.swapaxes(0, 1)
        if rows is None:
            raise ValueError("pooled vectors: expected at least one chunk; got none")
        return rows


class SavedVectors:
    """Saved activations `(layers, prompts, d)`, or with views `(layers, prompts, views, d)`: the first view is the prompt itself."""

    poolings = ("all",)

    def __init__(self, activations: Activations) -> None:
        self._activations = activations
        self.streams = [(layer, "residual") for layer in range(activations.layers)]

    def embeddings(self, stream: int, pooling: int) -> np.ndarray:
        layer = self._activations.layer(stream)
        return layer if layer.ndim == 2 else layer[:, 0]

    def views(self, stream: int, pooling: int) -> np.ndarray | None:
        layer = self._activations.layer(stream)
        return layer if layer.ndim == 3 else None
