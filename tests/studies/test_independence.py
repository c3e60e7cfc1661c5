"""The test of independence: as many rejections as it may have where nothing depends, and its power beside HSIC and distance correlation.

Level: 1,000 repetitions of 199 permutations. Power: six shapes in four dimensions, 100 pairs, 100 repetitions, all tests on the same
draws, each with 199 permutations. HSIC has Gaussian kernels at the median distance, the usual choice; both peers are
computed here from their formulas, and held against hyppo's values in a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import gramian as gm
from tests.studies._dependence_shapes import SHAPES, independent
from tests.studies._figures import write_json
from tests.studies._two_samples import binomial_interval, pvalues, rejection_rate, repetitions

pytestmark = pytest.mark.study
PERMUTATIONS, SEED, PAIRS = 199, 0, 100
LEVEL, POWER = 1000, 100
DIMENSIONS = (1, 3, 10, 20)
Matrix = NDArray[np.float64]

# What the test is told, and how many pairs it gets. Several bandwidths at order 1.01 have 25 spectra a permutation: few pairs.
CELLS: dict[str, tuple[int, dict[str, Any]]] = {
    "one bandwidth, n=20, order 1.01": (20, {"alpha": 1.01, "bandwidth": "median"}),
    "one bandwidth, n=20, order 2": (20, {"bandwidth": "median"}),
    "several bandwidths, n=20, order 1.01": (20, {"alpha": 1.01, "permutations": 39}),
    "several bandwidths, n=20, order 2": (20, {}),
    "one bandwidth, n=100, order 1.01": (100, {"alpha": 1.01, "bandwidth": "median", "permutations": 39}),
    "one bandwidth, n=100, order 2": (100, {"bandwidth": "median"}),
    "several bandwidths, n=100, order 2": (100, {}),
}


def _null(number: int, n: int, told: dict[str, Any]) -> Callable[[int], float]:
    def pvalue(repetition: int) -> float:
        rng = np.random.default_rng([SEED, number, repetition])
        x, y = independent(rng, n, 3)
        return gm.independence_test(
            x, y, seed=int(rng.integers(2**31)), **{"permutations": PERMUTATIONS, **told}
        ).pvalue

    return pvalue


@pytest.fixture(scope="module")
def rates():
    """Rejection rates of independent views at 0.05, as they go into the docs."""
    count = repetitions(LEVEL)
    found = {
        name: rejection_rate(pvalues("independence-level", f"{number:02d}", count, _null(number, *cell)))
        for number, (name, cell) in enumerate(CELLS.items())
    }
    interval = binomial_interval(count, 0.05, 1 - 0.01 / len(found))
    content = {"repetitions": count, "seed": SEED, "interval": list(interval), "rates": found}
    if count == LEVEL:
        write_json("independence-level", content)
    return content


def test_all_rejection_rates_are_inside_the_family_wise_interval(rates):
    low, high = rates["interval"]
    assert not {name: rate for name, rate in rates["rates"].items() if not low <= rate <= high}


def distances(points: Matrix) -> Matrix:
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))


def _centred(matrix: Matrix) -> Matrix:
    return matrix - matrix.mean(0) - matrix.mean(1)[:, None] + matrix.mean()


def median_gaussian(points: Matrix) -> Matrix:
    """Gaussian kernel at the median distance of distinct pairs."""
    between = distances(points)
    return np.exp(-(between**2) / (2 * np.median(between[np.triu_indices(len(points), 1)]) ** 2))


def _permuted(left: Matrix, right: Matrix, rng: np.random.Generator) -> float:
    """p-value of the mean product of two centred matrices: distance covariance and biased HSIC are both that."""
    left, right = _centred(left), _centred(right)
    orders = [np.arange(len(left)), *(rng.permutation(len(left)) for _ in range(PERMUTATIONS))]
    values = np.array([(left * right[np.ix_(order, order)]).sum() for order in orders])
    return float(np.mean(values >= values[0] * (1 - 1e-12)))


TESTS: dict[str, Callable[[Matrix, Matrix, np.random.Generator], float]] = {
    "several bandwidths, order 2": lambda x, y, rng: (
        gm.independence_test(x, y, permutations=PERMUTATIONS, seed=int(rng.integers(2**31))).pvalue
    ),
    "median bandwidth, order 2": lambda x, y, rng: (
        gm.independence_test(x, y, bandwidth="median", permutations=PERMUTATIONS, seed=int(rng.integers(2**31))).pvalue
    ),
    "median bandwidth, order 1.01": lambda x, y, rng: (
        gm.independence_test(
            x, y, alpha=1.01, bandwidth="median", permutations=PERMUTATIONS, seed=int(rng.integers(2**31))
        ).pvalue
    ),
    "HSIC, median": lambda x, y, rng: _permuted(median_gaussian(x), median_gaussian(y), rng),
    "distance correlation": lambda x, y, rng: _permuted(distances(x), distances(y), rng),
}


def _one(cell: tuple[int, int], shape: str, d: int, test: str) -> Callable[[int], float]:
    def pvalue(repetition: int) -> float:
        x, y = SHAPES[shape](np.random.default_rng([SEED, *cell, repetition]), PAIRS, d)
        return TESTS[test](x, y, np.random.default_rng([SEED + 1, *cell, repetition]))

    return pvalue


@pytest.fixture(scope="module")
def power():
    """Rejection rates at 0.05 by shape, dimension and test."""
    count = repetitions(POWER)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for number, shape in enumerate(SHAPES):
        for d in DIMENSIONS:
            found.setdefault(shape, {})[f"d={d}"] = {
                test: rejection_rate(
                    pvalues("independence-power", f"{number}-{d}-{place}", count, _one((number, d), shape, d, test))
                )
                for place, test in enumerate(TESTS)
            }
    content = {"repetitions": count, "permutations": PERMUTATIONS, "pairs": PAIRS, "seed": SEED, "rates": found}
    if count == POWER:
        write_json("independence-power", content)
    return content


def test_mean_power_over_shapes_and_dimensions_is_not_below_the_peers(power):
    """Several bandwidths against each peer, over all 24 problems; a standard error of the difference is allowed."""
    cells = [cell for of_shape in power["rates"].values() for cell in of_shape.values()]
    ours = np.array([cell["several bandwidths, order 2"] for cell in cells])
    for peer in ("HSIC, median", "distance correlation"):
        theirs = np.array([cell[peer] for cell in cells])
        error = np.sqrt(((ours * (1 - ours) + theirs * (1 - theirs)) / power["repetitions"]).sum()) / len(cells)
        assert ours.mean() >= theirs.mean() - error


def test_peers_are_those_of_hyppo():
    hyppo = pytest.importorskip("hyppo.independence", reason="needs hyppo, which is no dependency")
    x, y = SHAPES["circle"](np.random.default_rng(0), 30, 2)
    left, right = _centred(distances(x)), _centred(distances(y))
    ours = (left * right).sum() / np.sqrt((left**2).sum() * (right**2).sum())
    assert hyppo.Dcorr(bias=True).statistic(x, y) == pytest.approx(ours**0.5)
