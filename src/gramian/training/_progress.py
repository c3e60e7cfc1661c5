"""How far training is, told to whoever started it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.utilities.rank_zero import rank_zero_only

from gramian.training._loader import ResumableLoader

__all__ = ["ProgressReports", "TrainingProgress", "is_first_process"]


@dataclass(frozen=True)
class TrainingProgress:
    """Steps done and in all, over every epoch."""

    stage: str
    done: int
    total: int
    unit: str


class ProgressReports(pl.Callback):
    """Calls back after every step, in the first process."""

    def __init__(self, loader: ResumableLoader, total: int, report: Callable[[TrainingProgress], None]) -> None:
        self._loader, self._total, self._report = loader, total, report

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The bar of a run that goes on starts where it stopped."""
        self._tell(trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """One step more."""
        self._tell(trainer)

    def _tell(self, trainer: pl.Trainer) -> None:
        if trainer.is_global_zero:
            self._report(TrainingProgress("Training", self._loader.steps, self._total, "steps"))


def is_first_process() -> bool:
    """Whether this process is the one that writes and prints; there is but one unless several train together."""
    return int(getattr(rank_zero_only, "rank", 0) or 0) == 0
