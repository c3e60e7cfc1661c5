"""Bandwidths read off samples: rules as the kernels apply them, grids over the scales."""

import math

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.itl import bandwidth_by_rule, bandwidth_grid
from tests.itl._reference import normal


@pytest.mark.parametrize("rule", ["median", "mean", "dimension"])
def test_the_rule_is_that_of_the_kernels(rule):
    x, y = normal(15, 3), normal(9, 3, seed=1) + 1
    assert torch.allclose(
        gm.gaussian_kernel(x, bandwidth=bandwidth_by_rule(x, rule=rule)), gm.gaussian_kernel(x, bandwidth=rule)
    )
    pooled = bandwidth_by_rule(x.numpy(), y.numpy(), rule=rule)
    assert torch.allclose(gm.gaussian_kernel(x, y, bandwidth=pooled), gm.gaussian_kernel(x, y, bandwidth=rule))


def test_the_grid_by_hand():
    # 101 points on a line, 0 to 100: of 5,050 pairs, 100 are at distance 1, 99 at 2, ..., 1 at 100
    grid = bandwidth_grid(np.arange(101.0)[:, None], count=5)
    lengths = np.sort([abs(i - j) for i in range(101) for j in range(i)])
    low, high = lengths[int(0.05 * 5049)] / 2, 2 * lengths[int(0.95 * 5049)]
    assert (grid[0], grid[-1]) == pytest.approx((low, high), rel=1e-12)
    assert np.diff(np.log(grid)) == pytest.approx([math.log(high / low) / 4] * 4)


def test_a_single_bandwidth_lies_in_the_middle():
    x = normal(50, 2)
    grid = bandwidth_grid(x, count=9)
    assert bandwidth_grid(x, count=1) == pytest.approx((grid[4],))


@pytest.mark.parametrize("read", [bandwidth_by_rule, lambda x, **more: bandwidth_grid(x, **more)[3]])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_bandwidths_follow_the_unit_of_the_points(read, scale):
    x = normal(30, 2)
    assert read(scale * x) == pytest.approx(scale * read(x), rel=1e-12)


def test_pairs_of_equal_points_have_no_scale():
    x = normal(12, 2)
    assert bandwidth_grid(x.repeat_interleave(3, 0))[0] == pytest.approx(bandwidth_grid(x)[0], rel=0.2)
    for count in (1, 4):
        with pytest.raises(ValueError, match="x: expected at least two different points; got all points equal"):
            bandwidth_grid(np.ones((5, 2)), count=count)
    with pytest.raises(ValueError, match="got all points equal"):
        bandwidth_grid(np.ones((1, 2)))


def test_a_part_of_a_large_sample_tells_the_same():
    x = normal(1200, 3)
    assert bandwidth_by_rule(x, points=400) == pytest.approx(bandwidth_by_rule(x), rel=0.05)
    assert np.log(bandwidth_grid(x, points=400)) == pytest.approx(np.log(bandwidth_grid(x)), abs=0.1)


def test_the_order_of_the_points_changes_nothing_and_the_seed_chooses():
    x = normal(300, 2)
    shuffled = x[torch.randperm(300, generator=torch.Generator().manual_seed(0))]
    before = torch.random.get_rng_state()
    for read in (bandwidth_by_rule, bandwidth_grid):
        assert read(x, points=50, seed=3) == read(shuffled, points=50, seed=3)
        assert read(x, points=50) == read(x, points=50)
        assert read(x, points=50, seed=3) != read(x, points=50, seed=4)
        assert read(x[:100], x[100:], points=50) == read(x, points=50)
        read(x, points=50, seed=None)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("read", [bandwidth_by_rule, bandwidth_grid])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x": np.ones(3)}, ValueError, r"x: expected points \(n, d\); got shape \(3,\)"),
        ({"x": np.ones((2, 3, 1))}, ValueError, r"x: expected points \(n, d\)"),
        ({"y": np.ones((3, 5))}, ValueError, r"y: expected points of the width of x, 2; got shape \(3, 5\)"),
        ({"y": torch.ones(3, 2)}, TypeError, "y: expected a NumPy array like x"),
        ({"x": np.full((3, 2), np.nan)}, ValueError, "x: expected finite values"),
        ({"points": 1}, ValueError, "points: expected an integer of at least 2; got 1"),
        ({"points": 2.5}, TypeError, "points: expected an integer"),
        ({"seed": "a"}, TypeError, "seed: expected an integer, a torch.Generator or None"),
    ],
)
def test_samples_are_checked(read, arguments, error, message):
    arguments = {"x": np.arange(6.0).reshape(3, 2)} | arguments
    with pytest.raises(error, match=message):
        read(arguments.pop("x"), arguments.pop("y", None), **arguments)


def test_rules_and_counts_are_checked():
    x = np.eye(3)
    with pytest.raises(ValueError, match="bandwidth: expected one of median, mean, dimension"):
        bandwidth_by_rule(x, rule="scott")
    with pytest.raises(TypeError, match="rule: expected the name of a rule; got float"):
        bandwidth_by_rule(x, rule=1.0)
    with pytest.raises(ValueError, match="count: expected an integer of at least 1; got 0"):
        bandwidth_grid(x, count=0)
