"""Learned bandwidths: they find the scale at which groups differ, where the median does not."""

import math

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.itl import bandwidth_by_rule, learn_bandwidth
from tests.itl._reference import normal

# Two modes far apart, of which one is wider in the second group: the median distance is that between the modes.
CENTRES = torch.tensor([-20.0, 20.0], dtype=torch.float64)


def modes(n, *, spread, seed):
    labels = torch.arange(2).repeat_interleave(n)
    mode = torch.arange(2 * n) % 2
    deviation = torch.where((labels == 1) & (mode == 1), spread, 1.0)
    x = CENTRES[mode] + deviation * normal(2 * n, seed=seed)
    return x[:, None], labels


def contrast(x, labels, bandwidth, alpha, shuffles=40):
    """How many deviations the divergence lies above that of shuffled groups; by its definition."""
    gram = gm.gaussian_kernel(x, bandwidth=bandwidth)
    generator = torch.Generator().manual_seed(99)
    draws = [torch.randperm(len(x), generator=generator) for _ in range(shuffles)]
    null = [gm.jensen_renyi_divergence(gram, labels[draw], alpha=alpha, balanced=True).item() for draw in draws]
    observed = gm.jensen_renyi_divergence(gram, labels, alpha=alpha, balanced=True).item()
    return (observed - np.mean(null)) / np.std(null, ddof=1)


@pytest.mark.parametrize(("alpha", "features"), [(2.0, None), (1.01, None), (2.0, 128), (1.01, 32)])
def test_it_finds_a_difference_inside_modes_where_the_median_sees_none(alpha, features):
    x, labels = modes(80, spread=5.0, seed=0)
    learned = learn_bandwidth(x, labels, alpha=alpha, features=features, steps=4, seed=0)
    fresh, labels = modes(80, spread=5.0, seed=1)
    assert bandwidth_by_rule(x) > 25
    assert 0.3 < learned < 8
    assert contrast(fresh, labels, learned, alpha) > 6
    assert contrast(fresh, labels, "median", alpha) < 2


def test_it_does_not_vanish_as_the_divergence_would_have_it():
    x, labels = normal(120, 5), torch.arange(2).repeat_interleave(60)
    x[labels == 1] += 0.7
    learned = learn_bandwidth(x, labels, alpha=2, seed=0)
    median = bandwidth_by_rule(x)
    smaller = gm.gaussian_kernel(x, bandwidth=median / 20)
    usual = gm.gaussian_kernel(x, bandwidth=learned)
    assert gm.jensen_renyi_divergence(smaller, labels, alpha=2) > gm.jensen_renyi_divergence(usual, labels, alpha=2)
    assert learned > median / 3
    assert contrast(x, labels, learned, 2) > contrast(x, labels, median / 20, 2) + 3


def test_no_bandwidth_of_a_fine_grid_is_much_better():
    x, labels = modes(40, spread=2.5, seed=3)
    learned = learn_bandwidth(x, labels, alpha=2, permutations=60, seed=0)
    fine = [contrast(x, labels, bandwidth, 2) for bandwidth in np.geomspace(0.1, 100, 20)]
    assert contrast(x, labels, learned, 2) > 0.8 * max(fine)  # other shuffles than those it learned from


@pytest.mark.parametrize("start", ["median", "mean", "dimension", 0.5, torch.tensor(4.0)])
def test_a_single_maximum_is_found_from_anywhere(start):
    x, labels = normal(80, 2), torch.arange(2).repeat_interleave(40)
    x[labels == 1] *= 4.0
    expected = learn_bandwidth(x, labels, alpha=2, seed=0, steps=16)
    assert learn_bandwidth(x, labels, alpha=2, start=start, seed=0, steps=16) == pytest.approx(expected, rel=0.05)


def test_the_start_is_kept_where_nothing_is_better_and_no_step_is_taken():
    x, labels = modes(40, spread=3.0, seed=0)
    learned = learn_bandwidth(x, labels, alpha=2, seed=0, steps=16)
    assert learn_bandwidth(x, labels, alpha=2, start=learned, seed=0, steps=0) == learned


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("sizes", [(40, 40), (60, 20), (30, 20, 40)])
def test_groups_of_any_number_and_size(balanced, sizes):
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    x = normal(len(labels), 1)
    x[labels == 1] *= 0.02  # a narrow group among wide ones
    learned = learn_bandwidth(x, labels, alpha=2, balanced=balanced, steps=3, seed=0)
    assert 0.01 < learned < 1.5


def test_a_seed_repeats_it_in_any_unit_and_kind():
    x, labels = modes(30, spread=3.0, seed=0)
    before = torch.random.get_rng_state()
    first = learn_bandwidth(x, labels, alpha=2, seed=5, steps=3)
    assert first == learn_bandwidth(x, labels, alpha=2, seed=5, steps=3)
    assert learn_bandwidth(x.numpy(), labels.numpy(), alpha=2, seed=5, steps=3) == first
    assert learn_bandwidth(1e100 * x, labels, alpha=2, seed=5, steps=3) == pytest.approx(1e100 * first, rel=1e-6)
    learn_bandwidth(x, labels, alpha=2, steps=0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_laplacian_kernel_has_its_own():
    x, labels = modes(40, spread=3.0, seed=0)
    learned = learn_bandwidth(x, labels, alpha=2, kernel="laplacian", steps=3, seed=0)
    assert 0.3 < learned < 20


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.ones(4)}, ValueError, r"x: expected points \(n, d\); got shape \(4,\)"),
        ({"x": np.ones((4, 2))}, ValueError, "x: expected at least two different points; got all points equal"),
        ({"x": np.ones((4, 2)), "start": "median"}, ValueError, "got all points equal"),
        ({"labels": np.zeros(4, int)}, ValueError, "labels: expected at least two groups; got a single group"),
        ({"labels": np.array([0, 1])}, ValueError, r"labels: expected one label a sample, shape \(4,\)"),
        ({"labels": np.array([0.0, 0.0, 1.0, 1.0])}, TypeError, "labels: expected integers"),
        ({"labels": torch.tensor([0, 0, 1, 1])}, TypeError, "labels: expected a NumPy array like x"),
        ({"start": "best"}, ValueError, "start: expected grid, median, mean, dimension or a number; got 'best'"),
        ({"start": -1.0}, ValueError, "bandwidth: expected a positive, finite length"),
        ({"kernel": "linear"}, ValueError, "kernel: expected one of gaussian, laplacian"),
        ({"permutations": 1}, ValueError, "permutations: expected an integer of at least 2; got 1"),
        ({"steps": -1}, ValueError, "steps: expected an integer of at least 0; got -1"),
        ({"features": 7}, ValueError, "features: expected an even number; got 7"),
        ({"alpha": math.nan}, ValueError, "alpha: expected an order"),
    ],
)
def test_arguments_are_checked(change, error, message):
    arguments = {"x": np.arange(8.0).reshape(4, 2), "labels": np.array([0, 0, 1, 1])} | change
    with pytest.raises(error, match=message):
        learn_bandwidth(arguments.pop("x"), arguments.pop("labels"), **arguments)
