"""The supervised choice from a file: a few texts with labels, read by the model that a run measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from gramian.downstream._export.source import load_measured_model
from gramian.downstream._recommend.probe import ChoosingProbe, LabelledChoice, choose_by_probe
from gramian.downstream._recommend.scores import Stream
from gramian.downstream._tasks.labelled import labelled_task
from gramian.downstream._vectors.reader import LayerReader
from gramian.downstream._vectors.readings import Reading
from gramian.downstream._vectors.store import VectorStore
from gramian.layers import Progress
from gramian.runs import RunRecord

__all__ = ["LabelledTexts", "choose_by_labels"]

_FOLDS, _INNER = 5, 3


@dataclass(frozen=True)
class LabelledTexts:
    """A choice on a labelled file, and what it cost.

    Attributes:
        choice: For `recommend_layer`.
        source: The file's name.
        texts: Texts read.
        classes: How many.
        forward_passes: Texts that went through the model; the others were in the store.
        probes: Probes fitted.
        seconds: Of reading and fitting, the model's loading included.
        notes: What was left out of the file.
    """

    choice: LabelledChoice
    source: str
    texts: int
    classes: int
    forward_passes: int
    probes: int
    seconds: float
    notes: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The entry ``labels`` of `recommendation.json`."""
        board, held_out = self.choice.board, self.choice.held_out
        layer, stream = board.streams[self.choice.place]
        return {
            "source": self.source,
            "task": board.tasks[0],
            "reading": board.reading,
            "texts": self.texts,
            "classes": self.classes,
            "layer": layer,
            "stream": stream,
            "score": float(board.values[0, self.choice.place]),
            "held_out": held_out.value,
            "held_out_low": held_out.low,
            "held_out_high": held_out.high,
            "chosen": [{"layer": one, "stream": of} for one, of in self.choice.chosen],
            "forward_passes": self.forward_passes,
            "probes": self.probes,
            "seconds": self.seconds,
            "notes": list(self.notes),
        }


def choose_by_labels(
    record: RunRecord,
    source: str | Path,
    *,
    field: str | None = None,
    label_field: str | None = None,
    probe: str = "logistic",
    prompts: int | None = None,
    reading: str = "",
    streams: str = "all",
    candidates: Collection[Stream] | None = None,
    model: str | None = None,
    model_options: Mapping[str, Any] | None = None,
    store: VectorStore | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> LabelledTexts:
    """Choose a layer by a probe on labelled texts; see `choose_by_probe`.

    Args:
        record: A run of the model, which is loaded again as the run's manifest says and recognised by its weights.
        source: The file, or another source of `labelled_task`.
        field: The text's field.
        label_field: The label's field.
        probe: ``logistic`` or ``knn``.
        prompts: How many texts to take; None for all.
        reading: How texts are read, as a table names it; empty for the plain mean.
        streams: ``all``, or ``residual`` to leave out the final-normed state.
        candidates: The streams to choose from; None for all that the model has.
        model: Where the model is, if the manifest does not lead there.
        model_options: More arguments of `load_model`.
        store: Where vectors are kept and found again; None keeps them no longer than this call.
        seed: Of the sample and of the folds.
        progress: Called while texts are read and probes fitted.

    Raises:
        ValueError: As `labelled_task`, `choose_by_probe` and `export_run`, or a reading the model has not.
        TypeError: The run measured no texts.

    Cost: a forward pass for each distinct text that the store does not hold, and 20 probes a stream.
    """
    started = time.monotonic()
    read = Reading.of_variant(reading) if reading else Reading()
    if probe not in ("logistic", "knn"):
        raise ValueError(f"probe: expected logistic or knn; got {probe!r}. A layer is chosen by accuracy.")
    task = labelled_task(
        source,
        field=field,
        label_field=label_field,
        probe=cast(ChoosingProbe, probe),
        # Another name than that of the same file scored as a task.
        name=f"labels of {Path(source).name}",
        folds=_FOLDS,
        prompts=prompts,
        seed=seed,
    )
    report = progress or (lambda _: None)
    loaded = load_measured_model(record, name=model, options=model_options or {}, option="--weights")
    reader = LayerReader(
        loaded,
        readings=read,
        store=store,
        layers=None if candidates is None else sorted({layer for layer, _ in candidates}),
        max_tokens=record.manifest["parameters"].get("max_tokens"),
        empty="zero",
        progress=lambda done, total: report(Progress("Reading texts", done, total, "texts")),
    )
    chosen_from = [
        one for one in reader.streams if streams in ("all", one[1]) and (candidates is None or one in candidates)
    ]
    choice = choose_by_probe(
        lambda layer, stream: reader.vectors(task.texts, layer, stream, read),
        task.labels,
        streams=chosen_from,
        reading=read.variant,
        name=task.name,
        probe=cast(ChoosingProbe, probe),
        groups=task.texts,
        folds=_FOLDS,
        inner_folds=_INNER,
        seed=seed,
        progress=lambda done, total: report(Progress("Fitting probes", done, total, "streams")),
    )
    counts = reader.texts_read()
    notes = list(task.notes)
    if counts.truncated:
        notes.append(f"{counts.truncated} of {counts.texts} texts were cut at {reader.max_tokens} tokens")
    return LabelledTexts(
        choice=choice,
        source=Path(source).name,
        texts=len(task.texts),
        classes=len(set(task.labels)),
        forward_passes=reader.passes,
        probes=len(choice.board.streams) * _FOLDS * (_INNER + 1),
        seconds=round(time.monotonic() - started, 1),
        notes=tuple(notes),
    )
