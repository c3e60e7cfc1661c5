"""What a reader of a downstream run should know before believing its scores, each in one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gramian.downstream._evaluation.score_tables import Cell, Scored
from gramian.downstream._vectors.readings import Reading
from gramian.downstream._vectors.sink_shares import SinkShare, sink_sentence

__all__ = ["evaluation_notes"]

Cells = Sequence[tuple[Cell, Scored]]


def evaluation_notes(cells: Cells, readings: Sequence[Reading]) -> list[str]:
    """Warnings of a run: a first token that swallows the mean, texts that were cut or empty, scores that are not defined.

    Args:
        cells: All cells with what they gave.
        readings: The readings of the run.

    Raises:
        ValueError: No score is defined at all.
    """
    if not any(math.isfinite(score.value) for _, scored in cells for score in scored.scores):
        raise ValueError(
            f"tasks: expected at least one score that is defined; got none for {', '.join(_tasks(cells))}. "
            "Vectors may all be equal there: read another layer, or pool otherwise."
        )
    notes = [_sink_note(cells, readings), *_undefined_notes(cells)]
    for task in _tasks(cells):
        of_task = [scored for cell, scored in cells if cell.task == task]
        texts, cut = max(one.texts for one in of_task), max(one.truncated for one in of_task)
        empty = max(one.empty for one in of_task)
        if cut:
            notes.append(f"{task}: {cut} of {texts} texts are longer than max_tokens and were cut there.")
        if empty:
            notes.append(f"{task}: {empty} of {texts} texts have no token and were given the zero vector.")
    return [note for note in notes if note]


def _tasks(cells: Cells) -> list[str]:
    return list(dict.fromkeys(cell.task for cell, _ in cells))


def _sink_note(cells: Cells, readings: Sequence[Reading]) -> str | None:
    if not any(one.pooling == "mean" and one.normalize == "raw" for one in readings):
        return None
    merged: dict[tuple[int, str], SinkShare] = {}
    for cell, scored in cells:
        if cell.reading == readings[0]:
            name = (cell.layer, cell.stream)
            merged[name] = merged[name].merge(scored.sink) if name in merged else scored.sink
    return sink_sentence(merged)


def _undefined_notes(cells: Cells) -> list[str]:
    """One note a task, metric and reading."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for cell, scored in cells:
        for score in scored.scores:
            if not math.isfinite(score.value):
                where = str(cell.layer) if cell.stream == "residual" else cell.stream
                layers = places.setdefault((cell.task, score.metric, cell.reading.variant), [])
                if where not in layers:
                    layers.append(where)
    return [
        f"{task}: {metric} is not defined at layer {', '.join(layers[:6])}"
        + (f" and {len(layers) - 6} more" if len(layers) > 6 else "")
        + f" ({variant}); left out there."
        for (task, metric, variant), layers in places.items()
    ]
