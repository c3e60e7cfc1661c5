"""Snapshots kept on disk while training runs, and as the tables that the report reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gramian.itl._errors import value_fault
from gramian.runs import RunDirectory
from gramian.ssl._monitor.snapshot import SpectrumSnapshot

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SpectrumRecord", "spectrum_tables"]

_PREFIX = "spectrum-"
Rows = Mapping[str, np.ndarray[Any, Any]]


class SpectrumRecord:
    """Every snapshot as a chunk of a run directory, from which the tables are written when training is over.

    A chunk appears whole or not at all, and a step that is trained again after a kill replaces its own chunk.

    Args:
        out: an open run, whose owner finishes it; or a folder, which becomes a run of its own.
        parameters: what a folder's run depends on.
        overwrite: start anew in a folder that holds a finished run of a monitor.
    """

    def __init__(self, out: RunDirectory | str | Path, *, parameters: Mapping[str, Any], overwrite: bool) -> None:
        self._run = out if isinstance(out, RunDirectory) else None
        self._folder = None if isinstance(out, RunDirectory) else Path(out)
        self._parameters, self._overwrite = parameters, overwrite

    def open(self, *, step: int) -> None:
        """Get ready before step ``step + 1``.

        Raises:
            RunError: the folder holds something else, or a finished run that is not to be overwritten.
            ImportError: pyarrow is missing.
        """
        import pyarrow  # noqa: F401  (a run should not learn at its end that its tables cannot be written)

        if self._folder is None or self._run is not None:
            return
        run = RunDirectory.open(
            self._folder, command="monitor", parameters=self._parameters, overwrite=self._overwrite and step == 0
        )
        if run.finished:
            run.close()
            remedy = "Give another folder, or overwrite=True, which starts anew where training starts at step 0."
            raise value_fault("out", "a new folder or a record that goes on", f"the finished {self._folder}", remedy)
        self._run = run

    def add(self, snapshots: Sequence[SpectrumSnapshot]) -> None:
        """Keep the snapshots of one look."""
        if self._run is not None and snapshots:
            self._run.save_chunk(f"{_PREFIX}{snapshots[0].step:010d}", _arrays(snapshots))

    def write_tables(self, *, last_step: int | None = None) -> None:
        """Write `training_spectra` and `training_measures` of what was kept up to a step; a run of its own is then complete."""
        if self._run is None or self._run.finished:
            return
        for name, table in spectrum_tables(self._kept(last_step)).items():
            self._run.write_table(name, [table])
        if self._folder is not None:
            self._run.finish()
            self.close()

    def close(self) -> None:
        """Give back the folder of a run of its own."""
        if self._folder is not None and self._run is not None:
            self._run.close()
            self._run = None

    def _kept(self, last_step: int | None) -> Iterable[Rows]:
        run = self._run
        for key in sorted(run.done()) if run is not None else ():
            if key.startswith(_PREFIX) and (last_step is None or int(key.removeprefix(_PREFIX)) <= last_step):
                yield run.load_chunk(key)  # type: ignore[union-attr]


def spectrum_tables(looks: Iterable[Rows | Sequence[SpectrumSnapshot]]) -> dict[str, pa.Table]:
    """`training_spectra` (step, epoch, source, index, eigenvalue) and `training_measures` (step, epoch, source, measure, variant, value).

    Args:
        looks: what each look gave: snapshots, or the arrays they are kept as.
    """
    import pyarrow as pa

    kinds = {"step": pa.int64(), "epoch": pa.float64(), "source": pa.string()}
    spectra = pa.schema([*kinds.items(), ("index", pa.int32()), ("eigenvalue", pa.float64())])
    measures = pa.schema([*kinds.items(), ("measure", pa.string()), ("variant", pa.string()), ("value", pa.float64())])
    parts: dict[str, list[Any]] = {
        "training_spectra": [spectra.empty_table()],
        "training_measures": [measures.empty_table()],
    }
    for look in looks:
        arrays = look if isinstance(look, Mapping) else _arrays(look)
        step, epoch = int(arrays["step"]), float(arrays["epoch"])
        for name, values in arrays.items():
            source, _, rest = name.partition("|")
            common = {"step": [step] * values.size, "epoch": [epoch] * values.size, "source": [source] * values.size}
            if rest == "eigenvalues":
                columns = {
                    **common,
                    "index": np.arange(1, values.size + 1, dtype=np.int32),
                    "eigenvalue": np.array(values),
                }
                parts["training_spectra"].append(pa.table(columns, schema=spectra))
            elif rest:
                measure, _, variant = rest.partition("|")
                columns = {**common, "measure": [measure], "variant": [variant], "value": [float(values)]}
                parts["training_measures"].append(pa.table(columns, schema=measures))
    return {name: pa.concat_tables(tables) for name, tables in parts.items()}


def _arrays(snapshots: Sequence[SpectrumSnapshot]) -> dict[str, np.ndarray[Any, Any]]:
    arrays = {"step": np.array(snapshots[0].step), "epoch": np.array(snapshots[0].epoch)}
    for snapshot in snapshots:
        arrays[f"{snapshot.source}|eigenvalues"] = snapshot.eigenvalues.to(torch.float64).numpy()
        for measure, variant, value in snapshot.measures():
            arrays[f"{snapshot.source}|{measure}|{variant}"] = np.array(value)
    return arrays
