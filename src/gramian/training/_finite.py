"""Stops training when its numbers stop being numbers, before a checkpoint could hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from gramian.training._loader import ResumableLoader

__all__ = ["FiniteLoss", "NonFiniteTraining"]


class NonFiniteTraining(ValueError):
    """The loss or a weight became infinite or not a number."""


class FiniteLoss(pl.Callback):
    """Looks at each step's loss while the next step runs, so that a graphics processor need not wait for it.

    Attributes:
        kept: The step of the last checkpoint, None before the first.
    """

    def __init__(self, loader: ResumableLoader) -> None:
        self.kept: int | None = None
        self._loader = loader
        self._pending: tuple[int, Tensor, Tensor] | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """The loss before is judged; this one is put aside."""
        self.judge()
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor):
            finite = torch.isfinite(loss.detach()).all().float()
            if trainer.world_size > 1:
                # One process that stops alone would leave the others waiting for it.
                torch.distributed.all_reduce(finite, torch.distributed.ReduceOp.MIN)
            self._pending = (self._loader.steps, finite, loss.detach())

    def judge(self) -> None:
        """Raises if the loss put aside was not finite."""
        if self._pending is None:
            return
        step, finite, loss = self._pending
        self._pending = None
        if finite.item() != 1.0:
            self._stop("loss", f"{loss.float().mean().item()}", step)

    def judge_all(self, module: torch.nn.Module) -> None:
        """Raises if the loss, a weight or a buffer is not finite: before anything is written."""
        self.judge()
        tensors = [t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point() and t.numel()]
        if tensors and not torch.stack([torch.isfinite(t.detach()).all() for t in tensors]).all().item():
            self._stop("weights", "some that are not", self._loader.steps)

    def _stop(self, what: str, got: str, step: int) -> None:
        epoch = step / len(self._loader)
        kept = (
            f"The checkpoint of step {self.kept} is kept." if self.kept is not None else "There is no checkpoint yet."
        )
        raise NonFiniteTraining(
            f"{what}: expected finite numbers; got {got} at step {step} (epoch {epoch:.2f}). {kept} "
            "Start anew with a lower learning rate, or in 32-bit precision."
        )
