"""How fast encoders learn: FroSSL with 2, 4 and 8 views beside four rivals of three families, on 4,000 images of CIFAR-10.

ResNet-18 of width 16, 20 epochs, three seeds, views and optimizer the same for everybody. About two hours of two cores, as
`python -m tests.studies._ssl_convergence TITLE SEED` side by side; what is trained is kept.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("lightly", reason="needs lightly: the extra `ssl`")

from tests.studies._figures import write_json
from tests.studies._ssl_convergence import COMMON, TITLES, epoch_seconds, trained
from tests.studies._ssl_convergence_figure import draw_convergence, draw_spectra

pytestmark = [
    pytest.mark.study,
    pytest.mark.skipif("GRAMIAN_TEST_DATA" not in os.environ, reason="needs CIFAR-10: set GRAMIAN_TEST_DATA"),
]
SEEDS = (0, 1, 2)


def _first(history, accuracy):
    """The first epoch with this accuracy of neighbours, or None."""
    return next((epoch for epoch, value, _ in history if value >= accuracy), None)


@pytest.fixture(scope="module")
def study():
    """The study's numbers, as they go into the docs."""
    content = {"seeds": list(SEEDS), "settings": list(COMMON), "methods": {}}
    for title in TITLES:
        runs = [trained(title, seed) for seed in SEEDS]
        content["methods"][title] = {
            "views_per_epoch": runs[0]["views_per_epoch"],
            "init": [run["init"] for run in runs],
            "linear": [run["linear"] for run in runs],
            "epochs_to_45": [_first(run["knn20_accuracy"], 0.45) for run in runs],
            "knn": np.mean([[value for _, value, _ in run["knn20_accuracy"]] for run in runs], axis=0).tolist(),
            "probe": np.mean([[value for _, value, _ in run["probe_accuracy"]] for run in runs], axis=0).tolist(),
            "knn_of_seeds": [run["knn20_accuracy"][-1][1] for run in runs],
            "epoch_seconds": epoch_seconds(title),
            "effective_rank": np.mean([run["effective_rank"] for run in runs], axis=0).tolist(),
            "spectra": runs[0]["spectra"],
        }
    write_json("ssl-convergence", content)
    draw_convergence()
    draw_spectra()
    return content


@pytest.mark.parametrize("title", list(TITLES))
def test_every_encoder_beats_its_random_initialisation_by_five_points(study, title):
    method = study["methods"][title]
    gains = np.array(method["linear"]) - np.array(method["init"])
    assert gains.min() >= 0.05


def test_more_views_learn_faster_by_epoch(study):
    curves = [study["methods"][f"FroSSL, {views} views"]["knn"] for views in (2, 4, 8)]
    halfway = [curve[len(curve) // 2] for curve in curves]
    assert halfway[0] < halfway[2]
