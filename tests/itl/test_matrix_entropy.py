"""Entropy and spectrum of Gram matrices: closed forms and invariances."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from gramian import gaussian_kernel, matrix_entropy, spectrum
from gramian.itl._spectral_entropy import renyi_entropy
from gramian.itl._spectrum import gram_distribution
from tests.itl._reference import ORDERS, entropy, gaussian_gram, normal, orders, renyi, rotation, seeds, sizes, wishart


@pytest.mark.parametrize("alpha", ORDERS)
@pytest.mark.parametrize("n", [1, 2, 10, 57])
def test_identity_gram_has_entropy_log_n(alpha, n):
    gram = 5.0 * torch.eye(n, dtype=torch.float64)
    assert matrix_entropy(gram, alpha=alpha).item() == pytest.approx(math.log(n), abs=1e-13)


@pytest.mark.parametrize("alpha", ORDERS)
def test_rank_one_gram_has_entropy_zero(alpha):
    x = normal(12, 1)
    assert matrix_entropy(x @ x.mT, alpha=alpha).item() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("alpha", ORDERS)
def test_no_entropy_is_below_zero_nor_minus_zero(alpha):
    for seed in range(30):
        x = normal(7, 1, seed=seed)
        for gram in (x @ x.mT, (x @ x.mT).float(), torch.ones(7, 7), torch.ones(1, 1)):
            value = matrix_entropy(gram, alpha=alpha).item()
            assert math.copysign(1.0, value) == 1.0


@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.9, 1, 1.01, 1.5, 2, 3, 10])
def test_two_point_spectrum_is_the_scalar_renyi_entropy(alpha):
    p, q = 0.3, 0.7
    expected = -(p * math.log(p) + q * math.log(q)) if alpha == 1 else math.log(p**alpha + q**alpha) / (1 - alpha)
    gram = 5.0 * torch.diag(torch.tensor([p, q], dtype=torch.float64))  # trace is not n, on purpose
    assert matrix_entropy(gram, alpha=alpha).item() == pytest.approx(expected, rel=1e-12)


def test_two_point_spectrum_at_the_ends_of_the_orders():
    gram = 5.0 * torch.diag(torch.tensor([0.3, 0.7], dtype=torch.float64))
    assert matrix_entropy(gram, alpha=0).item() == pytest.approx(math.log(2))
    assert matrix_entropy(gram, alpha=math.inf).item() == pytest.approx(-math.log(0.7))


@pytest.mark.parametrize("alpha", ORDERS)
def test_block_diagonal_gram_obeys_the_grouping_identity(alpha):
    blocks = [wishart(4, 6, seed=1), wishart(3, 5, seed=2), wishart(5, 9, seed=3)]
    gram = torch.block_diag(*blocks)
    traces = np.array([float(block.trace()) for block in blocks])
    shares = traces / traces.sum()
    inner = np.array([float(matrix_entropy(block, alpha=alpha)) for block in blocks])
    if alpha == 1:
        expected = float(np.sum(shares * inner) - np.sum(shares * np.log(shares)))
    elif alpha == math.inf:
        expected = float(-np.log(np.max(shares * np.exp(-inner))))
    else:
        expected = float(np.log(np.sum(shares**alpha * np.exp((1 - alpha) * inner))) / (1 - alpha))
    assert matrix_entropy(gram, alpha=alpha).item() == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("alpha", ORDERS)
def test_it_agrees_with_numpy_eigenvalues(alpha):
    gram = gaussian_gram(normal(30, 2, seed=4).numpy(), sigma=0.3)
    assert float(matrix_entropy(gram, alpha=alpha)) == pytest.approx(entropy(gram, alpha), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(seeds, sizes, sizes)
def test_it_lies_between_zero_and_the_log_of_the_rank(seed, n, d):
    gram = wishart(n, d, seed=seed)
    for alpha in ORDERS:
        value = matrix_entropy(gram, alpha=alpha).item()
        assert -1e-9 <= value <= math.log(min(n, d)) + 1e-9


@settings(max_examples=40, deadline=None)
@given(seeds, sizes, sizes)
def test_it_never_increases_with_the_order(seed, n, d):
    gram = wishart(n, d, seed=seed)
    values = [matrix_entropy(gram, alpha=alpha).item() for alpha in ORDERS]
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(values))


@settings(max_examples=40, deadline=None)
@given(seeds, sizes, orders)
def test_it_does_not_change_with_permutation_rotation_or_scale(seed, n, alpha):
    gram = wishart(n, n + 2, seed=seed)
    expected = matrix_entropy(gram, alpha=alpha).item()
    shuffle = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    turn = rotation(n, seed=seed % 1000)
    for other in (gram[shuffle][:, shuffle], turn @ gram @ turn.mT, gram / gram.trace(), 5 * gram / gram.trace()):
        assert matrix_entropy(other, alpha=alpha).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_extreme_scales_neither_overflow_nor_underflow(scale, alpha):
    gram = wishart(6, 9)
    expected = matrix_entropy(gram, alpha=alpha).item()
    assert matrix_entropy((gram * scale).float(), alpha=alpha).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("make", [lambda: wishart(7, 9), lambda: wishart(7, 3), lambda: 4 * torch.eye(5).double()])
def test_order_two_equals_the_plain_path_in_value_and_gradient(make):
    gram = make().requires_grad_()
    fast = matrix_entropy(gram, alpha=2)
    plain = renyi_entropy(gram_distribution(gram, name="gram", eps=2e-16), 2.0, 0.0)
    assert fast.item() == pytest.approx(plain.item(), abs=1e-12)
    (fast_gradient,) = torch.autograd.grad(fast, gram)
    (plain_gradient,) = torch.autograd.grad(plain, gram)
    assert torch.allclose(fast_gradient, plain_gradient, atol=1e-12)


def test_flat_tails_count_from_order_one_on():
    # One eigenvalue of 0.99 and 500 of 0.01 / 500: in float32, n * eps * largest is 6e-5 and would cut them all.
    p = np.concatenate([[0.99], np.full(500, 0.01 / 500)])
    gram = torch.diag(torch.tensor(p, dtype=torch.float32))
    for alpha in (1.0, 1.01, 1.5):
        assert matrix_entropy(gram, alpha=alpha).item() == pytest.approx(renyi(p, alpha), abs=1e-5)
    assert renyi(p, 1) > 0.1
    assert matrix_entropy(gram, alpha=0.5).item() == pytest.approx(0.0, abs=1e-12)


def test_rank_of_a_rank_deficient_gram_is_counted_without_noise():
    for dtype in (torch.float64, torch.float32):
        gram = wishart(40, 3).to(dtype)
        assert matrix_entropy(gram, alpha=0).item() == pytest.approx(math.log(3), abs=1e-6)
        exact = entropy(wishart(40, 3).numpy(), 0.5, rank=3)
        assert matrix_entropy(gram, alpha=0.5).item() == pytest.approx(exact, abs=1e-5)


def test_spectrum_is_descending_and_sums_to_one():
    values = spectrum(wishart(6, 9))
    assert float(values.sum()) == pytest.approx(1.0)
    assert bool((values.diff() <= 0).all())
    assert values.numpy() == pytest.approx(np.linalg.eigvalsh(wishart(6, 9) / wishart(6, 9).trace())[::-1])


def test_slightly_negative_eigenvalues_are_zero():
    gram = torch.diag(torch.tensor([1.0, 1.0, -1e-12], dtype=torch.float64))
    assert spectrum(gram).tolist() == [0.5, 0.5, 0.0]
    assert matrix_entropy(gram, alpha=1).item() == pytest.approx(math.log(2))


def test_batches_equal_single_grams():
    grams = torch.stack([wishart(5, 4, seed=i) for i in range(6)]).reshape(2, 3, 5, 5)
    for alpha in ORDERS:
        values = matrix_entropy(grams, alpha=alpha)
        assert values.shape == (2, 3)
        for i in range(2):
            for j in range(3):
                single = matrix_entropy(grams[i, j], alpha=alpha)
                assert values[i, j].item() == pytest.approx(single.item(), abs=1e-10)
    assert spectrum(grams).shape == (2, 3, 5)


@pytest.mark.parametrize("alpha", [1.0, 1.01, 3.0, math.inf])
@pytest.mark.parametrize("kind", ["full rank", "low rank", "rank one", "one long direction", "smooth kernel"])
def test_float32_without_gradient_stays_within_a_ten_thousandth_of_a_nat_of_float64(kind, alpha):
    """At a large size and on the spectra that suffer most: many zero eigenvalues, whose rounding adds up."""
    n = 1200
    generator = torch.Generator().manual_seed(3)
    width = {"full rank": 2 * n, "low rank": 10, "rank one": 1, "one long direction": 64, "smooth kernel": 3}[kind]
    x = torch.randn(n, width, generator=generator, dtype=torch.float64)
    if kind == "one long direction":
        x = x + 100.0
    wide = gaussian_kernel(x) if kind == "smooth kernel" else x @ x.T
    single = wide.float()
    assert abs(matrix_entropy(single, alpha=alpha).double() - matrix_entropy(wide, alpha=alpha)) < 1e-4
    recorded = matrix_entropy(single.requires_grad_(), alpha=alpha)
    assert abs(recorded.double() - matrix_entropy(wide, alpha=alpha)) < 1e-4
