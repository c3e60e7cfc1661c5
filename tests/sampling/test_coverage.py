"""What fewer points keep of a class."""

import numpy as np
import pytest

pytest.importorskip("imblearn", reason="needs imbalanced-learn: the extra `sampling`")

from gramian.sampling import JensenRenyiUnderSampler, coverage
from tests.sampling._classes import divergence


def test_the_divergence_is_that_of_the_standardised_points():
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(40, 2)) * [1, 100], rng.normal(size=(7, 2)) * [1, 100]
    found = coverage(x, z, bandwidth=0.7, random_state=0)
    expected = divergence((x - x.mean(0)) / x.std(0), (z - x.mean(0)) / x.std(0), 0.7, 2)
    assert found.divergence == pytest.approx(expected, abs=1e-12)
    assert (found.before, found.after, found.random_subsets, found.bandwidth) == (40, 7, 100, 0.7)


def test_random_subsets_are_subsets_of_that_size():
    x = np.arange(6.0)[:, None]
    found = coverage(x, x[:5], random_subsets=50, random_state=0)
    left_out = [
        divergence((x - 2.5) / x.std(), (np.delete(x, i, 0) - 2.5) / x.std(), found.bandwidth, 2) for i in range(6)
    ]
    assert found.random_best == pytest.approx(min(left_out), abs=1e-10)
    assert min(left_out) < found.random_mean < max(left_out)


def test_selected_points_are_below_random_ones():
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = np.repeat([0, 1], [180, 20])
    kept, labels = JensenRenyiUnderSampler().fit_resample(x, y)
    found = coverage(x[y == 0], kept[labels == 0], scale=x, random_state=0)
    assert found.divergence < found.random_best < found.random_mean


def test_columns_say_what_moved():
    x = np.column_stack([np.arange(10.0), np.arange(10.0), np.full(10, 3.0)])
    z = np.column_stack([np.arange(10.0), np.arange(10.0) + 100, np.full(10, 3.0)])
    same, moved, constant = coverage(x, z, random_subsets=1, random_state=0).columns
    assert (same.shift, same.spread, same.distance) == (0, 1, 0)
    assert moved.shift == pytest.approx(100 / np.arange(10.0).std())
    assert (moved.mean_before, moved.mean_after, moved.distance) == (4.5, 104.5, 1)
    assert (constant.shift, constant.spread, constant.distance) == (0, 1, 0)


def test_large_subsets_are_compared_with_fewer_random_ones(monkeypatch):
    from gramian.sampling import _coverage

    monkeypatch.setattr(_coverage, "_BUDGET", 9 * 20**2)
    x = np.random.default_rng(0).normal(size=(60, 2))
    assert coverage(x, x[:20], random_state=0).random_subsets == 9
    assert coverage(x, x[:50], random_state=0).random_subsets == 5


def test_large_classes_are_measured_as_small_ones_are(monkeypatch):
    """Against the projected mean, for points of the class and for others alike."""
    from gramian.sampling import _points

    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 3))
    candidates = (x[:50], rng.normal(size=(50, 3)), 1.5 * rng.normal(size=(50, 3)))
    exact = [coverage(x, points, bandwidth=1.5, random_subsets=3, random_state=0) for points in candidates]
    monkeypatch.setattr(_points, "_ALL_PAIRS", 1000)
    monkeypatch.setattr(_points, "_LANDMARKS", 500)
    for points, expected in zip(candidates, exact, strict=True):
        found = coverage(x, points, bandwidth=1.5, random_subsets=3, random_state=0)
        assert found.divergence == pytest.approx(expected.divergence, rel=0.01)
