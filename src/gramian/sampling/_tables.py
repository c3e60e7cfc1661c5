"""CSV and Parquet tables of which some rows are kept: nothing else about them changes."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gramian.itl._errors import value_fault
from gramian.runs._atomic import written_whole

__all__ = ["SUFFIXES", "Column", "DataTable", "read_table"]

SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")
_DELIMITERS = ",;\t|"
_MISSING = {"", "na", "nan", "null", "none", "?"}


@dataclass(frozen=True)
class Column:
    """One column, as text and as numbers.

    Attributes:
        values: ``(n,)``, as they stand in the file.
        numbers: ``(n,)`` float64, NaN where a value is missing; None where the column does not hold numbers.
        whole: whether all its numbers are whole.
    """

    values: Sequence[Any]
    numbers: npt.NDArray[np.float64] | None

    @property
    def whole(self) -> bool:
        return self.numbers is not None and bool((self.numbers == np.rint(self.numbers)).all())


@dataclass(frozen=True)
class DataTable:
    """A table read from a file.

    Attributes:
        columns: by name, in the file's order.
        source: what writes rows of it back in the file's own words: the arrow table, or the CSV's delimiter.
    """

    columns: Mapping[str, Column]
    source: Any

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values())).values)

    def write(self, path: Path, rows: npt.NDArray[np.intp], learned: Mapping[str, Sequence[Any]] | None = None) -> None:
        """Write some rows, and after them learned ones, as CSV or Parquet by the file's ending, whole or not at all."""
        names = list(self.columns if learned is None else learned)
        added = learned or {name: [] for name in names}
        content = (
            self._parquet(names, rows, added) if path.suffix in SUFFIXES[2:] else self._csv(path, names, rows, added)
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as file:
            file.write(content)

    def _csv(
        self, path: Path, names: list[str], rows: npt.NDArray[np.intp], learned: Mapping[str, Sequence[Any]]
    ) -> bytes:
        text = io.StringIO()
        delimiter = "\t" if path.suffix == ".tsv" else self.source if isinstance(self.source, str) else ","
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        writer.writerow(names)
        columns = [self.columns[name].values for name in names]
        writer.writerows(["" if column[row] is None else column[row] for column in columns] for row in rows)
        writer.writerows(zip(*(learned[name] for name in names), strict=True))
        return text.getvalue().encode()

    def _parquet(self, names: list[str], rows: npt.NDArray[np.intp], learned: Mapping[str, Sequence[Any]]) -> bytes:
        arrow, parquet = _arrow()
        if isinstance(self.source, str):
            held = {name: _typed(self.columns[name]) for name in names}
            table = arrow.table(held).take(arrow.array(rows))
        else:
            table = self.source.select(names).take(arrow.array(rows))
        if learned[names[0]]:
            more = arrow.table({name: arrow.array(list(learned[name])) for name in names})
            # Learned values are fractions: columns of whole numbers widen.
            table = arrow.concat_tables([table, more], promote_options="permissive")
        sink = io.BytesIO()
        parquet.write_table(table, sink)
        return sink.getvalue()


def read_table(path: Path) -> DataTable:
    """Read a CSV file, with a header, or a Parquet file.

    A CSV's values are kept as they are written, so that rows that stay, stay what they were. A column holds numbers if
    every value that is not missing (empty, NA, NaN, null, None, ?) reads as one.

    Raises:
        ValueError: not there, not a table, no rows, rows of different lengths, a name twice; pyarrow missing.
    """
    if path.suffix not in SUFFIXES:
        rule = f"a file ending in {', '.join(SUFFIXES)}"
        raise value_fault("data", rule, str(path), "Save the table as CSV or Parquet.")
    if not path.is_file():
        raise value_fault("data", "a file", f"nothing at {path}", "Check the path.")
    table = _read_parquet(path) if path.suffix in SUFFIXES[2:] else _read_csv(path)
    if not table.columns or table.rows == 0:
        raise value_fault("data", "a table with rows", f"none in {path}", "Check the file.")
    return table


def _read_csv(path: Path) -> DataTable:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise value_fault("data", "text in UTF-8", f"other bytes in {path}", "Save the table as UTF-8.") from error
    head = text.partition("\n")[0]
    delimiter = "\t" if path.suffix == ".tsv" else max(_DELIMITERS, key=head.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error as error:
        raise value_fault("data", "a CSV file", f"{error} in {path}", "Check its quotes.") from error
    if not rows:
        raise value_fault("data", "a table with a header", f"an empty file, {path}", "Check the file.")
    names = [name.strip() for name in rows[0]]
    _check_names(names, path)
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(names):
            got = f"{len(row)} in row {number} of {path}"
            raise value_fault("data", f"{len(names)} values in every row", got, "Check quotes and delimiters.")
    columns = {name: _from_text([row[place] for row in rows[1:]]) for place, name in enumerate(names)}
    return DataTable(columns, delimiter)


def _read_parquet(path: Path) -> DataTable:
    arrow, parquet = _arrow()
    try:
        table = parquet.read_table(path)
    except (arrow.ArrowInvalid, arrow.ArrowTypeError) as error:
        raise value_fault("data", "a Parquet file", f"something else in {path}", "Check the file.") from error
    _check_names(table.column_names, path)
    return DataTable({name: _from_arrow(table[name], arrow) for name in table.column_names}, table)


def _check_names(names: Sequence[str], path: Path) -> None:
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise value_fault("data", "every column's name once", f"{twice[0]!r} twice in {path}", "Rename one.")


def _from_text(values: list[str]) -> Column:
    numbers = np.full(len(values), math.nan)
    for place, value in enumerate(values):
        if value.strip().lower() in _MISSING:
            continue
        try:
            numbers[place] = float(value)
        except ValueError:
            return Column(values, None)
    return Column(values, None if np.isnan(numbers).all() else numbers)


def _from_arrow(column: Any, arrow: Any) -> Column:
    kind = column.type
    numeric = (
        arrow.types.is_integer(kind)
        or arrow.types.is_floating(kind)
        or arrow.types.is_boolean(kind)
        or arrow.types.is_decimal(kind)
    )
    values = column.to_pylist()
    if not numeric:
        return Column(values, None)
    numbers = np.array([math.nan if value is None else float(value) for value in values])
    return Column(values, None if np.isnan(numbers).all() else numbers)


def _typed(column: Column) -> list[Any]:
    if column.numbers is None or np.isnan(column.numbers).any():
        return list(column.values)
    return list((column.numbers.astype(np.int64) if column.whole else column.numbers).tolist())


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "sampling: expected the package pyarrow to read and write Parquet; got none."
            " Install it with pip install 'gramian[sampling]', or use CSV."
        ) from error
    return pyarrow, pyarrow.parquet
