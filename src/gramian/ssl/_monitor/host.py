"""What a monitor does whichever framework trains: begin, tell what a look found, end."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from gramian.runs import RunDirectory
from gramian.ssl._monitor.alarm import CollapseWarning
from gramian.ssl._monitor.record import SpectrumRecord, spectrum_tables
from gramian.ssl._monitor.snapshot import SpectrumSnapshot
from gramian.ssl._monitor.watch import KEPT, Look, Settings, Watch

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Host"]


class Host:
    """The part of a monitor that the events of every framework come to."""

    def __init__(
        self, settings: Settings, *, out: RunDirectory | str | Path | None, overwrite: bool, name: str
    ) -> None:
        self._settings = settings
        self.name = name
        self.snapshots: list[SpectrumSnapshot] = []
        self._watch = Watch(settings)
        self._record = None if out is None else SpectrumRecord(out, parameters=self._parameters(), overwrite=overwrite)
        self._chief = True
        self._trainer: Any = None

    def attach(self, trainer: Any) -> Self:
        """Log through a Hugging Face trainer's own ``log``, and so to TensorBoard and the like; its callbacks are not told of it.

        Without it the numbers are in ``trainer.state.log_history`` alone. Lightning needs no such call.
        """
        self._trainer = trainer
        return self

    def tables(self) -> dict[str, pa.Table]:
        """`training_spectra` and `training_measures` of the snapshots in memory."""
        return spectrum_tables([[snapshot] for snapshot in self.snapshots])

    def write_tables(self, *, last_step: int | None = None) -> None:
        """Write the tables of everything kept in ``out``, those of earlier parts of a resumed training too.

        Called at the end of training; again, it does no harm.
        """
        if self._record is not None and self._chief:
            self._record.write_tables(last_step=last_step)

    def _begin(self, root: Any, *, total: int | None, step: int, chief: bool) -> None:
        self._chief = chief
        if step == 0:  # the same monitor in a second training
            self._watch.restart()
            self.snapshots.clear()
        self._watch.begin(root, total=total)
        if self._record is not None and chief:
            self._record.open(step=step)

    def _tell(self, look: Look) -> bool:
        """Keep a look and warn; whether training should stop."""
        self.snapshots.extend(look.snapshots)
        if self._record is not None and self._chief:
            self._record.add(look.snapshots)
        if self._chief:
            for warning in look.warnings:
                warnings.warn(warning, CollapseWarning, stacklevel=2)
        return bool(look.warnings) and self._settings.alarm is not None and self._settings.alarm.stop

    def _scalars(self, look: Look) -> dict[str, float]:
        return {
            f"{self.name}/{snapshot.source}/{measure}": value
            for snapshot in look.snapshots
            for measure, value in snapshot.scalars().items()
        }

    def _finish(self, *, last_step: int) -> None:
        self._watch.end()
        self.write_tables(last_step=last_step)

    def on_train_end(self, *event: Any, **more: Any) -> None:
        """Lightning calls it with trainer and module, Hugging Face with arguments, state and control."""
        told_by = event[0] if len(event) == 2 else event[1]
        self._finish(last_step=int(told_by.global_step))

    def _parameters(self) -> dict[str, Any]:
        asked = self._settings
        return {
            "sources": list(asked.names or KEPT),
            "every": asked.every,
            "batches": asked.batches,
            "orders": [f"{order:g}" for order in asked.orders],
            "views": asked.views,
        }
