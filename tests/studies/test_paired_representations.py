"""How much a linear classifier gets out of frozen codes of two views that share a class: DiME and what it is compared with.

Digits: 1,297 images to learn from, 500 to test on, ten seeds. Fashion-MNIST: the first 10,000 and 5,000, two seeds. Learning rates
and the knob of each objective are chosen at latent size 10 on 300 of the 1,297 digits, and kept everywhere.

About two and a half hours of one core, two thirds of them DiME's. Results are kept a cell in `runs/studies/paired-representations`: what
was stopped goes on.
"""

from __future__ import annotations

import json
import os
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

pytest.importorskip("sklearn", reason="needs scikit-learn")
pytest.importorskip("lightly", reason="needs lightly: the extra `ssl`")

from tests.studies._figures import write_json
from tests.studies._paired_representations_figure import draw_paired_representations
from tests.studies._paired_views import Images, digits, fashion, held_out
from tests.studies._runs import study_folder
from tests.studies._view_encoders import LINEAR_CCA, SUPERVISED, UNTRAINED, Budget, measured

pytestmark = pytest.mark.study
_RATES = (0.003, 0.01, 0.03)
# The quick settings of DiME: one permutation a step, 64 leading eigenvalues.
_QUICK = {"permutations": [1]}
GRIDS: dict[str, list[dict[str, list[Any]]]] = {
    "DiME": [
        {"lr": [0.001, 0.003, 0.006, 0.012], "alpha": [1.01], "rank": [64], **_QUICK},
        {"lr": [0.003], "alpha": [1.01], "rank": [64], "bandwidth": ["learned"], **_QUICK},
        {"lr": [0.003, 0.01], "alpha": [2], **_QUICK},
    ],
    "deep CCA": [{"lr": [*_RATES, 0.1], "ridge": [1e-4, 1e-3, 1e-2]}],
    "CKA": [{"lr": [0.001, *_RATES]}],
    "InfoNCE": [{"lr": [*_RATES], "temperature": [0.1, 0.3, 1.0]}],
    "Barlow Twins": [{"lr": [0.001, *_RATES], "lambda_param": [0.005, 0.05, 0.2, 1.0]}],
    SUPERVISED: [{"lr": [*_RATES, 0.1]}],
    LINEAR_CCA: [{"ridge": [0.03, 0.1, 0.3, 1.0]}],
}
# DiME can end with two classes in one place, and its own value tells: it has three starts, of which the largest DiME in training is kept.
STARTS, ONE_START = {"DiME": 3}, "DiME, one start"
SETS: dict[str, dict[str, Any]] = {
    "digits": {"latent": [2, 3, 5, 10, 15], "seeds": 10, "budget": Budget(steps=400, batch=1000, copies=4)},
    "Fashion-MNIST": {"latent": [2, 5, 10], "seeds": 2, "budget": Budget(steps=400, batch=1000, copies=1)},
}
_CHOICE_LATENT, _CHOICE_SEED, _VALIDATION = 10, 100, 300
_CHOICE_BATCH = 950


def kept(cell: str, name: str, learn: Images, test: Images, **told: Any) -> dict[str, list[float]]:
    """What `measured` finds; found by an earlier run, it is read."""
    file = study_folder("paired-representations") / f"{cell}.json".replace(" ", "-")
    if file.exists():
        found: dict[str, list[float]] = json.loads(file.read_text())
        return found
    found = measured(name, learn, test, **told)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.with_suffix(".tmp").write_text(json.dumps(found))
    file.with_suffix(".tmp").replace(file)
    return found


def starts(cell: str, name: str, learn: Images, test: Images, **told: Any) -> list[dict[str, list[float]]]:
    """What all starts of an objective come to, the least loss in training first: no label is asked."""
    count = STARTS.get(name, 1)
    found = [kept(f"{cell}-{start}", name, learn, test, start=start, **told) for start in range(count)]
    return sorted(found, key=lambda one: one["loss"])


