"""The divergence of order 2 by means of the squared kernel, and the choice that makes it small."""

import itertools

import numpy as np
import pytest

pytest.importorskip("imblearn", reason="needs imbalanced-learn: the extra `sampling`")

import gramian as gm
from gramian.sampling._collision_kernel import CollisionKernel
from gramian.sampling._points import Scale, class_bandwidth, collision_kernel
from gramian.sampling._selection import collision_divergence, select_covering
from tests.sampling._classes import divergence


def points(n, d, *, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(size=(n // 2, d)), 0.3 * rng.normal(size=(n - n // 2, d)) + 2])


def draws(seed=0):
    return np.random.RandomState(seed)


def test_one_point_of_two_far_apart_has_the_divergence_worked_by_hand():
    """a = 1/2, b = 1, c = 1/2: D = -log(1 - (1/2) / 3) = log(6/5)."""
    kernel = CollisionKernel(np.array([[0.0], [1e6]]), 1.0)
    assert collision_divergence(kernel, np.array([0])) == pytest.approx(np.log(6 / 5), rel=1e-12)


@pytest.mark.parametrize("bandwidth", [0.3, 1.0, 5.0])
def test_the_means_give_the_divergence_of_the_weighted_gram(bandwidth):
    x = points(40, 3)
    chosen = draws().choice(40, 7, replace=False)
    found = collision_divergence(CollisionKernel(x, bandwidth), chosen)
    assert found == pytest.approx(divergence(x, x[chosen], bandwidth, 2), abs=1e-12)


def test_the_means_give_the_divergence_of_the_core():
    x = points(60, 2)
    chosen = np.arange(9)
    gram = gm.gaussian_kernel(np.concatenate([x, x[chosen]]), bandwidth=0.8)
    expected = gm.jensen_renyi_divergence(gram, np.repeat([0, 1], [60, 9]), alpha=2, balanced=True)
    assert collision_divergence(CollisionKernel(x, 0.8), chosen) == pytest.approx(float(expected), abs=1e-12)


def test_the_whole_class_diverges_from_itself_by_nothing():
    kernel = CollisionKernel(points(50, 3), 0.7)
    assert collision_divergence(kernel, np.arange(50)) == pytest.approx(0, abs=1e-12)
    assert np.array_equal(select_covering(kernel, 50, draws=draws()), np.arange(50))


@pytest.mark.parametrize("seed", range(8))
def test_a_small_choice_is_the_best_of_all_subsets(seed):
    kernel = CollisionKernel(np.random.default_rng(seed).normal(size=(12, 2)), 1.0)
    best = min(collision_divergence(kernel, np.array(s)) for s in itertools.combinations(range(12), 4))
    assert collision_divergence(kernel, select_covering(kernel, 4, draws=draws())) <= best + 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_no_single_exchange_improves_the_choice(seed):
    kernel = CollisionKernel(points(30, 2, seed=seed), 0.8)
    chosen = select_covering(kernel, 6, draws=draws())
    now = collision_divergence(kernel, chosen)
    for place, entering in itertools.product(range(6), np.setdiff1d(np.arange(30), chosen)):
        other = chosen.copy()
        other[place] = entering
        assert collision_divergence(kernel, other) >= now - 1e-12


@pytest.mark.parametrize(("n", "count"), [(60, 10), (300, 150), (300, 3)])
def test_the_choice_is_below_the_best_of_a_hundred_random_subsets(n, count):
    kernel = CollisionKernel(points(n, 5), 1.5)
    chosen = select_covering(kernel, count, draws=draws())
    assert len(np.unique(chosen)) == count
    best = min(collision_divergence(kernel, draws(s).choice(n, count, replace=False)) for s in range(100))
    assert collision_divergence(kernel, chosen) < best


def test_both_clusters_get_their_share():
    x = np.concatenate(
        [np.random.default_rng(0).normal(size=(60, 2)), np.random.default_rng(1).normal(size=(30, 2)) + 50]
    )
    chosen = select_covering(CollisionKernel(x, 1.0), 9, draws=draws())
    assert (chosen >= 60).sum() == 3


def test_a_class_in_pools_is_covered_nearly_as_well_as_one_in_one_piece(monkeypatch):
    from gramian.sampling import _selection

    x = points(900, 3)
    kernel = CollisionKernel(x, 1.0)
    whole = collision_divergence(kernel, select_covering(kernel, 40, draws=draws()))
    monkeypatch.setattr(_selection, "_POOL", 128)
    chosen = select_covering(kernel, 40, draws=draws())
    assert len(np.unique(chosen)) == 40
    random = np.mean([collision_divergence(kernel, draws(s).choice(900, 40, replace=False)) for s in range(20)])
    assert collision_divergence(kernel, chosen) < min(3 * whole, random / 5)


def test_pools_keep_the_sums_they_carry(monkeypatch):
    """What is updated from step to step equals what is computed afresh."""
    from gramian.sampling import _selection

    kernel = CollisionKernel(points(300, 2), 1.0)
    monkeypatch.setattr(_selection, "_POOL", 64)
    choice = _selection._Choice(
        np.arange(0, 300, 10), float(kernel.between(slice(0, 300, 10), slice(0, 300, 10)).sum())
    )
    pool = _selection._Pool.of(kernel, np.arange(5, 60), choice)
    pool.grow(4)
    pool.exchange()
    chosen = pool.choice.points
    assert len(np.unique(chosen)) == 34
    assert pool.within == pytest.approx(kernel.between(chosen, chosen).sum(), rel=1e-10)
    assert pool.cross == pytest.approx(kernel.closeness[chosen].sum(), rel=1e-10)
    assert pool.support == pytest.approx(kernel.between(pool.members, chosen).sum(1), rel=1e-10)


def test_means_projected_on_landmarks_are_those_over_all_pairs():
    x = points(2000, 4)
    full = CollisionKernel(x, 1.5)
    some = CollisionKernel(x, 1.5, draws().choice(2000, 400, replace=False))
    mean_of_some = full.sums(slice(None), some.landmarks) / 400
    error, plain = (np.abs(found - full.closeness).mean() for found in (some.closeness, mean_of_some))
    assert error < plain / 50  # far better than letting the landmarks stand for the class
    assert some.purity == pytest.approx(full.purity, rel=1e-3)


def test_large_classes_are_in_float32_and_projected(monkeypatch):
    from gramian.sampling import _points

    monkeypatch.setattr(_points, "_ALL_PAIRS", 500)
    kernel = collision_kernel(points(5000, 3), 1.0, draws=draws())
    assert kernel.landmarks is not None
    assert kernel.between(slice(0, 2), slice(0, 2)).dtype == np.float32
    exact = CollisionKernel(points(5000, 3), 1.0)
    assert np.abs(kernel.closeness - exact.closeness).max() < 0.01 * exact.closeness.std()


def test_rules_read_the_class():
    x = np.array([[0.0], [1.0], [3.0]])
    assert class_bandwidth(x, "median", 1.0, draws=draws()) == 2
    assert class_bandwidth(x, "mean", 0.5, draws=draws()) == 1
    assert class_bandwidth(x, "dimension", 2.0, draws=draws()) == pytest.approx(2**0.5)
    assert class_bandwidth(x, 0.7, 2.0, draws=draws()) == pytest.approx(1.4)


def test_rules_read_pairs_of_different_points_where_most_coincide():
    x = np.concatenate([np.zeros((50, 2)), [[3.0, 4.0]]])
    assert class_bandwidth(x, "median", 1.0, draws=draws()) == 5
    assert class_bandwidth(np.zeros((9, 2)), "median", 3.0, draws=draws()) == 3


@pytest.mark.parametrize(
    ("bandwidth", "error", "match"),
    [
        ("silverman", ValueError, "bandwidth: expected one of median, mean, dimension, or a number; got 'silverman'"),
        (0.0, ValueError, "bandwidth: expected a positive, finite length"),
        (None, TypeError, "bandwidth: expected a number or one of"),
    ],
)
def test_bad_bandwidths(bandwidth, error, match):
    with pytest.raises(error, match=match):
        class_bandwidth(np.eye(3), bandwidth, 1.0, draws=draws())


def test_a_scale_goes_there_and_back_and_leaves_constant_columns():
    x = np.random.default_rng(0).normal(size=(30, 3)) * [1e-8, 1, 1e200]
    x[:, 1] = 0.1
    scale = Scale.of(x, standardize=True)
    scaled = scale.apply(x)
    assert scaled.std(0) == pytest.approx([1, 0, 1], abs=1e-9)
    assert scale.restore(scaled) == pytest.approx(x, rel=1e-9)
