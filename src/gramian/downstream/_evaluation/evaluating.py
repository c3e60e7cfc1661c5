"""Scores of every task for every stream by every reading, as a run that goes on where it stopped."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gramian.downstream._evaluation.notes import evaluation_notes
from gramian.downstream._evaluation.score_tables import measures_table, scores_table
from gramian.downstream._evaluation.scoring import Scoring
from gramian.downstream._tasks.protocol import LayerTask
from gramian.downstream._vectors.encoder import model_identity
from gramian.downstream._vectors.layer_choice import Layers, stream_groups
from gramian.downstream._vectors.reader import LayerReader
from gramian.downstream._vectors.readings import Reading, as_readings
from gramian.downstream._vectors.store import VectorStore
from gramian.layers import LanguageModel, Progress, load_model
from gramian.runs import RunDirectory

__all__ = ["EvaluationResult", "evaluate_layers"]

# Of a run without a store: inside its directory, so that a killed one finds its vectors again.
_OWN_STORE = "vectors"


@dataclass(frozen=True)
class EvaluationResult:
    """What a run of tasks left behind.

    Attributes:
        directory: The run directory, with the tables `scores` and `measures`.
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
    readings: Reading | Sequence[Reading] | None = None,
    layers: Layers = None,
    store: VectorStore | None = None,
    private: bool = False,
    passes: int = 1,
    max_tokens: int | None = 512,
    token_budget: int = 2048,
    empty: str = "refuse",
    seed: int = 0,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
    model_options: Mapping[str, Any] | None = None,
    command_line: str | None = None,
) -> EvaluationResult:
    """Score every task on every stream by every reading, and leave a run directory.

    Each text goes through the model once for all streams, readings and tasks, and not at all where the store holds it. The run
    goes on where it stopped when the same call is made again.

    Args:
        model: A loaded model, or a name for `load_model`.
        tasks: At least one, with different names.
        out: The run directory.
        readings: How vectors are made of token states; None for the plain mean of raw states.
        layers: Which layers: None for all, numbers, or text such as ``every 4th``; see the guide.
        store: Where vectors are kept and found again. None keeps them inside the run directory until the run is finished.
        private: Whether to keep them there in any case, with the store's limit and precision.
        passes: Groups of layers, each with a forward pass of its own; the store then has to hold one group at a time.
        max_tokens: Longer texts are cut to this many tokens, or to what the model can take where that is less; None for the
            model's own limit.
        token_budget: Padded tokens of a batch.
        empty: What becomes of texts without a token: ``refuse`` ends the run, ``zero`` gives them the zero vector.
        seed: Of an untrained model's random weights, for a model given by name. Tasks have seeds of their own.
        overwrite: Start anew whatever run is there.
        progress: Called while texts are read and after every score.
        model_options: More arguments of `load_model`, for a model given by name.
        command_line: What a user typed, for the manifest.

    Returns:
        The directory, its manifest, and whether earlier work was used.

    Raises:
        ValueError: No task or two of one name, an argument out of range, a text without tokens, vectors beyond the store's
            limit, a directory that holds a run with other parameters, no score that is defined.
        TypeError: An argument of the wrong kind.
    """
    started = time.monotonic()
    report = progress or (lambda _: None)
    _check(tasks, passes=passes, seed=seed, model=model, model_options=model_options)
    chosen = as_readings(Reading() if readings is None else readings)
    loaded = load_model(model, **{"seed": seed, **(model_options or {})}) if isinstance(model, str) else model
    if not isinstance(loaded, LanguageModel):
        raise TypeError(f"model: expected one that reads text; got {type(loaded).__name__}. Tasks here are of texts.")
    private = private or store is None
    kept = store or VectorStore()
    if private:
        kept = VectorStore(Path(out) / _OWN_STORE, limit=kept.limit, precision=kept.precision)
    reader = LayerReader(
        loaded, readings=chosen, store=kept, layers=layers, max_tokens=max_tokens, token_budget=token_budget, empty=empty,
        progress=lambda done, total: report(Progress("Reading texts", done, total, "texts")),
    )  # fmt: skip
    described = model_identity(loaded)
    parameters = {
        "model": described,
        "tasks": [{"name": task.name, "type": task.type, "hash": task.hash} for task in tasks],
        "readings": [one.variant for one in chosen],
        "streams": [list(one) for one in reader.streams],
        "max_tokens": reader.max_tokens,
        "precision": kept.precision,
    }
    with RunDirectory.open(out, command="downstream", parameters=parameters, overwrite=overwrite) as run:
        if run.finished:
            return EvaluationResult(run.path, run.manifest, resumed=True)
        if command_line:
            run.update_manifest(command_line=command_line)
        scoring = Scoring(run, reader, tasks, report)
        resumed = scoring.done > 0
        seconds, forward = run.manifest.get("seconds", 0.0), run.manifest.get("forward_passes", 0)
        try:
            for group in stream_groups(reader.streams, passes):
                scoring.score(group)
        finally:
            run.update_manifest(
                seconds=round(seconds + time.monotonic() - started, 1), forward_passes=forward + reader.passes
            )
        _write(run, scoring, described, chosen, passes)
        run.finish()
        if private:
            shutil.rmtree(kept.folder, ignore_errors=True)
        return EvaluationResult(run.path, run.manifest, resumed=resumed)


def _check(
    tasks: Sequence[LayerTask], *, passes: int, seed: int, model: object, model_options: Mapping[str, Any] | None
) -> None:
    names = [task.name for task in tasks]
    if not names:
        raise ValueError("tasks: expected at least one; got none. Name a task, or a file with labels.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"tasks: expected different names; got {twice[0]} more than once. Leave one out or rename it.")
    if passes < 1:
        raise ValueError(f"passes: expected at least 1; got {passes}. One reads all layers at once.")
    if seed < 0:
        raise ValueError(f"seed: expected at least 0; got {seed}. Any whole number from 0 will do.")
    if isinstance(model, LanguageModel) and model_options:
        raise ValueError("model_options: expected none with a loaded model; got some. Give them to load_model.")


def _write(
    run: RunDirectory, scoring: Scoring, described: Mapping[str, Any], readings: Sequence[Reading], passes: int
) -> None:
    name, revision = str(described["name"]), str(described["revision"] or "")
    cells = scoring.cells()
    notes = evaluation_notes(cells, readings)
    run.write_table("scores", [scores_table(name, revision, cells)])
    first = [(cell, scored) for cell, scored in cells if cell.reading == readings[0]]
    shares = [(cell.task, cell.layer, cell.stream, scored.sink) for cell, scored in first]
    run.write_table("measures", [measures_table(name, revision, shares)])
    run.update_manifest(
        model=dict(described),
        tasks=[
            {
                "name": task.name,
                "type": task.type,
                "hash": task.hash,
                "notes": list(getattr(task, "notes", ())),
                "texts": max(scored.texts for cell, scored in first if cell.task == task.name),
            }
            for task in scoring.tasks
        ],
        readings=[one.variant for one in readings],
        passes=passes,
        warnings=notes,
    )
