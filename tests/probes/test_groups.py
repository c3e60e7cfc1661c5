"""Duplicated texts never lie on both sides of a split, inner splits included."""

import numpy as np
import pytest

from gramian.probes import knn_probe, linear_probe, ridge_probe
from gramian.probes._folds import group_splits, stratified_splits
from gramian.probes._inputs import Sample

from ._samples import classes, line


def duplicated_noise(copies=3, count=80, width=60):
    """Vectors that say nothing about their labels, each several times."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(count, width)), rng.permutation(np.arange(count) % 2)
    return np.tile(x, (copies, 1)), np.tile(y, copies), np.tile([f"text {i}" for i in range(count)], copies)


@pytest.mark.parametrize(("probe", "options"), [(knn_probe, {"neighbors": 1}), (linear_probe, {})])
def test_duplicates_leak_unless_grouped(probe, options):
    x, y, texts = duplicated_noise()
    assert probe(x, y, **options).score > 0.6, "without groups the example leaks, or it would show nothing"
    grouped = probe(x, y, groups=texts, **options)
    assert grouped.score == pytest.approx(0.5, abs=3 * grouped.stderr)


def test_the_penalty_is_chosen_without_duplicates_on_both_sides():
    """Duplicates in the inner split would favour the weakest penalty, which predicts far worse than the mean."""
    x, y, texts = duplicated_noise(copies=4, count=40, width=60)
    noise = np.tile(np.random.default_rng(1).normal(size=40), 4)
    weak = ridge_probe(x, noise, groups=texts, regularization=1e-3).score
    chosen = ridge_probe(x, noise, groups=texts, regularization=(1e-3, 1e6)).score
    assert weak < -0.5
    assert chosen == pytest.approx(0, abs=0.01)
    strong, picked = (linear_probe(x, y, groups=texts, regularization=grid) for grid in (1e-6, (1e-6, 1e3)))
    assert picked == strong


@pytest.mark.parametrize("splits", [stratified_splits, group_splits])
def test_folds_part_the_examples_and_keep_groups_whole(splits):
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 50, 200)
    sample = Sample(np.zeros((200, 1)), rng.integers(0, 3, 200), groups, grouped=True)
    seen = np.zeros(200, dtype=int)
    for fit, held_out in splits(sample, 4, seed=0):
        assert not set(groups[fit]) & set(groups[held_out])
        assert len(fit) + len(held_out) == 200
        seen[held_out] += 1
    assert (seen == 1).all()


def test_classes_are_in_proportion_in_every_fold():
    sample = Sample(np.zeros((100, 1)), np.repeat([0, 1], [80, 20]), np.arange(100), grouped=False)
    for _, held_out in stratified_splits(sample, 5, seed=3):
        assert sample.y[held_out].sum() == 4


def test_groups_of_one_change_nothing():
    x, y = classes(separation=0.6)
    assert linear_probe(x, y, groups=np.arange(len(y))) == linear_probe(x, y)
    x, y = line()
    assert ridge_probe(x, y, groups=[str(i) for i in range(len(y))]).score == pytest.approx(
        ridge_probe(x, y).score, abs=0.02
    )


def test_a_class_must_lie_in_as_many_groups_as_there_are_folds():
    x, y = classes(count=60, kinds=2)
    groups = np.arange(60)
    groups[y == 1] = np.arange((y == 1).sum()) % 3
    with pytest.raises(ValueError, match=r"at least 5 groups of every class, one a fold; got 3 in the rarest"):
        linear_probe(x, y, groups=groups)
    assert linear_probe(x, y, groups=groups, folds=3).n == 60


def test_a_test_set_may_share_no_group_with_training():
    x, y = classes(count=60)
    names = [f"text {i}" for i in range(60)]
    with pytest.raises(ValueError, match="test groups: expected groups that do not occur in training; got 'text 39'"):
        linear_probe(x[:40], y[:40], groups=names[:40], test=(x[39:], y[39:], names[39:]))
    assert linear_probe(x[:40], y[:40], groups=names[:40], test=(x[40:], y[40:], names[40:])).n == 20
