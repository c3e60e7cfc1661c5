"""DiME is nothing where a kernel sees nothing, at either end; mutual information is nothing at one and most at the other."""

import math

import numpy as np
import pytest
import torch

import gramian as gm
from tests.itl._reference import normal

N = 50
POINT = torch.ones(N, 3, dtype=torch.float64)


def _grams(bandwidth, dependent):
    x = normal(N, 3)
    y = x + 0.2 * normal(N, 3, seed=1) if dependent else normal(N, 3, seed=1)
    return [gm.gaussian_kernel(view, bandwidth=bandwidth) for view in (x, y)]


@pytest.mark.parametrize("alpha", [0.5, 1.01, 2.0])
@pytest.mark.parametrize("bandwidth", [1e-4, 1e5])
def test_dime_vanishes_at_both_ends(bandwidth, alpha):
    assert gm.dime(*_grams(bandwidth, True), alpha=alpha, seed=0).item() == pytest.approx(0.0, abs=1e-4)
    assert gm.dime(*_grams(1.0, True), alpha=alpha, seed=0).item() > 0.1


@pytest.mark.parametrize("dependent", [True, False])
@pytest.mark.parametrize("alpha", [1.01, 2.0])
def test_mutual_information_is_log_n_at_the_narrow_end_and_nothing_at_the_wide(alpha, dependent):
    narrow, wide = (
        gm.mutual_information(*_grams(bandwidth, dependent), alpha=alpha).item() for bandwidth in (1e-4, 1e5)
    )
    assert narrow == pytest.approx(math.log(N), abs=1e-9)
    assert wide == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("alpha", [1.01, 2.0])
def test_a_point_shares_nothing_by_either(alpha):
    at_point = gm.gaussian_kernel(POINT, bandwidth=1.0)
    other = gm.gaussian_kernel(normal(N, 3), bandwidth=1.0)
    for pair in ((at_point, other), (at_point, at_point)):
        assert gm.dime(*pair, alpha=alpha, seed=0).item() == pytest.approx(0.0, abs=1e-9)
        assert gm.mutual_information(*pair, alpha=alpha).item() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("alpha", [1.01, 2.0])
def test_at_identities_mutual_information_is_log_n_and_dime_nothing(alpha):
    identity = np.eye(N)
    assert float(gm.mutual_information(identity, identity, alpha=alpha)) == pytest.approx(math.log(N), abs=1e-9)
    assert float(gm.dime(identity, identity, alpha=alpha, seed=0)) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("alpha", [1.01, 2.0])
def test_independent_views_have_mean_zero(alpha):
    rng = np.random.default_rng(0)
    values = [
        gm.dime(
            *(gm.gaussian_kernel(rng.normal(size=(50, 40, d)), bandwidth=1.5) for d in (3, 2)), alpha=alpha, seed=seed
        )
        for seed in range(10)
    ]
    errors = [abs(draws.mean()) / (draws.std(ddof=1) / math.sqrt(draws.size)) for draws in values]
    # Ten times 50 draws: one such mean in twenty lies beyond two standard errors, more than three in ten do once in a thousand.
    assert sum(error > 2 for error in errors) <= 3
    every = np.concatenate(values)
    assert abs(every.mean()) < 2 * every.std(ddof=1) / math.sqrt(every.size)
