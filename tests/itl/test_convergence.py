"""Spectra and divergences of growing samples approach those of the population, at the rate that theory gives; small sizes."""

import math

import numpy as np
import pytest

import gramian as gm
from tests.studies._convergence import (
    PAIRS,
    POPULATIONS,
    divergence_errors,
    root_mean_square,
    slope,
    spectra_divergences,
    spectrum_errors,
)

SIZES = (50, 100, 200, 400)


@pytest.mark.parametrize("name", ["d = 1", "d = 2"])
def test_the_error_of_the_spectrum_falls_with_the_root_of_the_sample(name):
    population = POPULATIONS[name]
    errors = [root_mean_square(spectrum_errors(population, n, 40, seed=(1,))) for n in SIZES]
    assert slope(SIZES, errors) == pytest.approx(-0.5, abs=0.1)
    # In mean square at most that of the operator, whose closed form is (1 - sum of squared eigenvalues) / n.
    assert all(error < 1.1 * population.spread() / math.sqrt(n) for n, error in zip(SIZES, errors, strict=True))


@pytest.mark.parametrize("name", [name for name in PAIRS if "equal" not in name])
def test_the_divergence_fluctuates_with_the_root_of_the_sample_and_is_biased_with_the_sample_itself(name):
    pair, _ = PAIRS[name]
    errors = [np.array(divergence_errors(pair, (2.0,), n, 60, seed=(1,))[2.0]) for n in SIZES]
    assert slope(SIZES, [float(some.std()) for some in errors]) == pytest.approx(-0.5, abs=0.1)
    bias = np.array([some.mean() for some in errors])
    assert np.abs(bias * SIZES).max() < 4


def test_the_error_of_the_divergence_falls_with_the_root_of_the_sample():
    sizes = (200, 400, 800)
    pair, _ = PAIRS["shifted mean, d = 1"]
    errors = [root_mean_square(divergence_errors(pair, (2.0,), n, 60, seed=(1,))[2.0]) for n in sizes]
    assert slope(sizes, errors) == pytest.approx(-0.5, abs=0.1)


def test_between_equal_populations_the_error_falls_with_the_sample_itself():
    pair, _ = PAIRS["equal populations, d = 1"]
    assert pair.divergence(2.0) == pytest.approx(0.0, abs=1e-12)
    errors = [root_mean_square(divergence_errors(pair, (2.0,), n, 60, seed=(1,))[2.0]) for n in SIZES]
    assert slope(SIZES, errors) == pytest.approx(-1.0, abs=0.15)


def test_the_study_measures_the_divergence_itself():
    pair, orders = PAIRS["shifted mean, d = 1"]
    x = np.random.default_rng(0).normal(size=(40, 1))
    gram = gm.gaussian_kernel(x, bandwidth=pair.bandwidth)
    for alpha, value in spectra_divergences(gram, list(orders)).items():
        expected = gm.jensen_renyi_divergence(gram, np.arange(2).repeat(20), alpha=alpha)
        assert value == pytest.approx(float(expected), abs=1e-12)


@pytest.mark.parametrize("alpha", [2.0, 5.0])
def test_quadrature_agrees_with_the_closed_form(alpha):
    for pair, _ in PAIRS.values():
        if len(pair.means[0]) == 1:
            assert pair._by_quadrature(alpha) == pytest.approx(pair.divergence(alpha), abs=1e-10)
