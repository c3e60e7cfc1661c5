"""DiME chooses its own bandwidth: it vanishes at both ends."""

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.itl import select_bandwidth


def _views(n=120, d=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x, 0.9 * x + 0.4 * rng.normal(size=(n, d))


@pytest.mark.parametrize("kernel", ["gaussian", "laplacian"])
@pytest.mark.parametrize("alpha", [1.01, 2.0])
def test_no_other_factor_has_a_larger_value(alpha, kernel):
    x, y = _views()
    a, b = select_bandwidth(x, y, alpha=alpha, kernel=kernel, permutations=20, seed=0)
    make = {"gaussian": gm.gaussian_kernel, "laplacian": gm.laplacian_kernel}[kernel]

    def value(factor):
        return float(
            gm.dime(make(x, bandwidth=factor * a), make(y, bandwidth=factor * b), alpha=alpha, permutations=20, seed=1)
        )

    best = value(1.0)
    assert all(value(factor) < best for factor in (0.2, 0.5, 2.0, 5.0))
    assert value(1e-4) == pytest.approx(0.0, abs=1e-9)
    assert value(1e4) == pytest.approx(0.0, abs=1e-3)


def test_bandwidths_follow_the_units_of_the_views():
    x, y = _views()
    first = select_bandwidth(x, y, alpha=2, seed=0)
    second = select_bandwidth(10 * x, y / 5, alpha=2, seed=0)
    assert second == pytest.approx((10 * first[0], first[1] / 5), rel=1e-9)


def test_leading_eigenvalues_choose_about_the_same():
    x, y = _views(200)
    exact = select_bandwidth(x, y, seed=0)
    assert select_bandwidth(x, y, rank=60, seed=0) == pytest.approx(exact, rel=0.15)


def test_seeds_and_gradients_are_left_alone():
    x, y = (torch.as_tensor(view).requires_grad_() for view in _views(40))
    before = torch.random.get_rng_state()
    assert select_bandwidth(x, y, alpha=2, seed=3) == select_bandwidth(x, y, alpha=2, seed=3)
    assert torch.equal(before, torch.random.get_rng_state())
    assert x.grad is None


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.ones((4, 2)), np.eye(4), "x: expected at least two different points; got all points equal"),
        (np.eye(4), np.eye(5), "y: expected as many points as x, 4; got 5"),
        (np.eye(4)[None], np.eye(4), r"x: expected points \(n, d\)"),
    ],
)
def test_views_that_are_no_pairs_are_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        select_bandwidth(x, y, seed=0)
