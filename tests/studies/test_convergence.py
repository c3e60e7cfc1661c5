"""The guarantee behind every entropy here, made visible: spectra and divergences of samples converge to the population's."""

from __future__ import annotations

import numpy as np
import pytest

from tests.studies._convergence import (
    PAIRS,
    POPULATIONS,
    SIZES,
    divergence_errors,
    repetitions,
    root_mean_square,
    slope,
    spectrum_errors,
)
from tests.studies._convergence_figure import draw_convergence
from tests.studies._figures import write_json

pytestmark = pytest.mark.study
SEED = 0


@pytest.fixture(scope="module")
def study():
    """The study's numbers, as they go into the docs."""
    content = {"seed": SEED, "sizes": list(SIZES), "spectrum": {}, "divergence": {}}
    for number, (name, population) in enumerate(POPULATIONS.items()):
        errors = [spectrum_errors(population, n, repetitions(n, 40), (SEED, number)) for n in SIZES]
        rms = [root_mean_square(some) for some in errors]
        content["spectrum"][name] = {
            "variances": list(population.variances),
            "bandwidth": population.bandwidth,
            "repetitions": [len(some) for some in errors],
            "spread": population.spread(),
            "error": rms,
            "worst": [max(some) for some in errors],
            "slope": slope(SIZES, rms),
        }
    for number, (name, (pair, orders)) in enumerate(PAIRS.items()):
        most = 40 if len(orders) > 1 else 100
        errors = [divergence_errors(pair, orders, n, repetitions(n, most), (SEED, number)) for n in SIZES]
        for alpha in orders:
            of_order = [some[alpha] for some in errors]
            rms = [root_mean_square(some) for some in of_order]
            content["divergence"][f"{name}, order {alpha:g}"] = {
                "value": pair.divergence(alpha),
                "repetitions": [len(some) for some in of_order],
                "error": rms,
                "bias": [float(np.mean(some)) for some in of_order],
                "deviation": [float(np.std(some, ddof=1)) for some in of_order],
                "slope": slope(SIZES, rms),
                "slope_of_deviation": slope(SIZES, [float(np.std(some, ddof=1)) for some in of_order]),
            }
    write_json("convergence", content)
    draw_convergence()
    return content


@pytest.mark.parametrize("name", POPULATIONS)
def test_the_error_of_the_spectrum_falls_with_the_root_of_the_sample(study, name):
    assert study["spectrum"][name]["slope"] == pytest.approx(-0.5, abs=0.1)


@pytest.mark.parametrize("name", POPULATIONS)
def test_the_error_of_the_spectrum_stays_below_that_of_the_operator(study, name):
    """In mean square by its closed form; with probability 0.95 by the theorem's constant, here for every sample drawn."""
    own = study["spectrum"][name]
    mean_square = own["spread"] / np.sqrt(SIZES)
    assert np.all(np.array(own["error"]) < 1.1 * mean_square)
    assert np.all(np.array(own["worst"]) < np.sqrt(8 * np.log(2 / 0.05) / np.array(SIZES)))


@pytest.mark.parametrize(
    "name", ["shifted mean, d = 1, order 1.01", "shifted mean, d = 1, order 2", "shifted mean, d = 1, order 5"]
)
def test_the_error_of_the_divergence_falls_with_the_root_of_the_sample(study, name):
    assert study["divergence"][name]["slope"] == pytest.approx(-0.5, abs=0.1)


def test_between_equal_populations_it_falls_with_the_sample_itself(study):
    """There the first-order term vanishes: what is left is a bias and a fluctuation, both of order 1/n."""
    assert study["divergence"]["equal populations, d = 1, order 2"]["slope"] == pytest.approx(-1.0, abs=0.1)


def test_apart_from_its_bias_the_divergence_of_different_populations_fluctuates_with_the_root(study):
    for name, own in study["divergence"].items():
        if not name.startswith("equal"):
            assert own["slope_of_deviation"] == pytest.approx(-0.5, abs=0.1), name
