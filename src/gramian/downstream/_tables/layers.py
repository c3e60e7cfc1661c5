"""Series along the depth out of tidy tables: layers in any order or spelling, one value a layer."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._tables.columns import Columns, number

__all__ = ["LayerSeries", "holds_numbers", "layer_number", "long_series", "required", "text_of", "wide_series"]

_ONE_NUMBER = re.compile(r"\D*(\d+)\D*")
# "block-10" names a layer; "layer_-1" counts from the end.
_NEGATIVE = re.compile(r"(^|[^A-Za-z])-\s*\d")


@dataclass(frozen=True)
class LayerSeries:
    """One quantity along the depth.

    Attributes:
        name: What it is.
        group: Whose it is: values of the columns that tell sequences of layers apart.
        layers: ``(L,)`` integers, ascending, each once.
        values: ``(L,)`` float64, NaN where missing.
        labels: More of what the table says of it, such as its variant.
    """

    name: str
    group: tuple[str, ...]
    layers: NDArray[np.int64]
    values: NDArray[np.float64]
    labels: Mapping[str, str]


def layer_number(cell: Any, *, where: str) -> int:
    """The number of a layer, however it is written: ``10``, ``10.0``, ``"10"``, ``"layer_10"``, ``"L10"``.

    Raises:
        ValueError: A negative number or a fraction, or text that does not hold exactly one number.

    >>> sorted(["layer_10", "layer_9"], key=lambda name: layer_number(name, where="row 1"))
    ['layer_9', 'layer_10']
    """
    text = "" if cell is None else str(cell).strip()
    try:
        value = float(text)
    except ValueError:
        found = None if _NEGATIVE.search(text) else _ONE_NUMBER.fullmatch(text)
        value = float(found[1]) if found else math.nan
    if not value.is_integer() or value < 0:
        raise ValueError(
            f"{where}: expected a layer as a whole number from 0, alone or in a name such as layer_10; got {cell!r}. "
            "Number the layers from the input up."
        )
    return int(value)


def long_series(
    columns: Columns,
    *,
    layer: str,
    name: str,
    value: str,
    by: Sequence[str],
    labels: Sequence[str] = (),
    where: str,
) -> list[LayerSeries]:
    """Series of a long table: one row a layer and quantity.

    Args:
        columns: The table.
        layer: Column of the layer.
        name: Column that names the quantity; rows without a name are left out.
        value: Column of the value.
        by: Columns that tell sequences of layers apart.
        labels: Further columns that tell quantities apart, where the table has them.
        where: What the caller calls the table, for messages.

    Returns:
        The series in the order the table names them.

    Raises:
        ValueError: A missing column, a cell that is no number, or two rows of one quantity for one layer.
    """
    required(columns, [layer, name, value, *by], where)
    told = [label for label in labels if label in columns]
    found: dict[tuple[str, ...], dict[int, float]] = {}
    for row, quantity in enumerate(columns[name]):
        title = text_of(quantity)
        if not title:
            continue
        at = f"{where}, row {row + 1}"
        key = (title, *(text_of(columns[column][row]) for column in (*by, *told)))
        depth = layer_number(columns[layer][row], where=f"{at}, {layer}")
        points = found.setdefault(key, {})
        if depth in points:
            raise ValueError(
                f"{where}: expected one row for each layer and quantity; got two for layer {depth} of {_shown(key)}. "
                "Remove one, or name the column that tells them apart with by."
            )
        points[depth] = number(columns[value][row], where=f"{at}, {value}")
    return [
        _series(key[0], key[1 : 1 + len(by)], points, dict(zip(told, key[1 + len(by) :], strict=True)))
        for key, points in found.items()
    ]


def wide_series(
    columns: Columns, names: Iterable[str], *, layer: str, by: Sequence[str], where: str
) -> list[LayerSeries]:
    """Series of a wide table: one row a layer, one column a quantity.

    Raises:
        ValueError: A missing column, a cell that is no number, or two rows for one layer.
    """
    wanted = list(names)
    required(columns, [layer, *wanted, *by], where)
    places: dict[tuple[str, ...], dict[int, int]] = {}
    for row in range(len(columns[layer])):
        group = tuple(text_of(columns[column][row]) for column in by)
        depth = layer_number(columns[layer][row], where=f"{where}, row {row + 1}, {layer}")
        rows = places.setdefault(group, {})
        if depth in rows:
            of_them = f" of {_shown(group)}" if group else ""
            raise ValueError(
                f"{where}: expected one row for each layer; got two for layer {depth}{of_them}. "
                "Remove one, or name the column that tells them apart with by."
            )
        rows[depth] = row
    return [
        _series(
            name,
            group,
            {depth: number(columns[name][row], where=f"{where}, row {row + 1}, {name}") for depth, row in rows.items()},
            {},
        )
        for group, rows in places.items()
        for name in wanted
    ]


def holds_numbers(cells: Sequence[Any]) -> bool:
    """Whether every cell of a column is a number or missing, and one of them a number."""
    try:
        values = [number(cell, where="cell") for cell in cells]
    except ValueError:
        return False
    return not all(math.isnan(value) for value in values)


def _series(name: str, group: tuple[str, ...], points: Mapping[int, float], labels: Mapping[str, str]) -> LayerSeries:
    layers = sorted(points)
    return LayerSeries(
        name=name,
        group=group,
        layers=np.array(layers, dtype=np.int64),
        values=np.array([points[depth] for depth in layers], dtype=np.float64),
        labels=labels,
    )


def required(columns: Columns, wanted: Sequence[str], where: str) -> None:
    """Refuse a table that lacks a column."""
    missing = [column for column in wanted if column not in columns]
    if missing:
        raise ValueError(
            f"{where}: expected the columns {', '.join(wanted)}; got no {', '.join(missing)} among {', '.join(columns)}. "
            "Name the columns of this table."
        )


def text_of(cell: Any) -> str:
    """A cell as text; empty for what is missing."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    # A column of whole numbers with gaps becomes one of floats in most data frames.
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def _shown(key: Sequence[str]) -> str:
    return ", ".join(part for part in key if part) or "the table"
