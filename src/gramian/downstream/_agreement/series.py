"""The measures and the scores of tidy tables, long or wide, ours or anybody's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gramian.downstream._tables.columns import Columns, TableLike, columns_of
from gramian.downstream._tables.layers import LayerSeries, holds_numbers, long_series, text_of, wide_series
from gramian.downstream._tables.main_scores import MainScore, main_scores

__all__ = ["FoundSeries", "TableNames", "number_columns", "read_series", "refuse_both", "residual_rows"]

_IDENTITY = ("model", "revision")
_MEASURE_LABELS = ("variant", "corpus", "condition")
# Columns of our tables that are numbers but neither measure nor score.
_NOT_MEASURES = frozenset({"n", "stderr", "low", "high", "seed", "step"})


@dataclass(frozen=True)
class TableNames:
    """What the columns of a table are called."""

    layer: str
    measure: str
    task: str
    value: str


@dataclass(frozen=True)
class FoundSeries:
    """Measures and scores along the depth, and the columns that tell their sequences of layers apart."""

    measures: list[LayerSeries]
    scores: list[LayerSeries]
    by: tuple[str, ...]


def read_series(
    table: TableLike,
    scores: TableLike | None,
    *,
    names: TableNames,
    measures: Sequence[str] | None,
    tasks: Sequence[str] | None,
    by: Sequence[str] | None,
    split: str | None,
) -> FoundSeries:
    """Read one table that holds both, or one of each; see `agreement`.

    Raises:
        ValueError: As `agreement`.
    """
    first = residual_rows(columns_of(table))
    second = first if scores is None else residual_rows(columns_of(scores, name="scores"))
    found_by = tuple(by) if by is not None else tuple(c for c in _IDENTITY if c in first and c in second)
    where = "table" if scores is None else "scores"
    if scores is None:
        refuse_both(first, names)
    if scores is None and names.measure in first and names.task not in first:
        named = _of_long(first, names, found_by)
        chosen = _wanted(tasks, [series.name for series in named], "tasks", needed=True)
        return FoundSeries(
            measures=_kept([s for s in named if s.name not in chosen], measures, "measures"),
            scores=[series for series in named if series.name in chosen],
            by=found_by,
        )
    if names.task in second:
        of_tasks = _of_scores(second, names, found_by, split, where)
    else:
        columns = _wide_names(second, names, found_by, tasks, "tasks", needed=scores is None)
        of_tasks = wide_series(second, columns, layer=names.layer, by=found_by, where=where)
    if names.measure in first:
        of_measures = _of_long(first, names, found_by)
    else:
        taken = {series.name for series in of_tasks} if scores is None else set()
        columns = [name for name in _wide_names(first, names, found_by, measures, "measures") if name not in taken]
        of_measures = wide_series(first, columns, layer=names.layer, by=found_by, where="table")
    return FoundSeries(
        measures=_kept(of_measures, measures, "measures"), scores=_kept(of_tasks, tasks, "tasks"), by=found_by
    )


def refuse_both(columns: Columns, names: TableNames) -> None:
    """Refuse a row that names a measure and a task: it has one value."""
    both = zip(columns.get(names.measure, ()), columns.get(names.task, ()), strict=False)
    row = next((row for row, (measure, task) in enumerate(both, 1) if text_of(measure) and text_of(task)), None)
    if row is not None:
        raise ValueError(
            f"table, row {row}: expected a measure or a task; got both. "
            "Give measures and scores as two tables, or a row to each."
        )


def residual_rows(columns: Columns) -> Columns:
    """The rows of the residual stream; the final-normed state has the number of the last layer but is not one of the sequence."""
    if "stream" not in columns:
        return columns
    keep = [text_of(stream) in ("", "residual") for stream in columns["stream"]]
    return {name: [cell for cell, kept in zip(cells, keep, strict=True) if kept] for name, cells in columns.items()}


def _of_long(columns: Columns, names: TableNames, by: Sequence[str]) -> list[LayerSeries]:
    labels = [label for label in _MEASURE_LABELS if label not in by]
    return long_series(
        columns, layer=names.layer, name=names.measure, value=names.value, by=by, labels=labels, where="table"
    )


def _of_scores(
    columns: Columns, names: TableNames, by: Sequence[str], split: str | None, where: str
) -> list[LayerSeries]:
    found: dict[tuple[tuple[str, ...], str, str], list[MainScore]] = {}
    for score in main_scores(
        columns, layer=names.layer, task=names.task, value=names.value, by=by, split=split, where=where
    ):
        found.setdefault((score.group, score.task, score.reading), []).append(score)
    return [
        LayerSeries(
            name=task,
            group=group,
            layers=np.array([score.layer for score in ordered], dtype=np.int64),
            values=np.array([score.value for score in ordered]),
            labels={"variant": reading},
        )
        for (group, task, reading), some in found.items()
        for ordered in [sorted(some, key=lambda score: score.layer)]
    ]


def number_columns(columns: Columns, names: TableNames, by: Sequence[str]) -> list[str]:
    """The columns of a table that can be measures or scores: numbers that are nothing else."""
    # In a long table the value belongs to what its row names.
    of_rows = {names.value, "main"} if names.measure in columns or names.task in columns else set()
    others = {names.layer, *by, *_IDENTITY, *_NOT_MEASURES, *of_rows}
    return [name for name, cells in columns.items() if name not in others and holds_numbers(cells)]


def _wide_names(
    columns: Columns,
    names: TableNames,
    by: Sequence[str],
    wanted: Sequence[str] | None,
    what: str,
    *,
    needed: bool = False,
) -> list[str]:
    there = number_columns(columns, names, by)
    return list(
        _wanted(wanted, [*there, *(name for name in columns if name not in there)], what, needed=needed, all_of=there)
    )


def _wanted(
    wanted: Sequence[str] | None,
    there: Sequence[str],
    what: str,
    *,
    needed: bool = False,
    all_of: Sequence[str] | None = None,
) -> tuple[str, ...]:
    if isinstance(wanted, str):
        raise TypeError(f"{what}: expected a sequence of names; got the text {wanted!r}. Put it in a list.")
    if wanted is None:
        if needed:
            raise ValueError(
                f"{what}: expected names among {', '.join(dict.fromkeys(there))}; got none. "
                f"Say which of them are {what}: nothing else tells them from the rest."
            )
        return tuple(dict.fromkeys(all_of if all_of is not None else there))
    unknown = [name for name in wanted if name not in there]
    if unknown or not wanted:
        raise ValueError(
            f"{what}: expected names among {', '.join(dict.fromkeys(there))}; got {', '.join(unknown) or 'none'}. Correct them."
        )
    return tuple(dict.fromkeys(wanted))


def _kept(series: list[LayerSeries], wanted: Sequence[str] | None, what: str) -> list[LayerSeries]:
    names = [one.name for one in series]
    if not names:
        raise ValueError(f"{what}: expected at least one; got none in the table. Name the columns of this table.")
    kept = set(_wanted(wanted, names, what))
    return [one for one in series if one.name in kept]
