"""A progress bar with rate and time left, on standard error so that output stays clean."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

if TYPE_CHECKING:
    from rich.progress import TaskID

    from gramian.layers import Progress

_STAGES = {"model": "Reading prompts", "spectra": "Spectra"}


class ProgressBar:
    """Shows a run's progress; nothing when quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self._bar = RichProgress(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=32),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} {task.fields[unit]}"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=quiet,
            transient=True,
        )
        self._quiet = quiet
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        if not self._quiet:
            self._bar.console.print(text, markup=False, highlight=False)

    def update(self, progress: Progress) -> None:
        if progress.stage not in self._tasks:
            # What an earlier session did is not this session's speed: the bar starts from there.
            description = _STAGES.get(progress.stage, progress.stage)
            self._tasks[progress.stage] = self._bar.add_task(
                description, total=progress.total, completed=progress.done, unit=progress.unit, rate=""
            )
        task = self._tasks[progress.stage]
        speed = self._bar.tasks[task].speed
        rate = f"{speed:,.0f} {progress.unit}/s" if speed else ""
        self._bar.update(task, completed=progress.done, rate=rate)
