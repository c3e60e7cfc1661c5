"""What was measured while training: kept in the checkpoint, so that a run that goes on has no step twice and none missing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import Logger

from gramian.training._loader import ResumableLoader
from gramian.training._writers import Writer

__all__ = ["History", "HistoryRow", "Recorder", "history_of"]


class HistoryRow(NamedTuple):
    """One value of one metric.

    Attributes:
        step: Steps done, the one that gave the value included.
        epoch: The same in epochs.
        metric: Its name.
        value: The value.
        seconds: Spent on training until then, over all sessions; evaluations on the way are not counted.
    """

    step: int
    epoch: float
    metric: str
    value: float
    seconds: float


class History(Logger):
    """Lightning's logger of this room: rows in memory, passed on to a writer as they come.

    A metric has one value a step: what Lightning flushes after the step's hooks is there already, because the checkpoint of a
    step must hold its values.
    """

    def __init__(self, loader: ResumableLoader, writer: Writer) -> None:
        super().__init__()
        self.rows: list[HistoryRow] = []
        self._seen: set[str] = set()
        self._loader, self._writer = loader, writer
        self._spent, self._since = 0.0, None  # type: float, float | None

    @property
    def name(self) -> str:
        """Lightning wants one."""
        return "history"

    @property
    def version(self) -> str:
        """Lightning wants one."""
        return ""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Keep values of the current step, whatever step the caller counts."""
        done = self._loader.steps
        if not self.rows or self.rows[-1].step != done:
            self._seen = set()
        fresh = [
            HistoryRow(done, done / len(self._loader), name, float(value), self.seconds)
            for name, value in metrics.items()
            if name != "epoch" and name not in self._seen
        ]
        self._seen |= {row.metric for row in fresh}
        self.rows += fresh
        if fresh:
            self._writer.add(fresh)

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: the run's directory says what was asked."""

    @property
    def seconds(self) -> float:
        """Spent on training, over all sessions."""
        return self._spent + (time.perf_counter() - self._since if self._since is not None else 0.0)

    def start_clock(self) -> None:
        """Training goes on."""
        self._since = time.perf_counter()

    def stop_clock(self) -> None:
        """What comes is no training."""
        self._spent, self._since = self.seconds, None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens inside is no training."""
        running = self._since is not None
        self.stop_clock()
        try:
            yield
        finally:
            if running:
                self.start_clock()

    def state(self) -> dict[str, Any]:
        """Tensors and text alone: checkpoints load without running code."""
        names = sorted({row.metric for row in self.rows})
        place = {name: number for number, name in enumerate(names)}
        columns = [(row.step, place[row.metric], row.value, row.seconds) for row in self.rows]
        return {
            "metrics": names,
            "rows": torch.tensor(columns, dtype=torch.float64).reshape(-1, 4),
            "seconds": self.seconds,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The rows until the checkpoint; the writer starts again from them."""
        length = len(self._loader)
        self.rows = [
            HistoryRow(int(step), step / length, state["metrics"][int(place)], value, seconds)
            for step, place, value, seconds in state["rows"].tolist()
        ]
        last = self.rows[-1].step if self.rows else 0
        self._seen = {row.metric for row in self.rows if row.step == last}
        self._spent = float(state["seconds"])
        self._writer.restart(self.rows)


class Recorder(pl.Callback):
    """Takes the values of every so many steps before the checkpoint of that step is written, and keeps the position."""

    def __init__(self, loader: ResumableLoader, history: History, every: int) -> None:
        self._loader, self._history, self._every = loader, history, every

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The clock starts with the first step, after everything is set up."""
        self._history.start_clock()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Lightning writes to its loggers after every hook, too late for the checkpoint, so its values are asked for here."""
        if self._loader.steps % self._every == 0 and trainer.is_global_zero:
            values = trainer._logger_connector.metrics["log"]
            self._history.log_metrics({name: float(value) for name, value in values.items()})

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The clock stops."""
        self._history.stop_clock()

    def state_dict(self) -> dict[str, Any]:
        """Where training is, and what was measured until then."""
        return {"steps": self._loader.steps, "steps_per_epoch": len(self._loader), "history": self._history.state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from there."""
        self._loader.move_to(int(state_dict["steps"]))
        self._history.restore(state_dict["history"])


def history_of(trainer: pl.Trainer) -> History | None:
    """The history of a run of this room; None in anybody else's."""
    return next((logger for logger in trainer.loggers if isinstance(logger, History)), None)
