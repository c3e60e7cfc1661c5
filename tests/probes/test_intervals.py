"""Intervals: Wilson's for shares, a bootstrap for the rest, and groups that count once."""

import numpy as np
import pytest
from scipy.stats import binomtest

from gramian.probes import knn_probe, linear_probe, ridge_probe
from gramian.probes._intervals import accuracy_interval

from ._samples import classes, line


@pytest.mark.parametrize(("right", "count"), [(0, 12), (3, 10), (40, 57), (25, 25)])
def test_the_interval_of_a_share_is_wilsons(right, count):
    correct = np.arange(count) < right
    stderr, low, high = accuracy_interval(correct, np.arange(count))
    expected = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert stderr == pytest.approx((expected.high - expected.low) / (2 * 1.959964), rel=1e-6)


def test_examples_said_twice_count_once():
    correct = np.random.default_rng(0).random(60) < 0.7
    once = accuracy_interval(correct, np.arange(60))
    assert accuracy_interval(np.tile(correct, 3), np.tile(np.arange(60), 3)) == pytest.approx(once)
    assert accuracy_interval(np.tile(correct, 3), np.arange(180))[0] == pytest.approx(once[0] / np.sqrt(3), rel=0.02)
    perfect = accuracy_interval(np.ones(180, dtype=bool), np.tile(np.arange(60), 3))
    assert perfect == pytest.approx(accuracy_interval(np.ones(60, dtype=bool), np.arange(60)))


def test_wilsons_interval_covers_the_accuracy_of_the_probe():
    """One fitted probe, many test sets of 40: 95 % of the intervals hold its accuracy on all."""
    x, y = classes(count=20_040, separation=0.5)
    fit = (x[:40], y[:40])
    truth = linear_probe(*fit, test=(x[40:], y[40:]), regularization=0.1).score
    hits = 0
    for start in range(40, 40 + 200 * 40, 40):
        part = slice(start, start + 40)
        found = linear_probe(*fit, test=(x[part], y[part]), regularization=0.1)
        hits += found.low <= truth <= found.high
    assert 182 <= hits <= 199


def test_the_bootstrap_error_of_r2_is_that_of_a_ratio():
    """The delta method, worked from the residuals of the same predictions."""
    x, y = line(count=600, noise=2.0)
    fit, held_out = slice(0, 300), slice(300, None)
    found = ridge_probe(x[fit], y[fit], test=(x[held_out], y[held_out]), regularization=1e-6)
    design = np.column_stack([np.ones(300), x[fit]])
    weights = np.linalg.lstsq(design, y[fit], rcond=None)[0]
    error = (y[held_out] - weights[0] - x[held_out] @ weights[1:]) ** 2
    baseline = (y[held_out] - y[fit].mean()) ** 2
    ratio = error.sum() / baseline.sum()
    expected = np.sqrt(((error - ratio * baseline) ** 2).sum()) / baseline.sum()
    assert found.score == pytest.approx(1 - ratio, rel=1e-6)
    assert found.stderr == pytest.approx(expected, rel=0.1)
    assert (found.high - found.low) / 3.92 == pytest.approx(expected, rel=0.1)


def test_a_rank_correlation_of_normals_has_its_known_error():
    """sqrt((1 + rho^2 / 2) / (n - 3)) after Fisher's transformation [Bonett and Wright 2000]."""
    x, y = line(count=1200, noise=2.0)
    found = ridge_probe(x[:400], y[:400], test=(x[400:], y[400:]), metric="spearman")
    expected = np.sqrt((1 + found.score**2 / 2) / 797) * (1 - found.score**2)
    assert found.stderr == pytest.approx(expected, rel=0.15)


def test_grouped_targets_widen_the_bootstrap():
    x, y = line(count=100, noise=1.0)
    wide = ridge_probe(np.repeat(x, 4, 0), np.repeat(y, 4), groups=np.repeat(np.arange(100), 4), regularization=1.0)
    narrow = ridge_probe(np.repeat(x, 4, 0), np.repeat(y, 4), regularization=1.0)
    assert wide.stderr == pytest.approx(2 * narrow.stderr, rel=0.25)


@pytest.mark.parametrize("probe", [linear_probe, knn_probe])
def test_the_interval_does_not_depend_on_the_number_of_folds(probe):
    """It speaks of the held-out examples; five or ten folds hold out the same ones."""
    x, y = classes(separation=0.7)
    five, ten = probe(x, y), probe(x, y, folds=10)
    assert five.stderr == pytest.approx(ten.stderr, rel=0.15)
