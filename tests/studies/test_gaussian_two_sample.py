"""The Gaussian tests of the paper: means and variances that differ, over the dimension, against MMD with the same kernel.

The published figures are read off a plot; what is checked is what the text says of them. Fewer repetitions, differences and
permutations than the paper's 100, 20 and 500: with them this is a week of one machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist

import gramian as gm
from tests.studies._figures import write_json
from tests.studies._two_samples import pvalues, rejection_rate, repetitions
from tests.studies._two_samples_figure import draw_gaussian

pytestmark = pytest.mark.study
N, FULL, PERMUTATIONS, SEED = 250, 30, 99, 0
DIMENSIONS = (2, 12, 70, 420, 2500)
MEANS = np.geomspace(0.05, 50.0, 20)[2:11:2]  # beyond, every test rejects always
VARIANCES = 10.0 ** np.linspace(0.01, 1.0, 20)[:9:2]
TESTS: dict[str, dict[str, Any]] = {
    "order 1.01": {"alpha": 1.01},
    "order 2": {"alpha": 2.0},
    "order 5": {"alpha": 5.0},
    # The test of order 2 is that of the MMD with the squared kernel: with the kernel itself at a bandwidth so much wider.
    "MMD": {"alpha": 2.0, "wider": np.sqrt(2.0)},
}


def _samples(kind: str, d: int, difference: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x, y = rng.normal(size=(N, d)), rng.normal(size=(N, d))
    return (x, y + difference / np.sqrt(d)) if kind == "means" else (x, y * np.sqrt(difference))


def _one(place: tuple[int, ...], kind: str, difference: float, told: dict[str, Any]) -> Callable[[int], float]:
    options = {name: value for name, value in told.items() if name != "wider"}

    def pvalue(repetition: int) -> float:
        rng = np.random.default_rng([SEED, *place, repetition])
        x, y = _samples(kind, DIMENSIONS[place[1]], difference, rng)
        bandwidth = np.sqrt(np.mean(pdist(np.concatenate([x, y])) ** 2) / 2) * told.get("wider", 1.0)
        seed = int(rng.integers(2**31))
        result = gm.two_sample_test(x, y, bandwidth=bandwidth, permutations=PERMUTATIONS, seed=seed, **options)
        return result.pvalue

    return pvalue


@pytest.fixture(scope="module")
def study():
    """Rejection rates at 0.05 by dimension, averaged over the differences."""
    count = repetitions(FULL)
    content: dict[str, Any] = {
        "repetitions": count,
        "permutations": PERMUTATIONS,
        "seed": SEED,
        "n": N,
        "dimensions": list(DIMENSIONS),
        "differences": {"means": MEANS.tolist(), "variances": VARIANCES.tolist()},
    }
    for number, (kind, differences) in enumerate((("means", MEANS), ("variances", VARIANCES))):
        content[kind] = {title: [] for title in TESTS}
        for title, told in TESTS.items():
            for column in range(len(DIMENSIONS)):
                rates = [
                    rejection_rate(
                        pvalues(
                            "gaussian-two-sample",
                            f"{kind}-{DIMENSIONS[column]}-{step}-{title.replace(' ', '-')}",
                            count,
                            _one((number, column, step), kind, float(difference), told),
                        )
                    )
                    for step, difference in enumerate(differences)
                ]
                content[kind][title].append(float(np.mean(rates)))
    if count == FULL:
        write_json("gaussian-two-sample", content)
        draw_gaussian()
    return content


def test_means_separate_no_method_from_another(study):
    rates = np.array(list(study["means"].values()))
    assert np.ptp(rates, axis=0).max() < 0.1


def test_means_get_harder_and_variances_easier_to_tell_with_the_dimension(study):
    assert all(curve[-1] < curve[0] for curve in study["means"].values())
    assert all(curve[-1] > curve[0] for curve in study["variances"].values())


def test_at_low_dimension_order_5_tells_variances_best_and_order_near_1_worst(study):
    lowest = {title: curve[0] for title, curve in study["variances"].items()}
    assert lowest["order 5"] >= lowest["order 2"] - 0.02 >= lowest["order 1.01"] - 0.06
