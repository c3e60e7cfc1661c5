"""When checkpoints are written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.utilities.exceptions import SIGTERMException

from gramian.training._checkpoint_files import NOTE, keep_copy, note_of
from gramian.training._finite import FiniteLoss
from gramian.training._loader import ResumableLoader

__all__ = ["LAST", "Checkpoints"]

LAST = "last.ckpt"


class Checkpoints(Checkpoint):
    """Writes ``last.ckpt`` after epochs and, when asked, after steps, and keeps some under names of their own.

    Lightning runs callbacks of this base class after all others: what they measured at a step is in the step's checkpoint.
    """

    def __init__(
        self,
        folder: Path,
        loader: ResumableLoader,
        finite: FiniteLoss,
        *,
        epochs: int,
        every: int,
        every_steps: int | None,
        keep_every: int | None,
        description: Mapping[str, Any],
    ) -> None:
        self._folder, self._loader, self._finite, self._epochs = folder, loader, finite, epochs
        self._every, self._every_steps, self._keep_every = every, every_steps, keep_every
        self._description = dict(description)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """A checkpoint says whose it is and what was asked."""
        checkpoint[NOTE] = note_of({**self._description, "epochs": self._loader.steps / len(self._loader)})

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """In mid-epoch: every so many steps, and when a cluster asks the process to end."""
        if trainer.received_sigterm and trainer.world_size == 1:
            self._save(trainer, pl_module)
            raise SIGTERMException
        ends = self._loader.step == len(self._loader)
        if self._every_steps is not None and not ends and self._loader.steps % self._every_steps == 0:
            self._save(trainer, pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """After epochs; the last one always."""
        done = self._loader.epoch + 1
        kept = self._keep_every is not None and done % self._keep_every == 0
        if done % self._every == 0 or done == self._epochs or kept:
            self._save(trainer, pl_module)
        if kept and trainer.is_global_zero:
            keep_copy(self._folder / LAST, f"epoch-{done:04d}.ckpt")

    def _save(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._finite.judge_all(module)
        trainer.save_checkpoint(self._folder / LAST)
        self._finite.kept = self._loader.steps
