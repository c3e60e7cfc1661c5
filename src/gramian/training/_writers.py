"""Where values go while training runs, for people who watch: a CSV file or TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gramian.itl._errors import value_fault
from gramian.runs._atomic import write_error

if TYPE_CHECKING:
    from gramian.training._history import HistoryRow

__all__ = ["Writer", "open_writer"]

_COLUMNS = ("step", "epoch", "metric", "value", "seconds")


class Writer(Protocol):
    """Takes rows as they come."""

    def add(self, rows: Sequence[HistoryRow]) -> None:
        """Rows of one step."""

    def restart(self, rows: Sequence[HistoryRow]) -> None:
        """A run goes on: these are the rows until the checkpoint, whatever was written after it."""

    def close(self) -> None:
        """Nothing more comes."""


class NoWriter:
    """Of every process but the first."""

    def add(self, rows: Sequence[HistoryRow]) -> None:
        """Nothing."""

    def restart(self, rows: Sequence[HistoryRow]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class CsvWriter:
    """``metrics.csv``: one line a value, complete after every step that is logged."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "metrics.csv"
        self.restart(())

    def _write(self, lines: Sequence[Sequence[object]], mode: str) -> None:
        try:
            with self._path.open(mode, newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(lines)
        except OSError as error:
            raise write_error(error, self._path) from error

    def add(self, rows: Sequence[HistoryRow]) -> None:
        """Append."""
        self._write([tuple(row) for row in rows], "a")

    def restart(self, rows: Sequence[HistoryRow]) -> None:
        """Write anew."""
        self._write([_COLUMNS, *(tuple(row) for row in rows)], "w")

    def close(self) -> None:
        """Nothing is held open."""


class TensorBoardWriter:
    """Event files for TensorBoard; a run that goes on hides what was written after its checkpoint."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError(
                "logger: expected the package tensorboard; got none. Install it with: pip install tensorboard"
            ) from error
        self._folder, self._make = folder, SummaryWriter
        self._events: Any = SummaryWriter(str(folder))  # type: ignore[no-untyped-call]

    def add(self, rows: Sequence[HistoryRow]) -> None:
        """Append."""
        for row in rows:
            self._events.add_scalar(row.metric, row.value, row.step)

    def restart(self, rows: Sequence[HistoryRow]) -> None:
        """A new file of events, from the step after the last."""
        self._events.close()
        after = rows[-1].step + 1 if rows else 0
        self._events = self._make(str(self._folder), purge_step=after)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Write what is held back."""
        self._events.close()


def open_writer(kind: str, folder: Path, *, first: bool) -> Writer:
    """The writer of a name, in a folder of its own.

    Raises:
        ValueError: Another name.
        ImportError: TensorBoard is not installed.
        RunWriteError: The folder may not be written.
    """
    if kind not in ("csv", "tensorboard"):
        raise value_fault("logger", "csv or tensorboard", repr(kind), "Choose one of them.")
    if not first:
        return NoWriter()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, folder) from error
    return CsvWriter(folder) if kind == "csv" else TensorBoardWriter(folder)
