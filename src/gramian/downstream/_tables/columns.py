"""Any tidy table as columns: pyarrow, pandas, polars, rows as mappings, or a file."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Columns", "TableLike", "columns_of", "number"]

Columns: TypeAlias = dict[str, list[Any]]
# Also a pandas or polars data frame: anything with `__arrow_c_stream__`.
TableLike: TypeAlias = "pa.Table | Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]] | str | Path | Any"

_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
_DELIMITERS = {".csv": ",;", ".tsv": "\t", ".tab": "\t"}


def columns_of(table: TableLike, *, name: str = "table") -> Columns:
    """The columns of a table, each a list of plain values.

    Args:
        table: A pyarrow Table, a pandas or polars data frame, a sequence of mappings (one a row), a mapping of columns, or the
            path of a `.csv` (comma or semicolon) or `.tsv` file whose first line names the columns, of a `.jsonl` file with an object
            a line, or of a `.parquet` file.
        name: What the caller calls it, for messages.

    Raises:
        ValueError: No rows, columns of unequal length or named twice, a file of another kind, or a damaged one.
        TypeError: Something that is no table.
        ImportError: pyarrow is missing where it is needed.
    """
    if isinstance(table, str | Path):
        columns = _of_file(Path(table))
    elif isinstance(table, Mapping):
        columns = {str(key): list(values) for key, values in table.items()}
    elif hasattr(table, "__arrow_c_stream__"):
        columns = _of_arrow(table, name)
    elif isinstance(table, Sequence) and all(isinstance(row, Mapping) for row in table):
        columns = _of_rows(cast("Sequence[Mapping[Any, Any]]", table))
    else:
        raise TypeError(
            f"{name}: expected a pyarrow Table, a data frame, rows as mappings, columns or a path; "
            f"got {type(table).__name__}. Convert it to one of these."
        )
    lengths = {len(values) for values in columns.values()}
    if not lengths or lengths == {0}:
        raise ValueError(f"{name}: expected a table with rows; got none. Check that the right table was given.")
    if len(lengths) > 1:
        raise ValueError(f"{name}: expected columns of one length; got {sorted(lengths)}. Fill the gaps with NaN.")
    return columns


def number(cell: Any, *, where: str) -> float:
    """A cell as a number; NaN for what is missing: None, NaN, an empty cell, NA, N/A, null or none.

    Raises:
        ValueError: Other text, or infinity.

    >>> number(" 0.5 ", where="row 1")
    0.5
    >>> number("NA", where="row 2")
    nan
    """
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in _MISSING):
        return math.nan
    try:
        value = float(cell)
    except (TypeError, ValueError):
        raise ValueError(
            f"{where}: expected a number, or nothing; got {cell!r}. Write decimals with a point, and leave gaps empty."
        ) from None
    if math.isinf(value):
        raise ValueError(f"{where}: expected a finite number, or nothing; got {cell!r}. Leave it empty.")
    return value


def _of_rows(rows: Sequence[Mapping[Any, Any]]) -> Columns:
    keys = dict.fromkeys(key for row in rows for key in row)
    return {str(key): [row.get(key) for row in rows] for key in keys}


def _of_arrow(table: Any, name: str) -> Columns:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise ImportError(
            f"{name}: expected pyarrow, to read this kind of table; got none. "
            "Install it with: pip install 'gramian[downstream]'"
        ) from error
    whole = pa.table(table)
    names = list(whole.column_names)
    _refuse_repeated(names, name)
    return {column: whole.column(column).to_pylist() for column in names}


def _of_file(path: Path) -> Columns:
    suffix = path.suffix.lower()
    if suffix not in (*_DELIMITERS, ".jsonl", ".parquet"):
        raise ValueError(
            f"{path}: expected a .csv, .tsv, .jsonl or .parquet file; got {suffix or 'no suffix'}. Save the table as one."
        )
    if not path.is_file():
        raise ValueError(f"{path}: expected a file; got {'a folder' if path.is_dir() else 'nothing there'}. Check it.")
    if suffix == ".parquet":
        return _of_parquet(path)
    return _of_json_lines(path) if suffix == ".jsonl" else _of_text(path, _DELIMITERS[suffix])


def _of_parquet(path: Path) -> Columns:
    try:
        import pyarrow as pa
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ImportError(
            f"{path}: expected pyarrow, to read Parquet; got none. Install it with: pip install 'gramian[downstream]'"
        ) from error
    try:
        table = parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise ValueError(
            f"{path}: expected a whole Parquet file; got a damaged one ({reason}). Copy it again."
        ) from error
    return _of_arrow(table, str(path))


def _of_json_lines(path: Path) -> Columns:
    rows = []
    # Not splitlines: it also breaks at characters that JSON may hold within a text.
    for place, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", "nested too deeply")
            raise ValueError(
                f"{path}, line {place}: expected an object as JSON; got none ({reason}). Correct it."
            ) from error
        if not isinstance(row, dict):
            raise ValueError(f"{path}, line {place}: expected an object; got {type(row).__name__}. Name every cell.")
        rows.append(row)
    return _of_rows(rows)


def _text(path: Path) -> str:
    try:
        # Spreadsheets put a byte order mark first, which would become part of the first column's name.
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text; got {error.reason}. Save it as UTF-8.") from error


def _of_text(path: Path, delimiters: str) -> Columns:
    text = _text(path)
    first = text.partition("\n")[0]
    delimiter = max(delimiters, key=first.count)
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if line]
    except csv.Error as error:
        raise ValueError(
            f"{path}: expected lines of cells; got a damaged one ({error}). Correct its quotes."
        ) from error
    header = [cell.strip() for cell in lines[0]] if lines else []
    _refuse_repeated(header, str(path))
    for place, line in enumerate(lines[1:], 2):
        if len(line) != len(header):
            raise ValueError(
                f"{path}, row {place}: expected {len(header)} cells, as in the first row; got {len(line)}. Correct the row."
            )
    return {column: [line[place] for line in lines[1:]] for place, column in enumerate(header)}


def _refuse_repeated(names: Sequence[str], name: str) -> None:
    repeated = sorted({column for column in names if names.count(column) > 1})
    if repeated:
        raise ValueError(f"{name}: expected every column once; got {', '.join(repeated)} twice. Rename one.")
