"""Samples in tables: the columns of numbers of a CSV, TSV, JSON-lines or Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["SUFFIXES", "Numbers", "read_groups", "read_table"]

SUFFIXES = (".csv", ".tsv", ".tab", ".jsonl", ".parquet")
_SHOWN = 12

# Names of columns, and their numbers (n, d): NaN where there is none.
Numbers = tuple[tuple[str, ...], np.ndarray]


def read_table(path: Path, *, columns: Sequence[str] | None) -> Numbers:
    """The columns of a table as numbers, those named or all; a column of lists of equal length becomes one column an entry.

    Raises:
        ValueError: A damaged file, one without rows or names, a column that is not there or holds no numbers.
        ImportError: pyarrow is missing where it is needed.
    """
    return _numbers(_cells(path), columns, path)


def read_groups(
    path: Path, group: str, *, columns: Sequence[str] | None
) -> dict[str, tuple[tuple[str, ...], np.ndarray, list[int]]]:
    """The rows of each value of the column ``group``, in order of their first row, with the rows' numbers from 0.

    Raises:
        ValueError: As `read_table`; a group that is not there or not stated in some row.
        ImportError: pyarrow is missing where it is needed.
    """
    cells = _cells(path)
    if group not in cells:
        raise ValueError(f"--group: expected a column of {path} ({_list(cells)}); got {group!r}. Correct the name.")
    if columns is not None and group in columns:
        raise ValueError(f"--columns: expected other columns than --group {group}; got it too. Take it out.")
    values = cells.pop(group)
    places: dict[str, list[int]] = {}
    for place, value in enumerate(values):
        label = "" if value is None else str(value).strip()
        if not label or value != value:
            raise ValueError(
                f"--group: expected a value of {group!r} in every row; got none in row {place + 1} of {path}. Fill it."
            )
        places.setdefault(label, []).append(place)
    names, points = _numbers(cells, columns, path)
    return {label: (names, points[rows], rows) for label, rows in places.items()}


def _cells(path: Path) -> dict[str, list[Any]]:
    from gramian.downstream._tables.columns import columns_of

    cells = dict(columns_of(path))
    header = list(cells)
    if path.suffix.lower() in (".csv", ".tsv", ".tab"):
        if all(_is_number(name) for name in header):
            raise ValueError(
                f"{path}: expected a first line that names the columns; got numbers ({_list(header)}). Add a line of names."
            )
        if not all(header):
            raise ValueError(f"{path}: expected a name for every column; got {_list(map(repr, header))}. Name them.")
    return cells


def _numbers(cells: dict[str, list[Any]], columns: Sequence[str] | None, path: Path) -> Numbers:
    missing = [name for name in columns or () if name not in cells]
    if missing:
        raise ValueError(
            f"--columns: expected columns of {path} ({_list(cells)}); got {_list(missing)}. Correct the names."
        )
    names: list[str] = []
    parts: list[np.ndarray] = []
    wordy: list[str] = []
    for name in columns if columns is not None else cells:
        found = _column(cells[name], name, path)
        if found is None:
            wordy.append(name)
            continue
        parts.append(found)
        names.extend([name] if found.shape[1] == 1 else [f"{name}[{place}]" for place in range(found.shape[1])])
    if wordy:
        usable = ",".join(name for name in cells if name not in wordy)
        remedy = f"Leave it out with --columns {usable}" if usable and columns is None else "Code it as numbers."
        raise ValueError(f"{path}: expected numbers in every column; got none in {_list(wordy)}. {remedy}")
    return tuple(names), np.concatenate(parts, axis=1)


def _column(cells: Sequence[Any], name: str, path: Path) -> np.ndarray | None:
    """``(n, 1)``, or ``(n, k)`` of lists of ``k`` numbers; None where no cell is a number."""
    from gramian.downstream._tables.columns import number

    try:
        array = np.array(cells, dtype=np.float64)
    except (ValueError, TypeError):
        array = np.empty((0,))
    if array.ndim == 2 and array.shape[1] and np.isfinite(array).all():
        return array
    if array.ndim == 1 and len(array) == len(cells) and not np.isinf(array).any():
        return array[:, None]
    if any(isinstance(cell, list | tuple) for cell in cells):
        raise ValueError(
            f"{path}, column {name!r}: expected lists of equally many finite numbers; got others. Fill or shorten them."
        )
    values: list[float] = []
    fault: ValueError | None = None
    for place, cell in enumerate(cells, 1):
        try:
            values.append(number(cell, where=f"{path}, row {place}, column {name!r}"))
        except ValueError as error:
            fault = fault or error
    if fault is None:
        return np.array(values)[:, None]
    # A column of words is named with all others of its kind; a word among numbers is a mistake in one row.
    if any(value == value for value in values) or any(_is_number(cell) for cell in cells):
        raise fault
    return None


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True


def _list(names: Any) -> str:
    found = list(names)
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(map(str, found[:_SHOWN])) + more
