"""Training runs in the formats of `gramian pretrain` and of a monitor by itself, with hostile names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gramian.runs import RunDirectory

HOSTILE_SOURCE = "<i onclick=alert(4)>projector</i> & </script>"


@dataclass(frozen=True)
class TrainingSpec:
    """A synthetic training whose spectrum flattens; `collapse` makes it end on a line instead."""

    method: str = "frossl"
    data: str = "cifar10"
    steps: int = 120
    epochs: int = 6
    looks: int = 12
    width: int = 40
    sources: tuple[str, ...] = ("features", "embeddings")
    views: int = 2
    lift: float = 0.0
    collapse: bool = False
    curves: bool = True
    spectra: bool = True
    log_every: int = 1
    seed: int = 0


def share_at(spec: TrainingSpec, progress: float) -> np.ndarray:
    """The exact shares of the variance at a moment between 0 and 1."""
    decay = (2.0 + 6.0 * progress) if spec.collapse else 2.0 - 1.4 * progress - spec.lift
    shares = np.arange(1, spec.width + 1) ** -decay
    return shares / shares.sum()


def write_training(path: Path, spec: TrainingSpec | None = None) -> Path:
    """Write a finished training run and give its path."""
    spec = spec or TrainingSpec()
    with RunDirectory.open(path, command="pretrain", parameters={"method": spec.method, "seed": spec.seed}) as run:
        if spec.curves:
            run.write_table("training", [training_table(spec)])
        if spec.spectra:
            for name, table in spectrum_tables(spec).items():
                run.write_table(name, [table])
        run.update_manifest(method=spec.method, data={"name": spec.data, "images": 4000}, seconds=321.5)
        run.finish()
    return path


def training_table(spec: TrainingSpec) -> pa.Table:
    """The loss at every step, accuracies at every epoch."""
    rng = np.random.default_rng(spec.seed)
    rows: list[dict[str, Any]] = []
    for step in range(spec.log_every, spec.steps + 1, spec.log_every):
        progress = step / spec.steps
        place = {"step": step, "epoch": spec.epochs * progress, "seconds": 2.5 * step, "views": 64 * spec.views * step}
        rows.append({**place, "metric": "loss", "value": -8 - 3 * progress + 0.1 * rng.standard_normal()})
        if step * spec.epochs % spec.steps == 0:
            accuracy = 0.3 + 0.4 * progress + spec.lift
            rows.append({**place, "metric": "probe_accuracy", "value": accuracy})
            rows.append({**place, "metric": "knn20_accuracy", "value": accuracy - 0.05})
    kinds = {"step": pa.int64(), "epoch": pa.float64(), "metric": pa.string(), "value": pa.float64()}
    return pa.Table.from_pylist(
        rows, schema=pa.schema([*kinds.items(), ("seconds", pa.float64()), ("views", pa.int64())])
    )


def spectrum_tables(spec: TrainingSpec) -> dict[str, pa.Table]:
    """`training_spectra` and `training_measures`."""
    spectra: list[dict[str, Any]] = []
    measures: list[dict[str, Any]] = []
    for look in range(1, spec.looks + 1):
        progress = look / spec.looks
        step = round(spec.steps * progress)
        for source in spec.sources:
            shares = share_at(spec, progress)
            place = {"step": step, "epoch": spec.epochs * step / spec.steps, "source": source}
            spectra += [{**place, "index": at + 1, "eigenvalue": 3.0 * share} for at, share in enumerate(shares)]
            entropy = float(-(shares * np.log(shares)).sum())
            numbers = {
                ("effective_rank", ""): float(np.exp(entropy)),
                ("dataset_entropy", "alpha=1;center=true"): entropy,
                ("dataset_entropy", "alpha=2;center=true"): float(-np.log((shares**2).sum())),
                ("alpha_req", ""): 2.0 - progress,
                ("lidar", ""): 9.0 + progress if source == "embeddings" else float("nan"),
                ("top_share", ""): float(shares[0]),
                ("mean_share", ""): 0.2,
                ("variance", ""): 3.0,
            }
            measures += [{**place, "measure": m, "variant": v, "value": value} for (m, v), value in numbers.items()]
    kinds = [("step", pa.int64()), ("epoch", pa.float64()), ("source", pa.string())]
    measured = [*kinds, ("measure", pa.string()), ("variant", pa.string()), ("value", pa.float64())]
    return {
        "training_spectra": pa.Table.from_pylist(spectra, schema=pa.schema([*kinds, ("index", pa.int32()), ("eigenvalue", pa.float64())])),
        "training_measures": pa.Table.from_pylist(measures, schema=pa.schema(measured)),
    }  # fmt: skip
