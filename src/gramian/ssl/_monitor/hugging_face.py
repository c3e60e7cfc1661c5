"""The events of the Hugging Face Trainer."""

from __future__ import annotations

from typing import Any

from gramian.ssl._monitor.host import Host

__all__ = ["HuggingFaceEvents"]


class HuggingFaceEvents(Host):
    """What a Trainer calls during training."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        accumulated = args.gradient_accumulation_steps
        total = state.max_steps * accumulated if state.max_steps > 0 else None
        self._watch.seen = state.global_step * accumulated
        self._begin(more["model"], total=total, step=state.global_step, chief=state.is_world_process_zero)

    def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self._watch.open()

    def on_substep_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self._close_step(state, control)
        self._watch.open()

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self._close_step(state, control)

    def _close_step(self, state: Any, control: Any) -> None:
        step = int(state.global_step)
        look = self._watch.close(step=step, epoch=float(state.epoch or 0.0))
        if look is None:
            return
        control.should_training_stop = self._tell(look) or control.should_training_stop
        scalars = self._scalars(look)
        if self._trainer is not None:
            self._trainer.log(scalars)
        else:
            state.log_history.append({**scalars, "step": step, "epoch": state.epoch})
