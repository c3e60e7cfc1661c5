"""Scores of several tasks for every stream under one reading, as one table of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._tables.main_scores import MainScore

__all__ = ["ScoreBoard", "Stream", "score_boards", "stream_order"]

Stream = tuple[int, str]
Floats = NDArray[np.float64]

# Half a 95 % interval in standard errors.
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class ScoreBoard:
    """Main scores of every task for every stream, all of them there.

    Attributes:
        reading: How vectors were read.
        tasks: ``T`` names.
        metrics: Their metrics.
        streams: ``S`` of (layer, stream), from the input up, the final-normed state last.
        values: ``(T, S)``, higher is better.
        low: ``(T, S)``, lower ends of the 95 % intervals, NaN where there is none.
        high: ``(T, S)``.
    """

    reading: str
    tasks: tuple[str, ...]
    metrics: tuple[str, ...]
    streams: tuple[Stream, ...]
    values: Floats
    low: Floats
    high: Floats

    @property
    def last(self) -> int:
        """Place of what the model hands out as its last hidden state: the final-normed state, or the deepest stream."""
        return len(self.streams) - 1

    @property
    def errors(self) -> Floats:
        """Standard errors ``(T, S)``, from the intervals."""
        return (self.high - self.low) / (2 * _Z95)

    def of_tasks(self, tasks: Sequence[str]) -> ScoreBoard:
        """The board of some of the tasks."""
        rows = [self.tasks.index(task) for task in tasks]
        return ScoreBoard(
            reading=self.reading,
            tasks=tuple(tasks),
            metrics=tuple(self.metrics[row] for row in rows),
            streams=self.streams,
            values=self.values[rows],
            low=self.low[rows],
            high=self.high[rows],
        )


def score_boards(scores: Sequence[MainScore], *, streams: str) -> tuple[dict[str, ScoreBoard], list[str]]:
    """The boards of one model, by reading, and what had to be left out.

    Args:
        scores: Of one model and revision.
        streams: ``all``, ``residual`` or ``final_norm``: which of them are candidates.

    Returns:
        A board a reading, in the order of the scores; sentences about streams without a score on every task, and about readings
        without two streams to choose from.

    Raises:
        ValueError: Fewer than two streams that every task scored, under every reading.
    """
    boards: dict[str, ScoreBoard] = {}
    told: list[str] = []
    refused = ""
    for reading in dict.fromkeys(score.reading for score in scores):
        some = [score for score in scores if score.reading == reading and streams in ("all", score.stream)]
        tasks = list(dict.fromkeys(score.task for score in some))
        there = {(score.task, (score.layer, score.stream)): score for score in some if np.isfinite(score.value)}
        every = sorted({(score.layer, score.stream) for score in some}, key=stream_order)
        whole = [stream for stream in every if all((task, stream) in there for task in tasks)]
        if len(whole) < 2:
            refused = (
                f"scores: expected at least 2 streams scored on every task ({', '.join(tasks) or 'none'}); got {len(whole)} "
                f"with {reading or 'this reading'}. Score all layers, or leave tasks out."
            )
            told.append(f"Left out, with fewer than 2 streams scored on every task: {reading or 'scores'}.")
            continue
        if len(whole) < len(every):
            left = ", ".join(_named(stream) for stream in every if stream not in whole)
            told.append(f"Without a score on every task, and left out ({reading or 'scores'}): {left}.")
        grid = [[there[task, stream] for stream in whole] for task in tasks]
        boards[reading] = ScoreBoard(
            reading=reading,
            tasks=tuple(tasks),
            metrics=tuple(row[0].metric for row in grid),
            streams=tuple(whole),
            values=np.array([[score.value for score in row] for row in grid]),
            low=np.array([[score.low for score in row] for row in grid]),
            high=np.array([[score.high for score in row] for row in grid]),
        )
    if refused and not boards:
        raise ValueError(refused)
    return boards, told


def stream_order(stream: Stream) -> tuple[bool, int]:
    """From the input up, the final-normed state last."""
    return stream[1] != "residual", stream[0]


def _named(stream: Stream) -> str:
    return f"layer {stream[0]}" if stream[1] == "residual" else stream[1]
