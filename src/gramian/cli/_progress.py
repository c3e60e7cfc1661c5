"""A progress bar with rate and time left, on standard error so that output stays clean."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

if TYPE_CHECKING:
    from rich.progress import TaskID


class Progress(Protocol):
    """How far a stage is: what `gramian.layers` and `gramian.training` tell."""

    @property
    def stage(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def unit(self) -> str: ...


_STAGES = {"model": "Reading prompts", "spectra": "Spectra"}


class ProgressBar:
    """Shows a run's progress on a terminal; nothing when quiet or when standard error is a file."""

    def __init__(self, *, quiet: bool) -> None:
        self._bar = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=32),
            TextColumn("{task.fields[amount]}"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=quiet or not sys.stderr.isatty(),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, what: str) -> None:
        """Show that something of unknown length is going on, until the next update."""
        self._tasks[what] = self._bar.add_task(what, total=None, amount="", rate="")

    def update(self, progress: Progress) -> None:
        """Show how far a stage is."""
        if progress.stage not in self._tasks:
            for task in self._tasks.values():
                self._bar.remove_task(task)
            # What an earlier session did is not this session's speed: the bar starts from there.
            self._tasks = {
                progress.stage: self._bar.add_task(
                    _STAGES.get(progress.stage, progress.stage),
                    total=progress.total,
                    completed=progress.done,
                    amount="",
                    rate="",
                )
            }
        task = self._tasks[progress.stage]
        speed = next((t.speed for t in self._bar.tasks if t.id == task), None)
        self._bar.update(
            task,
            total=progress.total,  # of a plan it is an estimate until every cell is decided on
            completed=progress.done,
            amount=f"{progress.done:,} of {progress.total:,} {progress.unit}",
            rate=f"{speed:,.0f} {progress.unit}/s" if speed else "",
        )
