"""The tables of a downstream run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._tasks.protocol import Score
from gramian.downstream._vectors.readings import Reading
from gramian.downstream._vectors.sink_shares import SinkShare

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Cell", "Scored", "measures_table", "scores_table"]


@dataclass(frozen=True)
class Cell:
    """One task, stream and reading.

    Attributes:
        task: The task's name.
        type: The task's type.
        layer: The layer.
        stream: ``residual`` or ``final_norm``.
        reading: The reading.
    """

    task: str
    type: str
    layer: int
    stream: str
    reading: Reading


@dataclass(frozen=True)
class Scored:
    """What one cell of a run gave: its scores, and facts about the texts it was computed from.

    Attributes:
        scores: All scores.
        sink: The first token's share of these texts at this stream.
        texts: Distinct texts.
        truncated: How many of them were cut.
        empty: How many of them had no token.
    """

    scores: tuple[Score, ...]
    sink: SinkShare
    texts: int
    truncated: int
    empty: int

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """As a run saves it."""
        text = json.dumps(asdict(self)).encode()
        return {"scored": np.frombuffer(text, dtype=np.uint8)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Scored:
        """What `to_arrays` was made of."""
        found = json.loads(arrays["scored"].tobytes())
        scores = tuple(Score(**one) for one in found.pop("scores"))
        return cls(scores=scores, sink=SinkShare(**found.pop("sink")), **found)


def scores_table(model: str, revision: str, cells: Iterable[tuple[Cell, Scored]]) -> pa.Table:
    """The table `scores`: one row a score that is defined."""
    import pyarrow as pa

    rows = [
        {
            "model": model,
            "revision": revision,
            "task": cell.task,
            "type": cell.type,
            "split": score.split,
            "subset": score.subset,
            "layer": cell.layer,
            "stream": cell.stream,
            "variant": cell.reading.variant,
            "metric": score.metric,
            "main": score.main,
            "value": score.value,
            "low": score.low,
            "high": score.high,
            "n": score.n,
        }
        for cell, scored in cells
        for score in scored.scores
        if math.isfinite(score.value)
    ]
    schema = _schema(
        ("model", "revision", "task", "type", "split", "subset", "layer", "stream", "variant", "metric", "main"),
        ("value", "low", "high", "n"),
    )
    return pa.Table.from_pylist(rows, schema=schema)


def measures_table(model: str, revision: str, shares: Sequence[tuple[str, int, str, SinkShare]]) -> pa.Table:
    """The table `measures` with ``sink_share`` of the texts of each task, whose name stands in ``corpus``."""
    import pyarrow as pa

    rows = [
        {
            "model": model,
            "revision": revision,
            "corpus": task,
            "condition": "natural",
            "layer": layer,
            "stream": stream,
            "measure": "sink_share",
            "variant": "",
            "value": share.mean,
            "stderr": share.stderr,
            "low": share.interval[0],
            "high": share.interval[1],
            "n": share.n,
        }
        for task, layer, stream, share in shares
        if share.n
    ]
    schema = _schema(
        ("model", "revision", "corpus", "condition", "layer", "stream", "measure", "variant"),
        ("value", "stderr", "low", "high", "n"),
    )
    return pa.Table.from_pylist(rows, schema=schema)


def _schema(names: Sequence[str], numbers: Sequence[str]) -> Any:
    import pyarrow as pa

    kinds = {"layer": pa.int32(), "main": pa.bool_(), "n": pa.int64()}
    of_names = [(name, kinds.get(name, pa.string())) for name in names]
    return pa.schema([*of_names, *[(name, kinds.get(name, pa.float64())) for name in numbers]])
