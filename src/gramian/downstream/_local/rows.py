"""Rows of local files as columns: CSV, TSV, JSON lines and Parquet."""

from __future__ import annotations

import csv
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from gramian.layers._corpus_files import LONGEST_LINE, read_lines, read_objects

__all__ = ["EXTENSIONS", "Columns", "data_files", "first_row", "read_columns"]

EXTENSIONS = (".csv", ".tsv", ".jsonl", ".parquet")
_KINDS = f"a file ending in {', '.join(EXTENSIONS)}"
Columns = dict[str, list[Any]]


def data_files(paths: Sequence[Path], *, what: str) -> list[Path]:
    """The files that paths stand for: a folder stands for its data files in the order of their names.

    Args:
        paths: Files and folders.
        what: What they are for, for messages.

    Raises:
        ValueError: A path that is not there, a folder without data, a file of another kind.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.suffix.lower() in EXTENSIONS)
            if not inside:
                raise ValueError(f"{what}: expected {_KINDS} in {path}; got none. Name the files one by one.")
            files += inside
        elif not path.exists():
            raise ValueError(f"{what}: expected a file or folder; got {path}, which does not exist. Check the path.")
        elif path.suffix.lower() not in EXTENSIONS:
            raise ValueError(f"{what}: expected {_KINDS}; got {path}. Save it as one of these.")
        else:
            files.append(path)
    return files


def read_columns(path: Path, *, header: Sequence[str] | None = None, what: str) -> Columns:
    """A file's columns by name, in the order of the file; empty lines are skipped.

    In a CSV file fields may be quoted; in a TSV file a quotation mark is a character like any other.

    Args:
        path: The file.
        header: Names of the columns of a CSV or TSV file whose first line does not name them.
        what: What it is for, for messages.

    Raises:
        ValueError: A damaged file, rows of different shape, no row, or names for a file that brings its own.
    """
    kind = path.suffix.lower()
    if kind in (".csv", ".tsv"):
        columns = _table(path, header, what)
    elif header is not None:
        raise ValueError(
            f"{what}: expected no list of columns for {path}, which names its own; got one. Map names to names."
        )
    else:
        columns = _json_lines(path, what) if kind == ".jsonl" else _parquet(path, what)
    if not columns or not next(iter(columns.values())):
        raise ValueError(f"{what}: expected at least one row; got none in {path}. Give another file.")
    return columns


class _CommaSeparated(csv.excel):
    strict = True


class _TabSeparated(csv.excel_tab):
    quoting = csv.QUOTE_NONE
    strict = True


def first_row(path: Path) -> list[str]:
    """The first row of a CSV or TSV file that is not empty; an empty list where there is none."""
    with closing(_rows(path, "columns")) as rows:
        return next(rows, (0, []))[1]


def _rows(path: Path, what: str) -> Generator[tuple[int, list[str]], None, None]:
    """Numbered rows that are not empty."""
    previous = csv.field_size_limit()
    csv.field_size_limit(max(previous, LONGEST_LINE))
    lines = (line for _, line in read_lines(path, ends=True))
    rows = csv.reader(lines, _TabSeparated if path.suffix.lower() == ".tsv" else _CommaSeparated)
    try:
        for row in rows:
            if row:
                yield rows.line_num, row
    except csv.Error as error:
        raise ValueError(
            f"{what}: expected a table; got a malformed row near line {rows.line_num} of {path} ({error}). Correct its quotes."
        ) from error
    finally:
        csv.field_size_limit(previous)


def _table(path: Path, header: Sequence[str] | None, what: str) -> Columns:
    rows = _rows(path, what)
    names = list(header) if header is not None else next(rows, (0, []))[1]
    if len(set(names)) != len(names) or not all(name.strip() for name in names):
        raise ValueError(
            f"{what}: expected a first line that names the columns of {path}; got {', '.join(map(repr, names[:4]))}. "
            "Add one, or give columns as a list."
        )
    columns: Columns = {name: [] for name in names}
    for number, row in rows:
        if len(row) != len(names):
            raise ValueError(
                f"{what}: expected {len(names)} columns ({', '.join(names)}); got {len(row)} on line {number} of {path}. "
                "Correct the line."
            )
        for name, value in zip(names, row, strict=True):
            columns[name].append(value)
    return columns


def _json_lines(path: Path, what: str) -> Columns:
    columns: Columns = {}
    for number, row in read_objects(path, what=what):
        if not columns:
            columns = {name: [] for name in row}
        for name, values in columns.items():
            if name not in row:
                raise ValueError(
                    f"{what}: expected {name!r} on every line; got line {number} of {path} without it. Correct it."
                )
            values.append(row[name])
    return columns


def _parquet(path: Path, what: str) -> Columns:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path, partitioning=None)
    except (pyarrow.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise ValueError(
            f"{what}: expected a whole Parquet file; got a truncated or damaged one, {path} ({reason}). Copy it again."
        ) from error
    columns: Columns = table.to_pydict()
    return columns
