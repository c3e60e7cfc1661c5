"""The events of PyTorch Lightning, the same in `pytorch_lightning` and `lightning.pytorch`."""

from __future__ import annotations

from typing import Any

from gramian.ssl._monitor.host import Host

__all__ = ["LightningEvents"]


class LightningEvents(Host):
    """What Lightning calls during training."""

    @property
    def state_key(self) -> str:
        """The name of its state in a checkpoint: monitors of different modules have one each."""
        return f"SpectrumMonitor[{', '.join(self._settings.names) or 'method'}]"

    def state_dict(self) -> dict[str, Any]:
        return self._watch.state()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._watch.load_state(state_dict)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._begin(
            pl_module, total=_lightning_batches(trainer), step=trainer.global_step, chief=trainer.is_global_zero
        )  # fmt: skip

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self._watch.open()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        batches = trainer.num_training_batches
        part = (batch_idx + 1) / batches if batches != float("inf") else 0.0
        kept = getattr(pl_module, "outputs", None)
        step = int(trainer.global_step)
        look = self._watch.close(step=step, epoch=trainer.current_epoch + part, kept=kept)
        if look is None:
            return
        stop = self._tell(look)
        scalars = self._scalars(look)
        # To the loggers at once: `log` would keep only what falls on a step of log_every_n_steps.
        pl_module.log_dict(scalars, logger=False, on_step=True, on_epoch=False, rank_zero_only=False)
        for logger in trainer.loggers:
            logger.log_metrics(scalars, step=step)
        trainer.should_stop = trainer.should_stop or stop

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._watch.end()
        if self._record is not None:
            self._record.close()


def _lightning_batches(trainer: Any) -> int | None:
    batches, epochs, steps = trainer.num_training_batches, trainer.max_epochs, trainer.max_steps
    by_epochs = batches * epochs if epochs not in (None, -1) and batches != float("inf") else None
    by_steps = steps * trainer.accumulate_grad_batches if steps not in (None, -1) else None
    known = [int(number) for number in (by_epochs, by_steps) if number is not None]
    return min(known, default=None)
