"""What a recommendation is made from: one model's scores under one reading, and its measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gramian.downstream._agreement.readings import FINAL_NORMED, pairs_of
from gramian.downstream._recommend.choices import MeasureCurve, measure_curves
from gramian.downstream._recommend.model import one_model
from gramian.downstream._recommend.probe import LabelledChoice
from gramian.downstream._recommend.scores import ScoreBoard, Stream, score_boards, stream_order
from gramian.downstream._tables.columns import TableLike, columns_of
from gramian.downstream._tables.main_scores import MainScore, main_scores
from gramian.downstream._vectors.readings import Reading

__all__ = ["HEAVY_SINK", "RecommendInputs", "read_inputs"]

# Share of the squared norm beyond which one token says more than all the others together.
HEAVY_SINK = 0.5


@dataclass(frozen=True)
class RecommendInputs:
    """Everything of one model that rules read.

    Attributes:
        model: Its name.
        revision: Its revision.
        reading: How vectors are read.
        board: Scores to judge by; None without scores.
        choosing: Scores to choose on where these are others than the board's; None to leave one task out in turn.
        per_task: Whether each task's layer is chosen on its own row of `choosing`.
        curves: Measures.
        scored: Every main score of the board's tasks under its reading, of streams that another task lacks too.
        candidates: The streams to choose from.
        other_readings: Mean score of the best layer under the other readings.
        warnings: What was left out.
    """

    model: str
    revision: str
    reading: str
    board: ScoreBoard | None
    choosing: ScoreBoard | None
    per_task: bool
    curves: tuple[MeasureCurve, ...]
    candidates: tuple[Stream, ...]
    scored: tuple[MainScore, ...] = ()
    other_readings: tuple[tuple[str, float], ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def depth(self) -> int:
        """The deepest layer there is."""
        return max(layer for layer, _ in self.candidates)

    def best_on_tasks(self) -> tuple[list[int], int, bool]:
        """The place chosen for each task, the place for a new task, and whether choices were made without the scores they are judged by."""
        if self.board is None:
            raise ValueError("scores: expected some; got none. Score tasks with gramian downstream.")
        values = self.board.values
        if self.choosing is not None:
            overall = int(self.choosing.values.mean(0).argmax())
            rows = self.choosing.values.argmax(1).tolist() if self.per_task else [overall] * len(values)
            return rows, overall, True
        overall = int(values.mean(0).argmax())
        if len(values) == 1:
            return [overall], overall, False
        return [int(np.delete(values, row, axis=0).mean(0).argmax()) for row in range(len(values))], overall, True


def read_inputs(
    measures: TableLike | None,
    scores: TableLike | None,
    *,
    model: str | None,
    revision: str | None,
    tasks: Sequence[str] | None,
    choose_on: Sequence[str] | None,
    split: str | None,
    choose_split: str | None,
    reading: str | None,
    streams: str,
    labelled: LabelledChoice | None,
) -> RecommendInputs:
    """Read the tables; see `recommend_layer`."""
    of_measures = None if measures is None else columns_of(measures, name="measures")
    of_scores = None if scores is None else columns_of(scores, name="scores")
    if of_measures is None and of_scores is None and labelled is None:
        raise ValueError("measures: expected measures, scores or both; got neither. Measure or score layers first.")
    by, group, warnings = one_model(of_measures, of_scores, model=model, revision=revision)
    curves = [] if of_measures is None else measure_curves(of_measures, by=by, group=group)
    named = dict(zip(by, group, strict=True))
    inputs = RecommendInputs(
        model=named.get("model", ""),
        revision=named.get("revision", ""),
        reading="",
        board=None,
        choosing=None,
        per_task=choose_split is not None,
        curves=tuple(curves),
        candidates=(),
        warnings=tuple(warnings),
    )
    if of_scores is None and labelled is None:
        if tasks is not None or choose_on is not None or split is not None or choose_split is not None:
            raise ValueError("tasks: expected none without scores; got some. Give a run of gramian downstream.")
        return _without_scores(inputs, reading, streams)

    def read(which: str | None) -> list[MainScore]:
        if of_scores is None:
            return []
        return [one for one in main_scores(of_scores, by=by, split=which) if one.group == group]

    inputs = _with_scores(
        inputs, read(split), tasks=tasks, choose_on=choose_on, reading=reading, streams=streams, labelled=labelled
    )
    if choose_split is None:
        return inputs
    return _chosen_elsewhere(inputs, read(choose_split), choose_split, streams)


def _with_scores(
    inputs: RecommendInputs,
    scores: Sequence[MainScore],
    *,
    tasks: Sequence[str] | None,
    choose_on: Sequence[str] | None,
    reading: str | None,
    streams: str,
    labelled: LabelledChoice | None,
) -> RecommendInputs:
    there = list(dict.fromkeys(score.task for score in scores))
    if labelled is not None and labelled.board.tasks[0] in there:
        raise ValueError(
            f"labelled: expected another name than those of the tasks ({', '.join(there)}); got {labelled.board.tasks[0]!r}. "
            "Rename it."
        )
    chosen_on = _names(choose_on, there, "choose_on") if choose_on is not None else []
    wanted = [task for task in _names(tasks, there, "tasks") if task not in chosen_on]
    if not wanted and labelled is None:
        raise ValueError(
            f"choose_on: expected to leave a task to judge by; got {', '.join(chosen_on) or 'no scores'}. Leave one out."
        )
    kept = [score for score in scores if score.task in (*wanted, *chosen_on)]
    boards, told = score_boards(kept, streams=streams)
    if labelled is not None:
        joined = _joined(boards.get(labelled.board.reading), labelled.board, streams)
        _refuse_other_streams(labelled, joined)
        boards = {labelled.board.reading: joined}
        wanted = [*wanted, labelled.board.tasks[0]]
    board, others = _one_reading(boards, reading, wanted)
    return replace(
        inputs,
        reading=board.reading,
        board=board.of_tasks(wanted),
        choosing=board.of_tasks(chosen_on) if chosen_on else None,
        candidates=board.streams,
        scored=tuple(one for one in kept if one.reading == board.reading and one.task in wanted),
        other_readings=tuple(others),
        warnings=(*inputs.warnings, *told),
    )


def _joined(board: ScoreBoard | None, labels: ScoreBoard, streams: str) -> ScoreBoard:
    """The scores of tasks and of labelled texts, on the streams that both have."""
    usable = [stream for stream in labels.streams if streams in ("all", stream[1])]
    common = [stream for stream in usable if board is None or stream in board.streams]
    if len(common) < 2:
        raise ValueError(f"labelled: expected 2 streams in common with the scores; got {len(common)}. Read all layers.")
    mine = [labels.streams.index(stream) for stream in common]
    picked = replace(
        labels, streams=tuple(common), values=labels.values[:, mine], low=labels.low[:, mine], high=labels.high[:, mine]
    )
    if board is None:
        return picked
    theirs = [board.streams.index(stream) for stream in common]
    return ScoreBoard(
        reading=board.reading,
        tasks=(*board.tasks, *picked.tasks),
        metrics=(*board.metrics, *picked.metrics),
        streams=tuple(common),
        values=np.concatenate([board.values[:, theirs], picked.values]),
        low=np.concatenate([board.low[:, theirs], picked.low]),
        high=np.concatenate([board.high[:, theirs], picked.high]),
    )


def _refuse_other_streams(labelled: LabelledChoice, board: ScoreBoard) -> None:
    chosen = {labelled.board.streams[labelled.place], *labelled.chosen}
    other = sorted(chosen - set(board.streams), key=stream_order)
    if other:
        layer, stream = other[0]
        raise ValueError(
            f"labelled: expected a choice among the {len(board.streams)} streams that are candidates; got layer {layer} ({stream}). "
            "Give choose_by_probe those streams alone: its check is of a choice among all it was given."
        )


def _chosen_elsewhere(
    inputs: RecommendInputs, scores: Sequence[MainScore], split: str, streams: str
) -> RecommendInputs:
    board = inputs.board
    if board is None or inputs.choosing is not None:
        raise ValueError(
            "choose_split: expected scores, and no choose_on beside it; got otherwise. Give one of the two."
        )
    kept = [one for one in scores if one.reading == inputs.reading and one.task in board.tasks]
    lacking = [task for task in board.tasks if task not in {one.task for one in kept}]
    if lacking:
        raise ValueError(
            f"choose_split: expected the split {split} of every task; got none of {', '.join(lacking)}. Leave those tasks out."
        )
    boards, _ = score_boards(kept, streams=streams)
    other = boards[inputs.reading].of_tasks(board.tasks)
    if other.streams != board.streams:
        raise ValueError(
            f"choose_split: expected the same layers in {split}; got others. Score all layers on both splits."
        )
    return replace(inputs, choosing=other)


def _without_scores(inputs: RecommendInputs, reading: str | None, streams: str) -> RecommendInputs:
    there = {stream for curve in inputs.curves for stream in curve.values if streams in ("all", stream[1])}
    if not there:
        raise ValueError("measures: expected measures of natural text; got none of this model. Measure it first.")
    # A table of another origin does not say how vectors were read, and neither can we.
    ours = any(curve.variant or curve.corpus or curve.condition for curve in inputs.curves)
    chosen = reading if reading is not None else _reading_for(inputs.curves) if ours else ""
    if reading is not None:
        Reading.of_variant(reading)
    return replace(inputs, reading=chosen, candidates=tuple(sorted(there, key=stream_order)))


def _reading_for(curves: Sequence[MeasureCurve]) -> str:
    """The mean that the measures were taken of; without the first token where that outweighs the rest at some layer."""
    heavy = any(
        value > HEAVY_SINK for curve in curves if curve.measure == "sink_share" for value in curve.values.values()
    )
    without = any(pairs_of(curve.variant).get("tokens") == "no_first" for curve in curves)
    normed = bool(curves) and all(curve.condition.endswith(FINAL_NORMED) for curve in curves)
    pooling = "mean_no_first" if heavy and without else "mean"
    return f"pooling={pooling};normalize={'final_norm' if normed else 'raw'}"


def _one_reading(
    boards: dict[str, ScoreBoard], reading: str | None, tasks: Sequence[str]
) -> tuple[ScoreBoard, list[tuple[str, float]]]:
    whole = {name: board for name, board in boards.items() if all(task in board.tasks for task in tasks)}
    if reading is not None:
        if reading not in whole:
            raise ValueError(
                f"reading: expected one of {', '.join(whole) or 'those that scored every task'}; got {reading!r}. Correct it."
            )
        return whole[reading], []
    if not whole:
        raise ValueError(
            f"reading: expected one that scored {', '.join(tasks)} all; got {', '.join(boards)}. Name tasks that one reading scored."
        )
    best = {name: float(board.of_tasks(tasks).values.mean(0).max()) for name, board in whole.items()}
    chosen = max(best, key=lambda name: best[name])
    return whole[chosen], [(name, value) for name, value in best.items() if name != chosen]


def _names(wanted: Sequence[str] | None, there: Sequence[str], what: str) -> list[str]:
    if isinstance(wanted, str):
        raise TypeError(f"{what}: expected a sequence of names; got the text {wanted!r}. Put it in a list.")
    if wanted is None:
        return list(there)
    unknown = [name for name in wanted if name not in there]
    if unknown or not wanted:
        raise ValueError(
            f"{what}: expected names among {', '.join(there)}; got {', '.join(unknown) or 'none'}. Correct them."
        )
    return list(dict.fromkeys(wanted))
