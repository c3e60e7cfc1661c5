"""DiME rises with Shannon's information, past where a bound by the batch ends. Critics and bandwidths are trained in `tests/studies`."""

import math
from itertools import pairwise

import pytest
import torch

import gramian as gm
from tests.studies import _information_bounds as bounds

STAIRS = (0.0, 2.0, 4.0, 6.0, 8.0, 10.0)
BATCHES, LOG_64 = 25, math.log(64)


def _batches(information, cubed=False):
    generator = torch.Generator().manual_seed(int(information))
    return [bounds.correlated_pairs(64, information, generator=generator, cubed=cubed) for _ in range(BATCHES)]


def _grams(information, bandwidth, cubed=False):
    views = zip(*_batches(information, cubed), strict=True)
    return [torch.stack([gm.gaussian_kernel(one, bandwidth=bandwidth) for one in view]) for view in views]


@pytest.mark.parametrize(
    ("alpha", "bandwidth", "cubed"),
    [(1.01, 20**0.5, False), (2.0, 20**0.5, False), (1.01, "median", True)],
)
def test_dime_rises_at_every_stair(alpha, bandwidth, cubed):
    rows = [gm.dime(*_grams(information, bandwidth, cubed), alpha=alpha, seed=1).double() for information in STAIRS]
    means, errors = zip(*((row.mean().item(), row.std().item() / BATCHES**0.5) for row in rows), strict=True)
    assert all(low < high for low, high in pairwise(means))
    assert abs(means[0]) < 3 * errors[0]
    # Truth says five; what is not a number of nats says less.
    assert 2.5 < means[-1] / means[1] < 5


def test_infonce_with_the_best_critic_ends_at_the_logarithm_of_the_batch():
    values = {}
    for information in STAIRS[1:]:
        rho = bounds.correlation(information)
        values[information] = torch.stack(
            [bounds.infonce(bounds.log_ratio(x, y, rho)) for x, y in _batches(information)]
        )
        assert values[information].max() <= LOG_64 + 1e-5
    assert 1.5 < values[2.0].mean() < 2.0
    # Four nats more are not half a nat.
    assert values[10.0].mean() - values[6.0].mean() < 0.5


def test_matrix_mutual_information_hardly_notices():
    low, high = (gm.mutual_information(*_grams(information, 20**0.5), alpha=1.01).mean() for information in (2.0, 10.0))
    assert 1.0 < high / low < 1.1
