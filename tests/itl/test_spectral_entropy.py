"""Entropies of spectra: closed forms, limits, continuity in the order."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from gramian.itl import spectral_entropy
from tests.itl._reference import ORDERS, distributions, orders, renyi


@pytest.mark.parametrize("alpha", ORDERS)
@pytest.mark.parametrize("n", [1, 2, 7])
def test_flat_spectrum_has_entropy_log_n(alpha, n):
    assert float(spectral_entropy(np.full(n, 1 / n), alpha=alpha)) == pytest.approx(math.log(n), abs=1e-13)


@pytest.mark.parametrize("alpha", ORDERS)
def test_one_eigenvalue_has_entropy_zero(alpha):
    assert float(spectral_entropy(np.array([1.0, 0.0, 0.0]), alpha=alpha)) == pytest.approx(0.0, abs=1e-15)


@settings(max_examples=60, deadline=None)
@given(distributions, orders)
def test_it_is_the_scalar_renyi_entropy(p, alpha):
    assert float(spectral_entropy(p, alpha=alpha)) == pytest.approx(renyi(p, alpha), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(distributions)
def test_it_never_increases_with_the_order(p):
    values = [float(spectral_entropy(p, alpha=alpha)) for alpha in ORDERS]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(values))


def test_zeros_that_pad_a_spectrum_change_nothing():
    p = np.array([0.5, 0.3, 0.2])
    for alpha in ORDERS:
        padded = spectral_entropy(np.concatenate([p, np.zeros(5)]), alpha=alpha)
        assert float(padded) == pytest.approx(float(spectral_entropy(p, alpha=alpha)), abs=1e-14)


@pytest.mark.parametrize("excess", [1e-3, 1e-6, 1e-9, 1e-12, 2.3e-16])
@pytest.mark.parametrize("sign", [1, -1])
def test_near_order_one_it_follows_its_taylor_series(excess, sign):
    p = np.array([0.6, 0.3, 0.1 - 1e-6, 1e-6])
    e = sign * excess
    mean, second, third = (float(np.sum(p * np.log(p) ** k)) for k in (1, 2, 3))
    variance, skew = second - mean**2, third - 3 * second * mean + 2 * mean**3
    expected = -mean - e / 2 * variance - e**2 / 6 * skew  # cumulants of log p
    assert float(spectral_entropy(p, alpha=1 + e)) == pytest.approx(expected, abs=5e-14 + 30 * excess**3)


def test_order_just_above_one_agrees_with_order_one():
    p = np.random.default_rng(0).dirichlet(np.full(500, 0.2))
    assert float(spectral_entropy(p, alpha=1 + 1e-9)) == pytest.approx(float(spectral_entropy(p, alpha=1)), abs=1e-8)


@pytest.mark.parametrize("edge", [0.75, 1.25])
def test_there_is_no_step_where_the_formula_changes(edge):
    p = np.random.default_rng(1).dirichlet(np.full(100, 0.3))
    below, above = (float(spectral_entropy(p, alpha=edge + step)) for step in (-1e-12, 1e-12))
    assert below == pytest.approx(above, abs=1e-10)


@pytest.mark.parametrize("alpha", [50.0, 1e3, 1e6])
def test_large_orders_approach_order_infinity_without_underflow(alpha):
    p = np.array([0.6, 0.4])
    limit = float(spectral_entropy(p, alpha=math.inf))
    assert 0 < float(spectral_entropy(p, alpha=alpha)) - limit <= 1.1 * limit / (alpha - 1)


def test_small_orders_approach_the_log_of_the_rank():
    p = np.array([0.9, 0.09, 0.01])
    assert float(spectral_entropy(p, alpha=1e-9)) == pytest.approx(math.log(3), abs=1e-7)


def test_rank_tolerance_applies_below_order_one_only():
    p = np.array([1 - 1e-13, 1e-13])
    assert float(spectral_entropy(p, alpha=0, rank_tolerance=1e-12)) == 0.0
    assert float(spectral_entropy(p, alpha=0, rank_tolerance=1e-14)) == pytest.approx(math.log(2))
    assert float(spectral_entropy(p, alpha=0.999, rank_tolerance=1e-12)) == 0.0
    assert float(spectral_entropy(p, alpha=1.0, rank_tolerance=1e-12)) > 1e-12


def test_float32_noise_is_no_rank():
    p = torch.tensor([0.5, 0.5, 3e-8, 2e-8], dtype=torch.float32)
    assert float(spectral_entropy(p, alpha=0.0)) == pytest.approx(math.log(2))
    assert float(spectral_entropy(p, alpha=0.1)) == pytest.approx(math.log(2), abs=1e-6)


def test_batches_are_rows():
    rows = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]]).reshape(3, 1, 2)
    for alpha in ORDERS:
        values = spectral_entropy(rows, alpha=alpha)
        assert values.shape == (3, 1)
        assert values.ravel() == pytest.approx([renyi(row, alpha) for row in rows[:, 0]], abs=1e-13)


@pytest.mark.parametrize("alpha", [0.3, 0.8, 1.0, 1.01, 1.2, 2.0, 4.0, math.inf])
def test_gradient_through_softmax_matches_finite_differences(alpha):
    logits = torch.tensor([0.3, -1.0, 0.7, 0.1], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: spectral_entropy(z.softmax(-1), alpha=alpha), logits)


def test_gradient_at_order_zero_is_zero_not_missing():
    p = torch.tensor([0.6, 0.4], dtype=torch.float64, requires_grad=True)
    spectral_entropy(p, alpha=0).backward()
    assert torch.equal(p.grad, torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize("alpha", ORDERS)
def test_gradient_is_finite_at_zero_eigenvalues(alpha):
    p = torch.tensor([0.6, 0.4, 0.0, 0.0], dtype=torch.float64, requires_grad=True)
    spectral_entropy(p, alpha=alpha).backward()
    assert torch.isfinite(p.grad).all()


@pytest.mark.parametrize("alpha", [1.1, 1.25, 1.5, 2.0, 3.0])
def test_opening_a_direction_above_order_one_has_its_one_sided_derivative(alpha):
    p = torch.tensor([0.6, 0.4, 0.0], dtype=torch.float64, requires_grad=True)
    direction = torch.tensor([-0.5, -0.5, 1.0], dtype=torch.float64)
    (grad,) = torch.autograd.grad(spectral_entropy(p, alpha=alpha), p)
    # d/dt at 0 of log(sum p^a) / (1 - a), where t^a has derivative zero
    powers = np.array([0.6, 0.4]) ** alpha
    expected = alpha * np.sum(np.array([0.6, 0.4]) ** (alpha - 1) * -0.5) / powers.sum() / (1 - alpha)
    assert float(grad @ direction) == pytest.approx(expected, rel=1e-10)
