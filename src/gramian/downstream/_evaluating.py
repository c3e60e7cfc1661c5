"""Scores of every task for every stream by every reading, as a run that goes on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gramian.downstream._reader import LayerReader
from gramian.downstream._readings import Reading, as_readings
from gramian.downstream._tasks import Embed, LayerTask, Score
from gramian.layers import LanguageModel, load_model
from gramian.layers._model_identity import describe
from gramian.runs import RunDirectory

__all__ = ["EvaluationResult", "evaluate_layers"]


@dataclass(frozen=True)
class EvaluationResult:
    """What a run of tasks left behind.

    Attributes:
        directory: The run directory.
        manifest: Its manifest.
        resumed: Whether earlier work was used.
    """

    directory: Path
    manifest: dict[str, Any]
    resumed: bool


def evaluate_layers(
    model: LanguageModel | str,
    tasks: Sequence[LayerTask],
    *,
    out: str | Path,
    readings: Reading | Sequence[Reading] = (Reading(),),
    layers: Sequence[int] | None = None,
    max_tokens: int | None = None,
    token_budget: int = 2048,
    seed: int = 0,
    overwrite: bool = False,
    progress: Callable[[str], None] | None = None,
    model_options: Mapping[str, Any] | None = None,
    command_line: str | None = None,
) -> EvaluationResult:
    """Score every task on every stream by every reading; see `EvaluationResult`."""
    started = time.monotonic()
    loaded = model if isinstance(model, LanguageModel) else load_model(model, **{"seed": seed, **(model_options or {})})
    chosen = as_readings(readings)
    reader = LayerReader(loaded, readings=chosen, layers=layers, max_tokens=max_tokens, token_budget=token_budget)
    parameters = {
        "model": describe(loaded),
        "tasks": [{"name": task.name, "type": task.type, "hash": task.hash} for task in tasks],
        "readings": [one.variant for one in chosen],
        "max_tokens": max_tokens,
        "seed": seed,
    }
    with RunDirectory.open(out, command="downstream", parameters=parameters, overwrite=overwrite) as run:
        rows: list[dict[str, Any]] = []
        for task in tasks:
            for reading in chosen:
                for layer, stream in reader.streams:
                    embed = Embed(
                        loaded.name,
                        loaded.revision or "",
                        layer,
                        stream,
                        reading,
                        lambda texts, at=(layer, stream, reading): reader.vectors(texts, *at),
                    )
                    rows += [_row(loaded, task, embed, score) for score in task.score(embed)]
        run.write_table("scores", [_table(rows)])
        run.update_manifest(model=parameters["model"], passes=reader.passes, seconds=time.monotonic() - started)
        run.finish()
        del progress, command_line
        return EvaluationResult(run.path, run.manifest, resumed=False)


def _row(model: LanguageModel, task: LayerTask, embed: Embed, score: Score) -> dict[str, Any]:
    return {
        "model": model.name, "revision": model.revision or "", "task": task.name, "type": task.type, "split": score.split,
        "subset": score.subset, "layer": embed.layer, "stream": embed.stream, "variant": embed.reading.variant,
        "metric": score.metric, "main": score.main, "value": score.value, "low": score.low, "high": score.high, "n": score.n,
    }  # fmt: skip


def _table(rows: list[dict[str, Any]]) -> Any:
    import pyarrow as pa

    names = "model revision task type split subset layer stream variant metric main value low high n".split()
    kinds = {"layer": pa.int32(), "main": pa.bool_(), "n": pa.int64()} | dict.fromkeys(
        ("value", "low", "high"), pa.float64()
    )
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.string())) for name in names]))
