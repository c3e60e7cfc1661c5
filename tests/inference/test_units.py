"""Blocks of points permuted together: the same divergences as of the points they hold, and as exact a level."""

import math

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.inference import _sample_tests, _units
from gramian.inference._features import feature_divergences
from gramian.inference._form import Form
from gramian.inference._labellings import labellings
from gramian.inference._pooled import pooled_samples
from gramian.inference._scales import Scale
from gramian.inference._units import block_size, units_of
from gramian.itl import fourier_map
from tests.inference._reference import divergence, shifted


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("sizes", [(12, 12), (13, 20), (7, 11, 9)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("balanced", [True, False])
def test_labellings_of_blocks_are_labellings_of_their_points(alpha, sizes, weighted, balanced):
    samples = shifted(*sizes, shift=0.5)
    rng = np.random.default_rng(1)
    weights = [rng.uniform(0.5, 2.0, size=size) for size in sizes] if weighted else None
    pooled = pooled_samples([str(i) for i in range(len(sizes))], samples, weights)
    units = units_of(sizes, 3, torch.Generator().manual_seed(2))
    table, _ = labellings(units.sizes, 6, torch.Generator().manual_seed(3))
    form = Form(alpha, balanced, np.finfo(float).eps)
    found, _ = feature_divergences(pooled, [Scale("gaussian", 1.2)], table, units, form, 8, 5)
    points = np.concatenate(samples)
    length = 1.2 / math.sqrt(2) if alpha == 2 else 1.2
    phi = fourier_map(2, bandwidth=length, features=8, seed=5).map(points - points.mean(0))
    for row, value in zip(table, found[0], strict=True):
        labels = np.repeat(np.arange(len(sizes)), sizes)
        for places, label in zip(units.places, row, strict=True):
            labels[places.numpy()] = int(label)
        gram = phi @ phi.T
        own = pooled.weights.numpy()
        # At order 2 the features are those of the squared kernel already.
        naive = _ratio(gram, labels, own, balanced) if alpha == 2 else None
        expected = divergence(gram, labels, alpha, weights=own, balanced=balanced) if naive is None else naive
        assert float(value) == pytest.approx(expected, abs=1e-6)


def _ratio(squared, labels, weights, balanced):
    groups = np.unique(labels)
    mass = np.array([weights[labels == group].sum() for group in groups])
    own = weights / (mass[np.searchsorted(groups, labels)] if balanced else 1.0)
    forms = squared * np.outer(own, own)
    within = sum(forms[np.ix_(labels == group, labels == group)].sum() for group in groups)
    shares = np.full(len(groups), 1 / len(groups)) if balanced else mass / mass.sum()
    return -math.log((shares**2).sum()) + math.log(within / forms.sum())


def test_units_hold_every_point_of_their_group_once():
    units = units_of((10, 7), 3, torch.Generator().manual_seed(0))
    assert units.sizes == (3, 2)
    assert units.block == 3
    first = torch.cat([units.places[:3].flatten(), units.rest[0]]).sort().values
    second = torch.cat([units.places[3:].flatten(), units.rest[1]]).sort().values
    assert first.tolist() == list(range(10))
    assert second.tolist() == list(range(10, 17))


def test_blocks_leave_the_smallest_sample_enough_to_move():
    assert block_size((5_000, 5_001), 4_096) == 2
    assert block_size((4_000, 4_000), 4_096) == 1
    assert block_size((100_000, 100_000), 4_096) == 48
    assert block_size((300, 100_000), 4_096) == 2
    assert block_size((30, 100_000), 4_096) == 1


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_many_points_are_permuted_in_blocks(monkeypatch, alpha):
    monkeypatch.setattr(_sample_tests, "_COLLISION_UNITS", 50)
    monkeypatch.setattr(_sample_tests, "_SPECTRAL_UNITS", 50)
    monkeypatch.setattr(_units, "_FEWEST", 10)
    x, y = shifted(101, 100, shift=2.0)
    result = gm.two_sample_test(x, y, alpha=alpha, bandwidth=1.5, features=16, permutations=99, seed=0)
    assert result.block == 4
    assert result.pvalue == 1 / 100
    points = gm.two_sample_test(x, y, alpha=alpha, bandwidth=1.5, permutations=9, seed=0)
    assert points.block == 1


def test_p_values_from_blocks_are_uniform_where_nothing_differs(monkeypatch):
    monkeypatch.setattr(_sample_tests, "_COLLISION_UNITS", 12)
    monkeypatch.setattr(_units, "_FEWEST", 4)
    rng = np.random.default_rng(0)
    found = [
        gm.two_sample_test(*rng.normal(size=(2, 40, 2)), bandwidth=1.0, features=16, permutations=19, seed=i)
        for i in range(200)
    ]
    assert {result.block for result in found} == {6}
    ranks = np.array([result.pvalue * 20 for result in found])
    assert abs(np.mean(ranks <= 5 + 1e-9) - 0.25) < 3.3 * math.sqrt(0.25 * 0.75 / 200)
    assert abs(np.mean(ranks <= 15 + 1e-9) - 0.75) < 3.3 * math.sqrt(0.25 * 0.75 / 200)
