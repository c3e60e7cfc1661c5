"""Anybody's tidy tables, long or wide, as the two long tables that a recommendation is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gramian.downstream._agreement.series import TableNames, number_columns, refuse_both
from gramian.downstream._recommend.rules import RULES
from gramian.downstream._tables.columns import Columns, TableLike, columns_of
from gramian.downstream._tables.layers import required, text_of

__all__ = ["TidyTables", "tidy_tables"]

_NAMES = TableNames(layer="layer", measure="measure", task="task", value="value")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class TidyTables:
    """What tidy tables hold, in the form `recommend_layer` takes.

    Attributes:
        measures: A row a layer and measure; None where there is no measure.
        scores: A row a layer and task; None where there is no score.
        unknown: Columns of wide tables that were taken for measures, though no rule reads them.
    """

    measures: Rows | None
    scores: Rows | None
    unknown: tuple[str, ...]


def tidy_tables(
    tables: Sequence[TableLike], *, tasks: Sequence[str] | None = None, columns: Mapping[str, str] | None = None
) -> TidyTables:
    """Tell the measures from the scores in tables of any origin.

    *Long* tables have a column ``value`` and a column ``measure`` or ``task`` (or both, each row filled in one of them). *Wide* tables have
    a column a quantity: those named in `tasks` are scores, all other columns of numbers are measures. The columns
    ``model``, ``revision``, ``variant``, ``corpus``, ``condition`` and ``stream`` mean what they mean in our own tables.

    Args:
        tables: One or several, as in `agreement`; a path stands for its file.
        tasks: Names of quantities that are scores, where the tables do not say so by a column ``task``.
        columns: Names in these tables of the columns ``layer``, ``measure``, ``task``, ``value``, or any other of the above.

    Raises:
        ValueError: No table, a column that is not there, a row that names both a measure and a task, a name in `tasks` that no table has,
            or a table that cannot be read.
        TypeError: Something that is no table, or one text for `tasks`.

    >>> found = tidy_tables([[{"k": 0, "rank": 3.0, "STS": 0.5}]], tasks=["STS"], columns={"layer": "k"})
    >>> found.scores
    [{'layer': 0, 'task': 'STS', 'value': 0.5}]
    """
    if isinstance(tasks, str):
        raise TypeError(f"tasks: expected a sequence of names; got the text {tasks!r}. Put it in a list.")
    if isinstance(tables, str | Path) or not tables:
        raise ValueError(f"tables: expected a list of tables; got {tables!r}. Put the table in a list.")
    wanted = set(tasks or ())
    measures: Rows = []
    scores: Rows = []
    unknown: list[str] = []
    named: list[str] = []
    for place, table in enumerate(tables, 1):
        where = str(table) if isinstance(table, str | Path) else "table" if len(tables) == 1 else f"table {place}"
        read = _renamed(columns_of(table, name=where), columns or {}, where)
        if "measure" in read or "task" in read:
            of_measures, of_scores = _of_long(read, wanted, where)
        else:
            of_measures, of_scores = _of_wide(read, wanted, where)
            unknown += [row["measure"] for row in of_measures]
        measures += of_measures
        scores += of_scores
        named += [row.get("measure") or row["task"] for row in (*of_measures, *of_scores)]
    lacking = wanted - {row["task"] for row in scores}
    if lacking:
        raise ValueError(
            f"tasks: expected names among {', '.join(dict.fromkeys(named)) or 'none'}; got {', '.join(sorted(lacking))}. Correct them."
        )
    if not measures and not scores:
        raise ValueError("table: expected columns of numbers beside the layer; got none. Give measures or scores.")
    read_by_rules = {rule.measure for rule in RULES}
    return TidyTables(
        measures=measures or None,
        scores=scores or None,
        unknown=tuple(dict.fromkeys(name for name in unknown if name not in read_by_rules)),
    )


def _renamed(columns: Columns, names: Mapping[str, str], where: str) -> Columns:
    required(columns, list(names.values()), where)
    ours = {theirs: our for our, theirs in names.items()}
    # A column that already has the name of a renamed one is another thing, and goes.
    return {ours.get(name, name): cells for name, cells in columns.items() if name in ours or name not in names}


def _of_long(columns: Columns, tasks: set[str], where: str) -> tuple[Rows, Rows]:
    required(columns, ["layer", "value"], where)
    refuse_both(columns, _NAMES)
    measures: Rows = []
    scores: Rows = []
    rest = [name for name in columns if name not in ("measure", "task")]
    for row in range(len(columns["layer"])):
        measure, task = (text_of(columns[name][row]) if name in columns else "" for name in ("measure", "task"))
        cells = {name: columns[name][row] for name in rest}
        if task or measure in tasks:
            scores.append({"task": task or measure} | cells)
        elif measure:
            measures.append({"measure": measure} | cells)
    return measures, scores


def _of_wide(columns: Columns, tasks: set[str], where: str) -> tuple[Rows, Rows]:
    required(columns, ["layer"], where)
    numbers = number_columns(columns, _NAMES, by=())
    # A score without a single number is refused by name further on, rather than taken for text.
    quantities = [name for name in columns if name in numbers or name in tasks]
    told = [name for name in ("model", "revision", "variant", "corpus", "condition", "stream") if name in columns]
    found: tuple[Rows, Rows] = ([], [])
    for row in range(len(columns["layer"])):
        cells = {name: columns[name][row] for name in ("layer", *told)}
        for name in quantities:
            kind = "task" if name in tasks else "measure"
            found[name in tasks].append({"layer": cells["layer"], kind: name} | cells | {"value": columns[name][row]})
    return found
