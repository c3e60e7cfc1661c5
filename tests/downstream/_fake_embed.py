"""Vectors of texts without a model: drawn from a text's hash, or planted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from gramian.downstream import Embed, Reading

WIDTH = 24


def hashed(texts: Sequence[str], *, width: int = WIDTH) -> np.ndarray:
    """One normal vector a text, the same for equal texts."""
    return np.array(
        [np.random.default_rng(int(sha256(text.encode()).hexdigest()[:12], 16)).normal(size=width) for text in texts],
        dtype=np.float32,
    )


def embed_with(
    read: Callable[[Sequence[str]], np.ndarray] = hashed,
    *,
    layer: int = 3,
    stream: str = "residual",
    model: str = "tiny",
    revision: str = "",
    reading: Reading | None = None,
    folder: Path | None = None,
    asked: list[list[str]] | None = None,
) -> Embed:
    """An `Embed` that reads by a function, and notes what it was asked for."""

    def noted(texts):
        if asked is not None:
            asked.append(list(texts))
        return read(texts)

    return Embed(model, revision, layer, stream, reading or Reading(), noted, weights="abcdef0123456789", folder=folder)
