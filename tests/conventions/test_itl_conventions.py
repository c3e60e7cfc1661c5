"""Conventions of the design that released code gets wrong; each test fails on the published behaviour."""

import math

import numpy as np
import pytest
import torch

import gramian as gm
from tests.itl._reference import entropy, gaussian_gram, normal, renyi, unit_diagonal, wishart


def test_convention_01_order_two_divides_by_the_squared_trace():
    def published(gram):  # divides the squared Frobenius norm by n^2, whatever the trace
        return -math.log(float(gram.square().sum()) / gram.shape[-1] ** 2)

    gram = wishart(20, 30)
    gram = gram / gram.trace()
    ours = gm.matrix_entropy(gram, alpha=2).item()
    assert ours == pytest.approx(entropy(gram, 2), abs=1e-12)
    assert ours <= math.log(20)
    assert published(gram) - ours == pytest.approx(2 * math.log(20), abs=1e-9)
    assert published(gram) > math.log(20)  # beyond what 20 samples can have
    flat = unit_diagonal(20, 30)
    assert published(flat) == pytest.approx(gm.matrix_entropy(flat, alpha=2).item(), abs=1e-12)  # a trace of n hides it


def test_convention_02_gram_entries_are_not_clamped():
    def published(gram):  # negative entries to zero first, then negative eigenvalues dropped
        values = np.clip(np.linalg.eigvalsh(np.clip(gram, 0, None)), 0, None)
        return renyi(values / values.sum(), 1)

    x = normal(60, 5).numpy()
    gram = gm.cosine_kernel(x)
    ours = float(gm.matrix_entropy(gram))
    assert ours == pytest.approx(entropy(gram, 1), abs=1e-9)
    assert ours <= math.log(5)
    assert published(gram) > math.log(5) + 0.3  # more than the rank allows


def test_convention_02_flat_tails_are_cut_by_no_tolerance_from_order_one_on():
    def tolerant(gram, eps):  # drops eigenvalues up to n * eps * largest at every order
        values = np.linalg.eigvalsh(gram)
        values = values[values > len(values) * eps * values.max()]
        return renyi(values / values.sum(), 1)

    p = np.concatenate([[0.99], np.full(500, 0.01 / 500)])
    gram = np.diag(p.astype(np.float32))
    ours = float(gm.matrix_entropy(gram))
    assert ours == pytest.approx(renyi(p, 1), abs=1e-5)
    assert tolerant(gram, np.finfo(np.float32).eps) == 0.0
    assert ours > 0.1


def test_convention_02_clearly_negative_eigenvalues_are_an_error():
    with pytest.raises(ValueError, match="indefinite"):
        gm.matrix_entropy(np.full((3, 3), -0.9) + 1.9 * np.eye(3))


def test_convention_02_slightly_negative_eigenvalues_are_zero():
    def published(values, alpha):  # powers of absolute values: rounding counts as much as data at low orders
        p = np.abs(values) / np.abs(values).sum()
        return renyi(p, alpha)

    values = np.array([0.5, 0.5, -1e-12])
    for alpha in (0.5, 1.0, 1.01, 2.0, math.inf):
        assert float(gm.matrix_entropy(np.diag(values), alpha=alpha)) == pytest.approx(math.log(2), abs=1e-11)
    assert gm.spectrum(np.diag(values)).tolist() == [0.5, 0.5, 0.0]
    assert published(values, 0) == pytest.approx(math.log(3))


def test_convention_02_below_order_one_a_rank_tolerance_of_the_input_precision_applies():
    def published(gram, alpha):  # every positive eigenvalue counts, rounding included
        values = np.clip(np.linalg.eigvalsh(gram), 0, None)
        return renyi(values / values.sum(), alpha)

    gram = wishart(40, 3).numpy()
    for dtype in (np.float32, np.float64):
        for alpha in (0.0, 0.1, 0.5):
            expected = entropy(gram, alpha, rank=3)
            assert float(gm.matrix_entropy(gram.astype(dtype), alpha=alpha)) == pytest.approx(expected, abs=1e-5)
    assert published(gram, 0) > math.log(10)
    # A real eigenvalue between the tolerances of the two precisions counts in one and not in the other.
    small = np.diag([1.0, 1e-7])
    assert float(gm.matrix_entropy(small, alpha=0)) == pytest.approx(math.log(2))
    assert float(gm.matrix_entropy(small.astype(np.float32), alpha=0)) == 0.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_convention_10_half_precision_is_computed_in_float32(dtype):
    def published(x):  # the Gram in the precision of the activations
        gram = x @ x.mT
        return entropy(gram.double() / gram.double().trace(), 1)

    x = (normal(64, 300) + 3.0).to(dtype)
    value = gm.feature_entropy(x)
    exact = gm.feature_entropy(x.double()).item()  # of the same rounded numbers
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(exact, abs=1e-5)
    assert abs(published(x) - exact) > 1e-4
    assert gm.linear_kernel(x).dtype == torch.float32
    assert torch.isfinite(gm.matrix_entropy(gm.linear_kernel(100 * x)))  # squares of 300 have no room in float16


def test_convention_12_no_function_touches_the_global_random_state():
    def published(gram_x, gram_y):  # shuffles with the global generator
        draw = torch.randperm(len(gram_y))
        return gm.joint_entropy(gram_x, gram_y[draw][:, draw]) - gm.joint_entropy(gram_x, gram_y)

    a, b = unit_diagonal(9, 4), unit_diagonal(9, 4, seed=1)
    before = torch.random.get_rng_state()
    for seed in (None, 0, torch.Generator().manual_seed(0)):
        gm.dime(a, b, seed=seed)
    assert torch.equal(torch.random.get_rng_state(), before)
    published(a, b)
    moved = not torch.equal(torch.random.get_rng_state(), before)
    torch.random.set_rng_state(before)
    assert moved


@pytest.mark.parametrize(
    "undefined",
    [
        lambda: gm.matrix_entropy(np.zeros((3, 3))),
        lambda: gm.matrix_entropy(np.zeros((0, 0))),
        lambda: gm.feature_entropy(np.ones((1, 4)), center=True),
        lambda: gm.feature_entropy(np.full((4, 3), 0.1), center=True),
        lambda: gm.cosine_kernel(np.zeros((2, 3))),
        lambda: gm.gaussian_kernel(np.ones((3, 2))),
        lambda: gm.matrix_entropy(np.full((2, 2), np.nan)),
    ],
)
def test_convention_13_undefined_input_raises(undefined):
    with pytest.raises(ValueError, match=r"expected .*; got "):
        undefined()


def test_convention_15_negative_information_is_reported_not_clipped():
    def clipped(value):
        return max(value, 0.0)

    a, b = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0])
    gram_a, gram_b = gm.label_kernel(a), gm.label_kernel(b)
    values = [
        float(gm.mutual_information(gram_a, gram_b, alpha=2)),
        float(gm.total_correlation(gram_a, gram_b, alpha=2)),
        float(gm.jensen_renyi_divergence(gram_a, b, alpha=2)),
    ]
    assert values == pytest.approx([math.log(24 / 25)] * 3, abs=1e-12)
    assert all(value != clipped(value) for value in values)


def test_the_median_rule_is_the_median_distance():
    x = normal(9, 3).numpy()
    i, j = np.triu_indices(9, 1)
    median = np.median(np.linalg.norm(x[i] - x[j], axis=1))
    assert gm.gaussian_kernel(x) == pytest.approx(gaussian_gram(x, median), abs=1e-12)
