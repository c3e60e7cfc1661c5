"""Entropy of vectors from the smaller of two Gram matrices."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from gramian import feature_entropy, linear_kernel, matrix_entropy
from gramian.itl import feature_spectrum
from tests.itl._reference import ORDERS, normal, orders, seeds, sizes


@settings(max_examples=50, deadline=None)
@given(seeds, sizes, sizes, orders)
def test_it_equals_the_matrix_entropy_of_the_linear_gram(seed, n, d, alpha):
    x = normal(n, d, seed=seed)
    assert feature_entropy(x, alpha=alpha).item() == pytest.approx(
        matrix_entropy(linear_kernel(x), alpha=alpha).item(), abs=1e-9
    )


@settings(max_examples=30, deadline=None)
@given(seeds, sizes, sizes, orders)
def test_it_is_the_same_for_the_transposed_matrix(seed, n, d, alpha):
    x = normal(n, d, seed=seed)
    assert feature_entropy(x, alpha=alpha).item() == pytest.approx(feature_entropy(x.mT, alpha=alpha).item(), abs=1e-10)


@settings(max_examples=30, deadline=None)
@given(seeds, sizes, sizes)
def test_both_frobenius_norms_agree_in_value_and_gradient(seed, n, d):
    x = normal(n, d, seed=seed).requires_grad_()
    wide, tall = (x @ x.mT).square().sum().sqrt(), (x.mT @ x).square().sum().sqrt()
    assert wide.item() == pytest.approx(tall.item(), rel=1e-12)
    (of_wide,), (of_tall,) = torch.autograd.grad(wide, x), torch.autograd.grad(tall, x)
    assert torch.allclose(of_wide, of_tall, rtol=1e-10)
    (fast,) = torch.autograd.grad(feature_entropy(x, alpha=2), x)
    (plain,) = torch.autograd.grad(matrix_entropy(x @ x.mT, alpha=2), x)
    assert torch.allclose(fast, plain, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", [(20, 6), (6, 20)])
@pytest.mark.parametrize("center", [False, True])
def test_spectrum_is_the_squared_singular_values(shape, center):
    x = normal(*shape).numpy()
    shifted = x - x.mean(0) if center else x
    squares = np.linalg.svd(shifted, compute_uv=False) ** 2
    values = feature_spectrum(x, center=center)
    assert values.shape == (6,)
    assert values == pytest.approx(squares / squares.sum(), abs=1e-13)


def test_centring_makes_it_independent_of_the_origin():
    x = normal(15, 4)
    for alpha in ORDERS:
        moved = feature_entropy(x + 100.0, alpha=alpha, center=True).item()
        assert moved == pytest.approx(feature_entropy(x, alpha=alpha, center=True).item(), abs=1e-9)


def test_two_orthogonal_directions_of_equal_weight_give_log_two():
    x = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    for alpha in ORDERS:
        assert float(feature_entropy(x, alpha=alpha)) == pytest.approx(math.log(2), abs=1e-12)


@pytest.mark.parametrize("scale", [1e-30, 1e25])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_squares_beyond_float32_are_rescaled(scale, alpha):
    x = normal(9, 4)
    expected = feature_entropy(x, alpha=alpha).item()
    assert feature_entropy((x * scale).float(), alpha=alpha).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("shape", [(300, 50), (50, 300)])
def test_rank_of_float32_features_is_counted_without_noise(shape):
    x = (normal(shape[0], 3) @ normal(3, shape[1], seed=1)).float()
    assert feature_entropy(x, alpha=0).item() == pytest.approx(math.log(3), abs=1e-6)


@pytest.mark.parametrize(("factor", "rank"), [(10, 1), (1000, 2)])
def test_the_rank_tolerance_grows_with_the_longer_side(factor, rank):
    x = np.zeros((64, 2))
    x[0, 0], x[1, 1] = 1.0, math.sqrt(factor * np.finfo(np.float64).eps)  # against 64 eps
    assert float(feature_entropy(x, alpha=0)) == pytest.approx(math.log(rank), abs=1e-12)


def test_batches_equal_single_matrices():
    x = normal(2, 3, 8, 5)
    for center in (False, True):
        values = feature_entropy(x, center=center)
        assert values.shape == (2, 3)
        assert values[1, 2].item() == pytest.approx(feature_entropy(x[1, 2], center=center).item(), abs=1e-12)


def test_autocast_does_not_reach_the_product():
    x = normal(40, 8, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = feature_entropy(x).item()
    assert inside == feature_entropy(x).item()


def test_equal_rows_cannot_be_centred():
    for offset in (0.1, 1e6):
        with pytest.raises(ValueError, match=r"x: expected at least two different rows to centre; got .* equal rows"):
            feature_entropy(np.full((7, 3), offset), center=True)
    with pytest.raises(ValueError, match=r"x: expected at least two different rows to centre"):
        feature_spectrum(np.array([[1.0, 2.0]]), center=True)


def test_zero_vectors_have_no_entropy():
    with pytest.raises(ValueError, match=r"x: expected a positive trace; got zero vectors only"):
        feature_entropy(np.zeros((4, 3)))
