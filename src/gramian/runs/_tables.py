"""Parquet tables that appear whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from gramian.runs._atomic import written_whole
from gramian.runs._errors import RunError

if TYPE_CHECKING:
    import pyarrow as pa

_NAME = re.compile(r"[a-z][a-z0-9_]*")
SUFFIX = ".parquet"


def _parquet() -> ModuleType:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            'tables: expected pyarrow; got none. Install it with: pip install "gramian[layers]"'
        ) from error
    module: ModuleType = pyarrow.parquet
    return module


def table_path(folder: Path, name: str) -> Path:
    """Where the table ``name`` is.

    Raises:
        ValueError: a name that is no plain lower-case word, which could reach outside the folder.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"name: expected a lower-case word such as 'measures'; got {name!r}. Rename the table.")
    return folder / f"{name}{SUFFIX}"


def write_parquet(path: Path, tables: Iterable[pa.Table]) -> int:
    """Streams ``tables`` of one schema into one file; returns its number of rows.

    Only one of the given tables is in memory at a time, so a generator writes a table larger than memory.

    Raises:
        ValueError: no table given, or one whose columns differ from the first.
        RunWriteError: the disk is full or read-only; nothing partial is left.
    """
    parquet = _parquet()
    rows = 0
    with written_whole(path) as file:
        writer = None
        try:
            for number, table in enumerate(tables):
                if writer is None:
                    writer = parquet.ParquetWriter(file, table.schema, compression="zstd")
                if table.schema != writer.schema:
                    raise ValueError(
                        f"tables: expected the columns {_columns(writer.schema)} throughout; "
                        f"got {_columns(table.schema)} in table {number}. Build every part with one schema."
                    )
                writer.write_table(table)
                rows += table.num_rows
            if writer is None:
                raise ValueError("tables: expected at least one table; got none. Give an empty table to write no rows.")
            writer.close()
        finally:
            if writer is not None:
                # After a failed write the footer fails as well; the first error is the one to tell.
                with suppress(OSError):
                    writer.close()
    return rows


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Reads a table, or some of its columns in the order asked for.

    Raises:
        RunError: the file is absent, truncated or damaged.
        ValueError: a column that the table lacks.
    """
    names = check_parquet(path)
    missing = [name for name in columns or () if name not in names]
    if missing:
        raise ValueError(f"columns: expected some of {', '.join(names)}; got {', '.join(missing)}. Correct the name.")
    try:
        return _parquet().read_table(path, columns=None if columns is None else list(columns), partitioning=None)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def check_parquet(path: Path) -> list[str]:
    """Names of the columns, from the file's footer, which is written last: a file that has one is whole.

    Raises:
        RunError: the file is absent, truncated or damaged.
    """
    parquet = _parquet()
    if not path.is_file():
        there = sorted(p.stem for p in path.parent.glob(f"*{SUFFIX}"))
        raise RunError(f"{path}: expected a table; got no such file. Tables there: {', '.join(there) or 'none'}.")
    try:
        names: list[str] = parquet.read_schema(path).names
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return names


def _damaged(path: Path, error: Exception) -> RunError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return RunError(
        f"{path}: expected a whole Parquet file; got a truncated or damaged one ({reason}). "
        "Run the command again with overwrite, or copy the file again."
    )
