"""One main score for every task, reading and stream out of a table of scores: subsets and splits averaged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gramian.downstream._tables.columns import Columns, number
from gramian.downstream._tables.layers import layer_number, required, text_of

__all__ = ["MainScore", "main_scores"]

_TRUE = frozenset({"true", "1", "1.0", "yes"})


@dataclass(frozen=True)
class MainScore:
    """What one task gives one stream under one reading.

    Attributes:
        group: Values of the columns that tell sequences of layers apart.
        task: The task.
        reading: How vectors were read, empty where the table does not say.
        layer: The layer.
        stream: ``residual`` where the table does not say.
        metric: The metric, empty where the table does not say.
        value: The score, NaN where missing.
        low: Lower end of its 95 % interval, NaN where there is none.
        high: Upper end.
    """

    group: tuple[str, ...]
    task: str
    reading: str
    layer: int
    stream: str
    metric: str
    value: float
    low: float
    high: float


def main_scores(
    columns: Columns,
    *,
    layer: str = "layer",
    task: str = "task",
    value: str = "value",
    by: Sequence[str] = (),
    split: str | None = None,
    where: str = "scores",
) -> list[MainScore]:
    """The main scores of a long table.

    Rows that `main` calls minor are left out. A task of several subsets (languages) gets their mean, as MTEB reports it; of several
    splits, `split`, or `test` where there is one, or else their mean. The interval of a mean takes its parts for independent.

    Args:
        columns: The table; `stream`, `variant`, `metric`, `main`, `split`, `subset`, `low` and `high` are read where they are there.
        layer: Column of the layer.
        task: Column of the task; rows without one are left out.
        value: Column of the score.
        by: Columns that tell sequences of layers apart.
        split: The split to read; None for the rule above.
        where: What the caller calls the table.

    Returns:
        One entry for each task, reading and stream, in the order of the table.

    Raises:
        ValueError: A missing column, an unknown split, two rows for one score, or subsets that some layers lack.
    """
    required(columns, [layer, task, value, *by], where)
    chosen = _splits(columns, task, split, where)
    parts: dict[tuple[Any, ...], dict[tuple[str, str], int]] = {}
    for row, cell in enumerate(columns[task]):
        name = text_of(cell)
        if not name or not _is_main(columns, row):
            continue
        part = (_cell(columns, "split", row), _cell(columns, "subset", row))
        if part[0] not in chosen.get(name, {part[0]}):
            continue
        key = (
            tuple(text_of(columns[column][row]) for column in by),
            name,
            _cell(columns, "variant", row),
            layer_number(columns[layer][row], where=f"{where}, row {row + 1}, {layer}"),
            _cell(columns, "stream", row) or "residual",
        )
        rows = parts.setdefault(key, {})
        if part in rows:
            told = ", ".join(str(piece) for piece in (*key[0], *key[1:3], *part) if piece)
            raise ValueError(
                f"{where}: expected one main score for each layer and task; got two for layer {key[3]} of {told}. "
                "Remove one, or name the column that tells them apart with by."
            )
        rows[part] = row
    _refuse_uneven(parts, where)
    return [_score(columns, key, list(rows.values()), value, where) for key, rows in parts.items()]


def _splits(columns: Columns, task: str, split: str | None, where: str) -> dict[str, set[str]]:
    """The splits read of each task; a task that is not named is read whole."""
    if "split" not in columns:
        if split is not None:
            raise ValueError(
                f"split: expected none, since {where} has no column of splits; got {split!r}. Leave it out."
            )
        return {}
    there: dict[str, set[str]] = {}
    for name, cell in zip(columns[task], columns["split"], strict=True):
        there.setdefault(text_of(name), set()).add(text_of(cell))
    if split is None:
        return {name: {"test"} for name, found in there.items() if "test" in found}
    known = sorted(set().union(*there.values()))
    if split not in known:
        raise ValueError(f"split: expected one of {', '.join(known)}; got {split!r}. Correct it.")
    return {name: {split} for name in there}


def _is_main(columns: Columns, row: int) -> bool:
    return "main" not in columns or text_of(columns["main"][row]).lower() in _TRUE


def _cell(columns: Columns, name: str, row: int) -> str:
    return text_of(columns[name][row]) if name in columns else ""


def _refuse_uneven(parts: Mapping[tuple[Any, ...], Mapping[tuple[str, str], int]], where: str) -> None:
    whole: dict[tuple[Any, ...], set[tuple[str, str]]] = {}
    for key, rows in parts.items():
        whole.setdefault(key[:3], set()).update(rows)
    for key, rows in parts.items():
        lacking = whole[key[:3]] - rows.keys()
        if lacking:
            missing = " ".join(piece for piece in min(lacking) if piece)
            raise ValueError(
                f"{where}: expected the same splits and subsets of {key[1]} for every layer; got no {missing} for layer {key[3]}. "
                "Complete the scores: means over different subsets do not compare."
            )


def _score(columns: Columns, key: tuple[Any, ...], rows: Sequence[int], value: str, where: str) -> MainScore:
    def mean(column: str) -> float:
        if column not in columns:
            return math.nan
        return sum(number(columns[column][row], where=f"{where}, row {row + 1}, {column}") for row in rows) / len(rows)

    centre, low, high = mean(value), mean("low"), mean("high")
    if len(rows) > 1:
        widths = [
            number(columns["high"][row], where=where) - number(columns["low"][row], where=where)
            if "low" in columns
            else math.nan
            for row in rows
        ]
        half = math.sqrt(sum(width**2 for width in widths)) / 2 / len(rows)
        low, high = centre - half, centre + half
    return MainScore(
        group=key[0],
        task=key[1],
        reading=key[2],
        layer=key[3],
        stream=key[4],
        metric=_cell(columns, "metric", rows[0]),
        value=centre,
        low=low,
        high=high,
    )
