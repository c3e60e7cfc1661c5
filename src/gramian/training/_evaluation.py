"""Measuring a module on the way, without a trace in its training."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytorch_lightning as pl
import torch

from gramian.itl._errors import value_fault
from gramian.training._history import history_of

__all__ = ["PeriodicEvaluation"]


class PeriodicEvaluation(pl.Callback):
    """Measures after every so many epochs, after the last, and before the first step.

    `measure` runs in the first process alone, in evaluation mode, without gradients, in the precision of training; its time is
    not counted as training, and training draws nothing differently for it.

    Args:
        every: Epochs between measurements.
        at_start: Whether the untrained module is measured too.
    """

    def __init__(self, *, every: int = 1, at_start: bool = True) -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise value_fault("every", "a whole number of epochs from 1", every, "Give 1 to measure after each.")
        self._every, self._at_start = every, at_start

    @abstractmethod
    def measure(self, trainer: pl.Trainer, module: pl.LightningModule) -> Mapping[str, float]:
        """The values to keep, by the names they get in the history."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Before the first step of a run that starts."""
        if self._at_start and trainer.global_step == 0:
            self._run(trainer, pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """After an epoch."""
        done = trainer.current_epoch + 1
        if done % self._every == 0 or done == trainer.max_epochs:
            self._run(trainer, pl_module)

    def _run(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        history = history_of(trainer)
        if trainer.is_global_zero:
            with (
                _clock_stopped(history),
                _as_is_after(module),
                torch.no_grad(),
                trainer.precision_plugin.forward_context(),
            ):
                values = self.measure(trainer, module)
            if history is not None:
                history.log_metrics(values)
        trainer.strategy.barrier()


@contextmanager
def _clock_stopped(history: object) -> Iterator[None]:
    from gramian.training._history import History

    if isinstance(history, History):
        with history.paused():
            yield
    else:
        yield


@contextmanager
def _as_is_after(module: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every part is in the mode it was in, since parts may be frozen."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
