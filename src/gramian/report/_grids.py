"""The cells behind the heat maps as the page holds them, within what a page can carry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gramian.report._cells import Cell, Grid
from gramian.report._columns import columns_of
from gramian.report._series import Series

# Seven bytes a number: what all cells of a page together may take.
_MOST_NUMBERS = 360_000
_DIGITS = 4


def grids_of(groups: Sequence[Sequence[Grid]]) -> tuple[list[dict[str, Any]], list[list[dict[str, Any]]], str]:
    """Heat maps of all sources of a page.

    Args:
        groups: the grids of each source.

    Returns:
        The cells, each once; the grids of each source, whose rows name a cell by its place; and in words what was left
        out because the page would have grown too large, else an empty text.
    """
    cells = list(dict.fromkeys(row.cell for grids in groups for grid in grids for row in grid.rows))
    places = {cell: place for place, cell in enumerate(cells)}
    numbers, most_variants, left_out = _within_budget(cells)
    held = [
        {
            "layers": cell.layers,
            "depth": max(cell.layers, default=0),
            "series": {
                measure: [
                    {key: column for key, column in columns.items() if key not in ("final", "n")}
                    for series in listed[:most_variants]
                    for columns in [columns_of(series, cell.layers, numbers=numbers, digits=_DIGITS)]
                ]
                for measure, listed in cell.series.items()
            },
        }
        for cell in cells
    ]
    drawn = [
        [
            {
                "axis": grid.axis,
                "perturbation": grid.perturbation,
                "name": grid.name,
                "rows": [{"cell": places[row.cell], "label": row.label, "at": row.at} for row in grid.rows],
            }
            for grid in grids
        ]
        for grids in groups
    ]
    return held, drawn, left_out


def _within_budget(cells: Iterable[Cell]) -> tuple[tuple[str, ...], int | None, str]:
    every = [series for cell in cells for listed in cell.series.values() for series in listed]
    if 3 * _size(every) <= _MOST_NUMBERS:
        return ("value", "low", "high"), None, ""
    if _size(every) <= _MOST_NUMBERS:
        return ("value",), None, "Intervals of the cells are left out to keep the page small; their own runs have them."
    return ("value",), 1, "Only the first variant of each measure is kept here; the run directory has all."


def _size(every: Sequence[Series]) -> int:
    return sum(len(series.points) for series in every)
