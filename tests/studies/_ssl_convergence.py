"""One trained encoder of the convergence study, kept in `runs/studies/ssl-convergence` so that what was stopped goes on.

`python -m tests.studies._ssl_convergence TITLE SEED` trains one: several may run side by side. `... TITLE seconds` times its epoch.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from gramian.runs import read_run
from gramian.ssl import EvaluationPlan, pretrain, probe_encoder
from tests.studies._runs import study_folder

EPOCHS, IMAGES, TEST = 20, 4000, 5000
# One setting for everybody, views included: a hundredth of the papers' steps is too few for LARS with their learning rates.
COMMON = (
    f"epochs={EPOCHS}",
    "batch_size=128",
    "backbone.width=16",
    "views.preset=vicreg",
    "views.crop=true",
    "views.blur=0",
    "views.second_blur=null",
    "projector.hidden=1024",
    "projector.output=512",
    "optimizer.name=adamw",
    "optimizer.lr=0.004",
    "schedule.warmup_epochs=1",
    "precision=bf16-mixed",
)
# The released weight of FroSSL's invariance falls with the batch and rises with the views; its mean form does neither.
_FROSSL = ("settings.invariance=mean", "settings.invariance_weight=2")
TITLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "FroSSL, 2 views": ("frossl", (*_FROSSL, "number_of_views=2")),
    "FroSSL, 4 views": ("frossl", (*_FROSSL, "number_of_views=4")),
    "FroSSL, 8 views": ("frossl", (*_FROSSL, "number_of_views=8")),
    "SimCLR": ("simclr", ()),
    "VICReg": ("vicreg", ()),
    "Barlow Twins": ("barlow", ()),
    "SimSiam": ("simsiam", ()),
}


def trained(title: str, seed: int) -> dict[str, Any]:
    """Accuracies by epoch, the spectrum at a few epochs, and both ends' linear probes, of one run."""
    folder = study_folder("ssl-convergence") / f"{_short(title)}-{seed}"
    kept = folder / "study.json"
    if kept.exists():
        return {**json.loads(kept.read_text()), **_looks(folder)}
    root = Path(os.environ["GRAMIAN_TEST_DATA"]) / "cifar10"
    method, own = TITLES[title]
    result = pretrain(
        method,
        "cifar10",
        root=root,
        out=folder,
        subset=IMAGES,
        overrides=(*COMMON, *own, f"seed={seed}"),
        evaluation=EvaluationPlan(every=1, neighbors=(20,), test=TEST),
    )
    probes = [
        probe_encoder(folder, root=root, protocol="features", neighbors=(), test_subset=TEST, untrained=start)
        for start in (True, False)
    ]
    found = {
        "init": probes[0].linear.value,
        "linear": probes[1].linear.value,
        **{
            metric: [(row.epoch, row.value, row.seconds) for row in result.history if row.metric == metric]
            for metric in ("knn20_accuracy", "probe_accuracy")
        },
        "views_per_epoch": IMAGES // 128 * 128 * result.recipe.number_of_views,
    }
    kept.write_text(json.dumps(found))
    return {**found, **_looks(folder)}


def epoch_seconds(title: str) -> float:
    """Seconds of one processor that an epoch of training takes: two epochs less one, with no accuracies in between.

    Of the processor, because the study's runs go side by side and hold each other up.
    """
    kept = study_folder("ssl-convergence") / f"{_short(title)}-seconds.json"
    if not kept.exists():
        method, own = TITLES[title]
        root = Path(os.environ["GRAMIAN_TEST_DATA"]) / "cifar10"
        spent = []
        for epochs in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                told = (*COMMON, *own, f"epochs={epochs}", "schedule.warmup_epochs=0")
                start = time.process_time()
                pretrain(method, "cifar10", root=root, out=Path(folder) / "run", subset=IMAGES, overrides=told)
                spent.append(time.process_time() - start)
        kept.write_text(json.dumps(spent[1] - spent[0]))
    seconds: float = json.loads(kept.read_text())
    return seconds


def _short(title: str) -> str:
    return title.replace(", ", "-").replace(" ", "-").lower()


def _looks(folder: Path) -> dict[str, Any]:
    """The embeddings' covariance nearest to epochs 0, 1, 5 and the last: its 64 largest shares of the trace, and its effective rank."""
    tables = read_run(folder).tables
    spectra, measures = (
        [row for row in tables[name].to_pylist() if row["source"] == "embeddings"]
        for name in ("training_spectra", "training_measures")
    )
    epochs = sorted({row["epoch"] for row in spectra})
    chosen = sorted({min(epochs, key=lambda epoch: abs(epoch - wanted)) for wanted in (0, 1, 5, EPOCHS)})
    found, ranks = [], []
    for epoch in chosen:
        values = [row["eigenvalue"] for row in spectra if row["epoch"] == epoch]
        found.append({"epoch": epoch, "eigenvalues": [value / sum(values) for value in values[:64]]})
        ranks += [row["value"] for row in measures if row["epoch"] == epoch and row["measure"] == "effective_rank"]
    return {"spectra": found, "effective_rank": ranks}


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[2] == "seconds":
        sys.exit(print(sys.argv[1], epoch_seconds(sys.argv[1])))
    outcome = trained(sys.argv[1], int(sys.argv[2]))
    print(sys.argv[1:], outcome["init"], outcome["linear"], outcome["knn20_accuracy"][-1], flush=True)
