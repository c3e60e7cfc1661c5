"""Where nothing differs the tests reject as often as they may: every order, exactly and by features, one scale and several.

1,000 repetitions of 199 permutations each; all rates inside a binomial interval that holds for all of them together with 99 %.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gramian as gm
from tests.studies._figures import write_json
from tests.studies._two_samples import binomial_interval, pvalues, rejection_rate, repetitions

pytestmark = pytest.mark.study
ORDERS = (1.0, 1.01, 2.0, 5.0)
PERMUTATIONS, FULL, SEED = 199, 1000, 0
FEATURES = {1.0: 32, 1.01: 32, 2.0: 512, 5.0: 32}


def _cells() -> dict[str, tuple[int, int, dict[str, Any]]]:
    """Name to sizes and what the test is told."""
    cells: dict[str, tuple[int, int, dict[str, Any]]] = {}
    for alpha in ORDERS:
        for n in (20, 100):
            cells[f"exact, one bandwidth, n={n}, order {alpha:g}"] = n, n, {"alpha": alpha, "bandwidth": "median"}
        cells[f"exact, several bandwidths, n=20, order {alpha:g}"] = 20, 20, {"alpha": alpha}
        told = {"alpha": alpha, "bandwidth": "median", "features": FEATURES[alpha]}
        cells[f"features, one bandwidth, n=500, order {alpha:g}"] = 500, 500, told
    cells["exact, several bandwidths, n=100, order 2"] = 100, 100, {"alpha": 2.0}
    cells["exact, several bandwidths, n=20 and 35, order 1"] = 20, 35, {"alpha": 1.0}
    cells["exact, several bandwidths, n=20 and 35, order 2"] = 20, 35, {"alpha": 2.0}
    cells["exact, two kernels, n=100, order 2"] = 100, 100, {"kernel": ("gaussian", "laplacian")}
    cells["features, several bandwidths, n=500, order 2"] = 500, 500, {"features": 128}
    return cells


def _one(number: int, n: int, m: int, told: dict[str, Any]) -> Callable[[int], float]:
    def pvalue(repetition: int) -> float:
        rng = np.random.default_rng([SEED, number, repetition])
        x, y = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
        seed = int(rng.integers(2**31))
        return gm.two_sample_test(x, y, permutations=PERMUTATIONS, seed=seed, **told).pvalue

    return pvalue


@pytest.fixture(scope="module")
def rates():
    """Rejection rates at 0.05, as they go into the docs."""
    count = repetitions(FULL)
    found = {
        name: rejection_rate(pvalues("two-sample-level", f"{number:02d}", count, _one(number, *cell)))
        for number, (name, cell) in enumerate(_cells().items())
    }
    low, high = binomial_interval(count, 0.05, 1 - 0.01 / len(found))
    content = {
        "repetitions": count,
        "permutations": PERMUTATIONS,
        "seed": SEED,
        "interval": [low, high],
        "rates": found,
    }
    if count == FULL:
        write_json("two-sample-level", content)
    return content


def test_all_rejection_rates_are_inside_the_family_wise_interval(rates):
    low, high = rates["interval"]
    outside = {name: rate for name, rate in rates["rates"].items() if not low <= rate <= high}
    assert not outside
