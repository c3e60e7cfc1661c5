"""The cells of a run, one after the other, each saved as soon as it is scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gramian.downstream._evaluation.score_tables import Cell, Scored
from gramian.downstream._tasks.protocol import Embed, LayerTask, Score
from gramian.downstream._vectors.reader import LayerReader
from gramian.layers import Progress
from gramian.runs import RunDirectory

__all__ = ["Scoring"]


class Scoring:
    """Scores of tasks by stream and reading.

    Args:
        run: Where each cell is saved.
        reader: Where vectors come from.
        tasks: The tasks.
        report: Called after every cell.

    Attributes:
        tasks: The tasks.
        done: Cells that are on disk.
    """

    def __init__(
        self,
        run: RunDirectory,
        reader: LayerReader,
        tasks: Sequence[LayerTask],
        report: Callable[[Progress], None],
    ) -> None:
        self.tasks = tuple(tasks)
        self._run = run
        self._reader = reader
        self._report = report
        self._keys = {
            f"{number:04d} {reading.variant} {layer:04d} {stream}": Cell(task.name, task.type, layer, stream, reading)
            for number, task in enumerate(tasks)
            for reading in reader.readings
            for layer, stream in reader.streams
        }
        self._there = run.done() & self._keys.keys()

    @property
    def done(self) -> int:
        return len(self._there)

    def score(self, streams: Sequence[tuple[int, str]]) -> None:
        """Score every task on these streams; the vectors of one task are held at a time."""
        self._reader.focus(streams)
        self._say()
        for task in self.tasks:
            self._reader.release()
            for key, cell in self._keys.items():
                if cell.task == task.name and (cell.layer, cell.stream) in streams and key not in self._there:
                    self._run.save_chunk(key, self._scored(task, cell).to_arrays())
                    self._there.add(key)
                    self._say()

    def cells(self) -> list[tuple[Cell, Scored]]:
        """Every cell with what it gave, tasks first, layers last."""
        return [(cell, Scored.from_arrays(self._run.load_chunk(key))) for key, cell in self._keys.items()]

    def _scored(self, task: LayerTask, cell: Cell) -> Scored:
        reader, stream = self._reader, (cell.layer, cell.stream)
        reader.forget_texts()
        own = getattr(task, "folder", None)
        embed = Embed(
            model=reader.model.name,
            revision=reader.model.revision or "",
            layer=cell.layer,
            stream=cell.stream,
            reading=cell.reading,
            read=lambda texts: reader.vectors(texts, *stream, cell.reading),
            weights=reader.model.weights_hash,
            folder=None if own is None else self._run.folder(own),
        )
        scores = _checked(task, task.score(embed))
        counts = reader.texts_read()
        sink = reader.sink_shares([stream])[stream]
        return Scored(scores, sink, counts.texts, counts.truncated, counts.empty)

    def _say(self) -> None:
        self._report(Progress("Scoring", len(self._there), len(self._keys), "scores"))


def _checked(task: LayerTask, scores: Sequence[Score]) -> tuple[Score, ...]:
    """Plain numbers, and one main score a split and subset."""
    if not scores:
        raise ValueError(f"task {task.name}: expected at least one score; got none. Correct the task.")
    mains: dict[tuple[str, str], int] = {}
    for score in scores:
        if not isinstance(score, Score):
            raise TypeError(f"task {task.name}: expected Score objects; got {type(score).__name__}. Correct the task.")
        part = (score.split, score.subset)
        mains[part] = mains.get(part, 0) + bool(score.main)
    wrong = [part for part, count in mains.items() if count != 1]
    if wrong:
        raise ValueError(
            f"task {task.name}: expected one main score a split and subset; got {mains[wrong[0]]} in {wrong[0][0]}, "
            f"{wrong[0][1]}. Correct the task."
        )
    return tuple(
        replace(
            one, value=float(one.value), low=float(one.low), high=float(one.high), n=int(one.n), main=bool(one.main)
        )
        for one in scores
    )
