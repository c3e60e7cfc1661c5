"""Exchanges under the divergence of any order."""

import itertools

import numpy as np
import pytest

pytest.importorskip("imblearn", reason="needs imbalanced-learn: the extra `sampling`")

from gramian.sampling._class_features import ClassFeatures
from gramian.sampling._refinement import _operator, _weights, refine
from tests.sampling._classes import divergence


def class_of(n, *, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 2))


def features(x):
    return ClassFeatures(x, 0.7, count=64, draws=np.random.RandomState(0))


@pytest.mark.parametrize("alpha", [0.5, 1.01, 5.0])
def test_weights_say_how_the_divergence_grows_with_each_point(alpha):
    of = features(class_of(8))
    operator = (1 - 0.3) * _operator(of.of_class[:3]) + 0.3 * of.class_operator
    weights = _weights(of, _operator(of.of_class[:3]), alpha, 0.3)
    for point in (2, 6):
        one = of.of_class[point]
        step = 1e-5 * (one[:, None] * one[None, :] - of.class_operator)  # keeps the trace one
        slope = (of.divergence(operator + step, alpha) - of.divergence(operator - step, alpha)) / 2e-5
        assert slope.item() == pytest.approx((weights[point] - weights.mean()).item(), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("alpha", [1.01, 5.0])
@pytest.mark.parametrize("seed", range(3))
def test_from_a_bad_start_exchanges_come_near_the_best_of_all_subsets(alpha, seed):
    x = class_of(12, seed=seed)
    order = np.argsort(np.square(x).sum(1))
    found = refine(features(x), order[-4:], alpha)
    assert len(np.unique(found)) == 4
    best = min(divergence(x, x[list(some)], 0.7, alpha) for some in itertools.combinations(range(12), 4))
    assert divergence(x, x[found], 0.7, alpha) <= 1.6 * best


def test_points_leave_where_there_are_too_many_and_enter_where_they_lack(monkeypatch):
    """With one try on each side, the first exchange must already be the right one."""
    from gramian.sampling import _refinement

    monkeypatch.setattr(_refinement, "_TRIED", 1)
    x = np.concatenate([0.3 * class_of(20), 0.3 * class_of(20, seed=1) + 50])
    found = refine(features(x), np.array([0, 1, 2, 20]), 5.0)
    assert (found >= 20).sum() == 2
