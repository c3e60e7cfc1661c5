"""What a downstream task is: something that scores vectors of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._vectors.readings import Reading

__all__ = ["Embed", "LayerTask", "Score"]

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Score:
    """One number that a task gives a layer.

    Attributes:
        metric: Its name, such as ``accuracy`` or ``cosine_spearman``.
        value: The score; finite. Higher is better for the main score.
        main: Whether it is the task's main score; exactly one a split and subset.
        low: Lower end of the 95 % interval, NaN where there is none.
        high: Upper end.
        n: Samples it was computed from, 0 where unknown.
        split: The split it was computed on.
        subset: The subset (language, say), ``default`` where a task has one.
    """

    metric: str
    value: float
    main: bool = True
    low: float = float("nan")
    high: float = float("nan")
    n: int = 0
    split: str = "test"
    subset: str = "default"


@dataclass(frozen=True)
class Embed:
    """Reads one stream by one reading: ``embed(texts)`` gives ``(n, d)`` float32, in the order of the texts.

    Attributes:
        model: The model's name.
        revision: Its revision, empty for local files.
        layer: The layer.
        stream: ``residual`` or ``final_norm``.
        reading: The reading.
        weights: Hash of the model's weights, which tells models of one name apart; empty where unknown.
        folder: Where a task with the attribute ``folder``, a name, may leave files of another format; else None.
    """

    model: str
    revision: str
    layer: int
    stream: str
    reading: Reading
    read: Callable[[Sequence[str]], Vectors] = field(repr=False, compare=False)
    weights: str = ""
    folder: Path | None = None

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, ``(n, d)`` float32; the first call for new texts runs the model over them."""
        return self.read(texts)


@runtime_checkable
class LayerTask(Protocol):
    """A downstream task. It keeps no state between calls of `score`: every layer is scored afresh.

    Attributes:
        name: Its name in tables, unique in a run.
        type: Its kind, such as ``Classification`` or ``STS``.
        hash: Of everything its scores depend on beside the vectors: data, parameters, seed. A run of another hash is another run.
    """

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> str: ...

    @property
    def hash(self) -> str: ...

    def score(self, embed: Embed) -> list[Score]:
        """Scores of one stream by one reading."""
        ...