def chosen(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The settings with the best mean accuracy of both views on held-out training digits; and all that were tried."""
    if name == UNTRAINED:
        return {}, []
    learn, validation = held_out(digits()[0], _VALIDATION)
    budget = Budget(SETS["digits"]["budget"].steps, _CHOICE_BATCH, SETS["digits"]["budget"].copies)
    tried = []
    for grid in GRIDS[name]:
        for values in product(*grid.values()):
            settings = dict(zip(grid, values, strict=True))
            cell = f"choice-{name}-" + "-".join(f"{key}={value}" for key, value in settings.items())
            found = starts(
                cell, name, learn, validation, latent=_CHOICE_LATENT, seed=_CHOICE_SEED, budget=budget, **settings
            )[0]
            tried.append({"settings": settings, "accuracy": found["accuracy"]})
    return max(tried, key=lambda one: sum(one["accuracy"]))["settings"], tried


def _images(data: str) -> tuple[Images, Images]:
    if data == "digits":
        return digits()
    folder = Path(os.environ.get("GRAMIAN_TEST_DATA", "")) / "FashionMNIST" / "raw"
    if not folder.is_dir():
        pytest.skip("needs Fashion-MNIST, unpacked, in $GRAMIAN_TEST_DATA/FashionMNIST/raw")
    return fashion(10_000, 5_000)


def collected(seeds: dict[str, int]) -> dict[str, Any]:
    """Settings, and for each set the means over so many seeds with their standard deviations."""
    names = [*GRIDS, UNTRAINED]
    choices = {name: chosen(name) for name in names}
    content: dict[str, Any] = {
        "choices": {name: {"settings": settings, "tried": tried} for name, (settings, tried) in choices.items()},
        "sets": {},
    }
    for data, count in seeds.items():
        learn, test = _images(data)
        sizes, budget = SETS[data]["latent"], SETS[data]["budget"]
        found = {
            (name, latent, seed): starts(
                f"{data}-{name}-{latent}-{seed}", name, learn, test, latent=latent, seed=seed, budget=budget,
                **choices[name][0],
            )
            for seed in range(count) for latent in sizes for name in names
        }  # fmt: skip
        rows = {
            name: _over_seeds([[found[name, latent, seed][0] for seed in range(count)] for latent in sizes])
            for name in names
        }
        rows[ONE_START] = _over_seeds(
            [[kept(f"{data}-DiME-{latent}-{seed}-0", "", learn, test) for seed in range(count)] for latent in sizes]
        )
        content["sets"][data] = {"latent": sizes, "seeds": count, "objectives": rows}
        content["sets"][data]["starts"] = _judged_starts(
            {latent: [found["DiME", latent, seed] for seed in range(count)] for latent in sizes}
        )
    return content


def _judged_starts(cells: dict[int, list[list[dict[str, list[float]]]]]) -> dict[str, Any]:
    """Whether DiME in training, which sees no label, tells which start has the better codes.

    ``correlation``: Spearman's, of DiME and the mean accuracy of both views, over all starts of a width; ``best``: how often the
    largest DiME of a seed has the largest accuracy; ``gain``: its accuracy less the mean of the seed's starts.
    """
    correlation, best, gain = {}, [], []
    for latent, seeds in cells.items():
        accuracy = np.array([[np.mean(one["accuracy"]) for one in of_seed] for of_seed in seeds])
        value = -np.array([[one["loss"][0] for one in of_seed] for of_seed in seeds])
        correlation[str(latent)] = float(spearmanr(value.ravel(), accuracy.ravel()).statistic)
        # Starts are sorted: the first has the largest DiME.
        best += list(accuracy.argmax(1) == 0)
        gain += list(accuracy[:, 0] - accuracy.mean(1))
    return {"correlation": correlation, "best": float(np.mean(best)), "gain": float(np.mean(gain))}


def _over_seeds(cells: list[list[dict[str, list[float]]]]) -> dict[str, list[list[float]]]:
    """By view and latent size."""
    accuracy, dimensions = (
        np.array([[one[kind] for one in row] for row in cells]) for kind in ("accuracy", "dimensions")
    )
    spread = accuracy.std(1, ddof=1) if accuracy.shape[1] > 1 else np.zeros_like(accuracy[:, 0])
    return {
        "accuracy": accuracy.mean(1).T.tolist(),
        "deviation": spread.T.tolist(),
        "dimensions": dimensions.mean(1).T.tolist(),
    }


@pytest.fixture(scope="module")
def study():
    """The study's numbers, as they go into the docs."""
    content = collected({data: plan["seeds"] for data, plan in SETS.items()})
    write_json("paired-representations", content)
    draw_paired_representations()
    return content


@pytest.mark.parametrize("data", list(SETS))
def test_every_trained_encoder_beats_its_first_weights(study, data):
    found = study["sets"][data]["objectives"]
    for name in GRIDS:
        assert (np.array(found[name]["accuracy"]) > np.array(found[UNTRAINED]["accuracy"])).all(), name


def test_the_value_of_dime_tells_which_start_is_the_better_one(study):
    judged = study["sets"]["digits"]["starts"]
    assert min(judged["correlation"].values()) > 0.7
    assert judged["best"] > 2 / 3  # chance is a third


def test_dime_keeps_to_three_directions_however_wide_the_code(study):
    """The reason why it falls behind at widths of ten: deep CCA fills seven."""
    found = study["sets"]["digits"]["objectives"]
    widest = SETS["digits"]["latent"].index(15)
    for view in range(2):
        assert found["DiME"]["dimensions"][view][widest] < 3
        assert found["deep CCA"]["dimensions"][view][widest] > 5
