"""Training runs read into what their page draws: curves, the numbers of the spectra, and the spectra themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gramian.runs import RunRecord, read_run

__all__ = ["Curve", "Film", "TrainingRun", "is_training", "read_trainings"]

TABLES = ("training", "training_measures", "training_spectra")
# What training can be measured by; the first that every run has is the horizontal axis at first.
AXES = ("epoch", "step", "views", "seconds")


@dataclass(frozen=True)
class Curve:
    """One number along training; places that a run does not know are NaN."""

    value: np.ndarray
    places: Mapping[str, np.ndarray]

    @property
    def known(self) -> np.ndarray:
        """The finite values."""
        return np.asarray(self.value[np.isfinite(self.value)])


@dataclass(frozen=True)
class Film:
    """Eigenvalues of one source at every look, ``(looks, ranks)``, NaN where a look has fewer."""

    eigenvalues: np.ndarray
    places: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class TrainingRun:
    """What a training left.

    Attributes:
        directory: where.
        manifest: of the run.
        curves: by metric, in the order first logged.
        measures: of the embeddings, by source, then by measure and variant.
        films: by source.
        label: what the page calls it.
    """

    directory: Path
    manifest: Mapping[str, Any]
    curves: Mapping[str, Curve]
    measures: Mapping[str, Mapping[tuple[str, str], Curve]]
    films: Mapping[str, Film]
    label: str = ""


def is_training(record: RunRecord) -> bool:
    """Whether a run is drawn by this page: it followed a training and measured no layers."""
    return any(name in record.tables for name in TABLES) and not {"measures", "scores"} & set(record.tables)


def read_trainings(directories: Sequence[Path]) -> list[TrainingRun] | None:
    """The training runs in some directories, with labels that differ; None where no directory is one.

    Raises:
        ValueError: runs of training among runs of layers, or training runs with nothing in them.
        RunError: no run there, an unfinished or a damaged one.
    """
    paths = [Path(directory) for directory in directories]
    records = [(path, read_run(path)) for path in paths]
    found = [is_training(record) for _, record in records]
    if not any(found):
        return None
    if not all(found):
        others = ", ".join(str(path) for path, one in zip(paths, found, strict=True) if not one)
        raise ValueError(
            f"directories: expected training runs alone, as the first is one; got others too ({others})."
            " Layers and training have nothing to be laid over by: render two pages."
            if found[0]
            else f"directories: expected runs of layers alone; got training runs among them. Leave out all but {others}."
        )
    runs = [_read(path, record) for path, record in records]
    for run in runs:
        if not (run.curves or run.measures):
            raise ValueError(
                f"{run.directory}: expected a run with values in its tables; got none. Train at least a step."
            )
    return _labelled(runs)


def _read(path: Path, record: RunRecord) -> TrainingRun:
    tables = record.tables
    training = tables.get("training", None)
    curves = {} if training is None else _curves(training)
    measures, films = {}, {}
    if "training_measures" in tables:
        table = tables["training_measures"]
        for source in pc.unique(table["source"]).to_pylist():
            own = table.filter(pc.equal(table["source"], source))
            measures[source] = _measures(own, training)
    if "training_spectra" in tables:
        table = tables["training_spectra"]
        for source in pc.unique(table["source"]).to_pylist():
            films[source] = _film(table.filter(pc.equal(table["source"], source)), training)
    return TrainingRun(path, record.manifest, curves, measures, films)


def _curves(table: pa.Table) -> dict[str, Curve]:
    curves = {}
    for metric in pc.unique(table["metric"]).to_pylist():
        own = table.filter(pc.equal(table["metric"], metric)).sort_by("step")
        places = {axis: _numbers(own, axis) for axis in AXES}
        curves[metric] = Curve(_numbers(own, "value"), places)
    return curves


def _measures(table: pa.Table, training: pa.Table | None) -> dict[tuple[str, str], Curve]:
    kinds = table.group_by(["measure", "variant"], use_threads=False).aggregate([]).to_pylist()
    found = {}
    for kind in kinds:
        same = pc.and_(pc.equal(table["measure"], kind["measure"]), pc.equal(table["variant"], kind["variant"]))
        own = table.filter(same).sort_by("step")
        found[kind["measure"], kind["variant"]] = Curve(_numbers(own, "value"), _placed(own, training))
    return found


def _film(table: pa.Table, training: pa.Table | None) -> Film:
    steps, frame = np.unique(table["step"].to_numpy(), return_inverse=True)
    ranks = table["index"].to_numpy().astype(np.int64)
    eigenvalues = np.full((len(steps), int(ranks.max(initial=0))), np.nan)
    eigenvalues[frame, ranks - 1] = table["eigenvalue"].to_numpy()
    first = pa.table({"step": table["step"], "epoch": table["epoch"]}).group_by("step", use_threads=False)
    looks = first.aggregate([("epoch", "min")]).rename_columns(["step", "epoch"]).sort_by("step")
    return Film(eigenvalues, _placed(looks, training))


def _placed(table: pa.Table, training: pa.Table | None) -> dict[str, np.ndarray]:
    """Where the rows of a monitor's table stand on every axis: it knows steps and epochs, the training table the rest."""
    step = _numbers(table, "step")
    places = {"step": step, "epoch": _numbers(table, "epoch")}
    for axis in ("views", "seconds"):
        places[axis] = np.full(len(step), np.nan)
        if training is not None and training.num_rows:
            known = training.sort_by("step")
            # Both grow with the steps, from nothing before the first.
            places[axis] = np.interp(step, np.append(0, _numbers(known, "step")), np.append(0, _numbers(known, axis)))
    return places


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table[name].cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _labelled(runs: list[TrainingRun]) -> list[TrainingRun]:
    """Named by method and data where the manifest says so, by the directory where that does not tell them apart."""
    names = [_name(run) for run in runs]
    counts = Counter(names)
    told = [
        name if name and counts[name] == 1 else f"{name} · {run.directory.name}" if name else run.directory.name
        for name, run in zip(names, runs, strict=True)
    ]
    again = Counter(told)
    return [
        replace(run, label=str(run.directory) if again[label] > 1 else label)
        for label, run in zip(told, runs, strict=True)
    ]


def _name(run: TrainingRun) -> str:
    data = run.manifest.get("data")
    name = data.get("name") if isinstance(data, Mapping) else data
    return " on ".join(str(part) for part in (run.manifest.get("method"), name) if part)
