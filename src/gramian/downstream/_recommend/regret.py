"""How far a choice of layers is from the best, the last and a random layer, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gramian.downstream._agreement.block_bootstrap import percentile_interval
from gramian.downstream._recommend.scores import ScoreBoard

__all__ = ["TASKS_FOR_BOOTSTRAP", "Z95", "MeanOutcome", "Quantity", "TaskOutcome", "mean_outcome", "task_outcomes"]

TASKS_FOR_BOOTSTRAP = 5
_RESAMPLES = 5000
# Half a 95 % interval in standard errors.
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Quantity:
    """A number with its 95 % interval; NaN ends where there is none."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def error(self) -> float:
        """Standard error, from the interval."""
        return (self.high - self.low) / (2 * Z95)

    @classmethod
    def of(cls, value: float, error: float) -> Quantity:
        """From a standard error."""
        return cls(value, value - Z95 * error, value + Z95 * error)


@dataclass(frozen=True)
class TaskOutcome:
    """What a choice gives on one task.

    Attributes:
        task: The task.
        layer: The layer chosen, None for a random one.
        stream: Its stream.
        held_out: Whether it was chosen without this very score.
        score: Its score.
        regret_best: Best less this. The best is the best observed, which is a little too good.
        gain_last: This less the last layer's.
        gain_random: This less the mean over all streams.
    """

    task: str
    layer: int | None
    stream: str | None
    held_out: bool
    score: Quantity
    regret_best: Quantity
    gain_last: Quantity
    gain_random: Quantity


@dataclass(frozen=True)
class MeanOutcome:
    """The same, averaged over tasks.

    Attributes:
        tasks: How many.
        held_out: Whether every choice was made without the score it is judged by.
        interval: What the intervals come from: ``tasks``, ``scores`` or None.
        score: Mean score.
        regret_best: Mean regret.
        gain_last: Mean gain on the last layer.
        gain_random: Mean gain on a random layer.
    """

    tasks: int
    held_out: bool
    interval: str | None
    score: Quantity
    regret_best: Quantity
    gain_last: Quantity
    gain_random: Quantity


def task_outcomes(
    board: ScoreBoard,
    choice: Sequence[int | None],
    *,
    held_out: Sequence[bool],
    checked: Mapping[str, Quantity] | None = None,
) -> tuple[TaskOutcome, ...]:
    """What a choice gives on each task.

    Intervals of differences take the two scores for independent; they are of the same texts, so the true ones are narrower. A stream
    less itself is exactly zero.

    Args:
        board: The scores.
        choice: For each task the place of the stream chosen; None for one drawn at random.
        held_out: For each task whether the choice was made without its score.
        checked: For some tasks the score of the choice, where it was measured otherwise than as the stream's own.
    """
    outcomes = []
    for row, (task, place) in enumerate(zip(board.tasks, choice, strict=True)):
        score, *differences = [Quantity.of(*pair) for pair in _numbers(board, row, place, checked or {})]
        layer, stream = (None, None) if place is None else board.streams[place]
        if task in (checked or {}):
            score = (checked or {})[task]
        elif place is not None:
            score = Quantity(score.value, float(board.low[row, place]), float(board.high[row, place]))
        outcomes.append(TaskOutcome(task, layer, stream, held_out[row], score, *differences))
    return tuple(outcomes)


def mean_outcome(
    board: ScoreBoard,
    choice: Sequence[int | None],
    *,
    held_out: Sequence[bool],
    checked: Mapping[str, Quantity] | None = None,
    seed: int,
) -> MeanOutcome:
    """What a choice gives on average over the tasks.

    From `TASKS_FOR_BOOTSTRAP` tasks on, intervals are expanded percentiles of a bootstrap over tasks, the choices held fixed:
    they speak of other tasks like these. With fewer they come from the scores' own intervals and speak of these tasks only.
    """
    pairs = np.array([_numbers(board, row, place, checked or {}) for row, place in enumerate(choice)])
    values, errors = pairs[..., 0], pairs[..., 1]
    count = len(board.tasks)
    means = values.mean(0)
    if count >= TASKS_FOR_BOOTSTRAP:
        generator = np.random.Generator(np.random.Philox(seed))
        draws = generator.integers(0, count, (_RESAMPLES, count))
        ends = percentile_interval(values[draws].mean(1).T, count=count)
        numbers = [
            Quantity(float(mean), float(low), float(high)) for mean, (low, high) in zip(means, ends, strict=True)
        ]
        return MeanOutcome(count, all(held_out), "tasks", *numbers)
    of_means = np.sqrt((errors**2).sum(0)) / count
    numbers = [Quantity.of(float(mean), float(error)) for mean, error in zip(means, of_means, strict=True)]
    return MeanOutcome(count, all(held_out), "scores" if np.isfinite(of_means).all() else None, *numbers)


def _numbers(
    board: ScoreBoard, row: int, place: int | None, checked: Mapping[str, Quantity]
) -> list[tuple[float, float]]:
    """Score, regret and gains of one task with their standard errors."""
    values, errors = board.values[row], board.errors[row]
    best = int(values.argmax())
    # All streams read the same texts: their errors go together, so the mean's is their mean rather than smaller.
    chance = (float(values.mean()), float(errors.mean()))

    def of(stream: int) -> tuple[float, float]:
        return float(values[stream]), float(errors[stream])

    def less(a: tuple[float, float], b: tuple[float, float], *, same: bool) -> tuple[float, float]:
        return (a[0] - b[0], 0.0 if same else math.hypot(a[1], b[1]))

    apart = board.tasks[row] in checked
    this = chance if place is None else of(place)
    if apart:
        this = (checked[board.tasks[row]].value, checked[board.tasks[row]].error)
    return [
        this,
        less(of(best), this, same=place == best and not apart),
        less(this, of(board.last), same=place == board.last and not apart),
        less(this, chance, same=place is None),
    ]
