"""Random features in place of the kernels."""

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.inference import _sample_tests
from gramian.itl import feature_divergence, fourier_map
from tests.inference._reference import shifted


@pytest.mark.parametrize("kernel", ["gaussian", "laplacian"])
@pytest.mark.parametrize("sizes", [(60, 60), (40, 70), (30, 20, 40)])
def test_at_order_two_features_of_the_squared_kernel_come_near_the_exact_divergences(kernel, sizes):
    samples = shifted(*sizes, shift=0.5)
    shared = {"kernel": kernel, "bandwidth": 1.5, "permutations": 50, "seed": 0}
    exact = gm.k_sample_test(*samples, **shared)
    near = gm.k_sample_test(*samples, features=20_000, **shared)
    assert near.method == "features"
    assert near.features == 20_000
    assert near.statistic == pytest.approx(exact.statistic, abs=0.01)
    assert near.feature_error == pytest.approx(abs(near.statistic - exact.statistic), abs=1e-6)
    assert exact.feature_error is None
    # The same labellings under the same seed, so the null distributions can be laid side by side.
    assert np.corrcoef(near.null_distribution, exact.null_distribution)[0, 1] > 0.98


def test_at_order_two_only_the_groups_means_are_needed():
    x, y = shifted(30, 45, shift=0.5)
    result = gm.two_sample_test(x, y, bandwidth=1.5, features=64, permutations=5, seed=0)
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        torch.randperm(75, generator=generator)
    draw = int(torch.randint(2**31, (), generator=generator))
    points = np.concatenate([x, y])
    phi = fourier_map(2, bandwidth=1.5 / np.sqrt(2), features=64, seed=draw).map(points - points.mean(0))
    means = np.stack([phi[:30].mean(0), phi[30:].mean(0)])
    within, total = (means**2).sum(), (means.sum(0) ** 2).sum()
    assert result.statistic == pytest.approx(np.log(2 * within / total), abs=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 5.0])
@pytest.mark.parametrize("balanced", [True, False])
def test_at_other_orders_it_is_the_divergence_of_the_features(alpha, balanced):
    x, y = shifted(30, 45, shift=0.5)
    result = gm.two_sample_test(
        x, y, alpha=alpha, bandwidth=1.5, features=32, permutations=5, balanced=balanced, seed=0
    )
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        torch.randperm(75, generator=generator)
    draw = int(torch.randint(2**31, (), generator=generator))
    points = np.concatenate([x, y])
    phi = fourier_map(2, bandwidth=1.5, features=32, seed=draw).map(points - points.mean(0))
    expected = feature_divergence(phi, np.repeat([0, 1], [30, 45]), alpha=alpha, balanced=balanced)
    assert result.statistic == pytest.approx(float(expected), abs=1e-7)


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_weights_count_as_repeated_points(alpha):
    x, y = shifted(20, 25, shift=0.5)
    points = np.concatenate([x, y])
    weights = np.ones(20)
    weights[3] = 2.0
    shared = {"alpha": alpha, "bandwidth": 1.0, "permutations": 3, "features": 16}
    weighted = gm.two_sample_test(x, y, weights=(weights, None), seed=0, **shared)
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        torch.randperm(45, generator=generator)
    draw = int(torch.randint(2**31, (), generator=generator))
    phi = fourier_map(2, bandwidth=1.0 / (np.sqrt(2) if alpha == 2 else 1), features=16, seed=draw)
    values = phi.map(np.concatenate([x, x[3:4], y]) - points.mean(0))
    if alpha == 2:
        means = np.stack([values[:21].mean(0), values[21:].mean(0)])
        expected = np.log(2 * (means**2).sum() / (means.sum(0) ** 2).sum())
    else:
        labels = np.repeat([0, 1], [21, 25])
        expected = float(feature_divergence(values, labels, alpha=alpha, balanced=True))
    assert weighted.statistic == pytest.approx(expected, abs=1e-6)


def test_features_take_over_where_there_are_many_points(monkeypatch):
    x, y = shifted(30, 30)
    assert gm.two_sample_test(x, y, permutations=5).method == "exact"
    monkeypatch.setattr(_sample_tests, "_EXACT_COLLISION", 59)
    monkeypatch.setattr(_sample_tests, "_EXACT_SPECTRAL", 59)
    assert gm.two_sample_test(x, y, permutations=5).features == 512
    assert gm.two_sample_test(x, y, alpha=1.0, permutations=2, bandwidth=1.0).features == 128
    assert gm.two_sample_test(x, y, kernel="linear", permutations=5).method == "exact"


def test_features_are_seeded_and_leave_the_global_state_alone():
    x, y = shifted(30, 30)
    before = torch.random.get_rng_state()
    first, second, other = (gm.two_sample_test(x, y, features=32, permutations=20, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.statistic == second.statistic
    assert first.scales != other.scales


def test_points_far_from_the_origin_have_features_too():
    x, y = shifted(40, 40, shift=0.5)
    near = gm.two_sample_test(x, y, bandwidth=1.0, features=64, permutations=20, seed=0)
    far = gm.two_sample_test(x + 1e9, y + 1e9, bandwidth=1.0, features=64, permutations=20, seed=0)
    assert far.statistic == pytest.approx(near.statistic, abs=1e-4)


@pytest.mark.slow
def test_a_hundred_thousand_points_a_sample():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 100_000, 4)).astype(np.float32)
    result = gm.two_sample_test(x, y * 1.02, features=128, permutations=39, seed=0)
    assert result.pvalue == 1 / 40
    assert result.sizes == (100_000, 100_000)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"features": 3}, ValueError, "features: expected an even number; got 3"),
        ({"features": 0}, ValueError, "features: expected an integer of at least 2; got 0"),
        ({"features": 64.0}, TypeError, "features: expected an integer"),
        (
            {"features": 64, "kernel": "linear"},
            ValueError,
            "features: expected None for a kernel without random features",
        ),
    ],
)
def test_bad_numbers_of_features(arguments, error, message):
    x, y = shifted(5, 5)
    with pytest.raises(error, match=message):
        gm.two_sample_test(x, y, **arguments)
