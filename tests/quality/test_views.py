"""View measures: LiDAR in both spaces, forms of InfoNCE, and DiME."""

import math
from itertools import permutations

import numpy as np
import pytest
import torch

from gramian.quality import ViewScatter, augmentation_dime, get, infonce, infonce_bound, lidar, lidar_entropy

from ._references import infonce_one_way, nt_xent
from ._references import lidar_entropy as reference_lidar

pytestmark = pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")


def views(shape, seed=0):
    rng = np.random.default_rng(seed)
    count, _, d = shape
    return rng.normal(size=(count, 1, d)) + 0.5 * rng.normal(size=shape) + 2


@pytest.mark.parametrize("shape", [(5, 3, 40), (5, 3, 15), (20, 4, 6), (4, 2, 8)])
@pytest.mark.parametrize("delta", [1e-4, 1.0])
def test_the_smaller_space_gives_the_same_lidar(shape, delta):
    """Fewer views in all than dimensions: the computation moves to their span."""
    x = views(shape)
    assert float(lidar_entropy(x, delta=delta)) == pytest.approx(reference_lidar(x, delta), rel=1e-8)
    statistic = ViewScatter()
    statistic.update(x[:2])
    statistic.update(x[2:])
    assert get("lidar_entropy").finish(statistic, delta=delta) == pytest.approx(reference_lidar(x, delta), rel=1e-8)


def test_lidar_in_the_smaller_space_has_exact_gradients():
    x = torch.tensor(views((4, 2, 12)), requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: lidar_entropy(v, delta=0.1), (x,), atol=1e-6)


@pytest.mark.parametrize("delta", [0.0, -1.0, math.nan, math.inf])
def test_delta_must_be_positive(delta):
    for function in (lidar, lidar_entropy):
        with pytest.raises(ValueError, match="delta: expected a finite number above 0"):
            function(views((5, 3, 4)), delta=delta)


def test_lidar_needs_two_views():
    with pytest.raises(ValueError, match="expected at least 2 views a prompt; got 1"):
        lidar(views((5, 1, 4)))
    statistic = ViewScatter()
    statistic.update(views((5, 1, 4)))
    with pytest.raises(ValueError, match="expected at least 2 views a prompt; got 1"):
        get("lidar").finish(statistic)


def test_deltas_do_not_share_a_cached_spectrum():
    x, statistic = views((20, 4, 6)), ViewScatter()
    statistic.update(x)
    for delta in (1e-4, 10.0, 1e-4):
        assert get("lidar").finish(statistic, delta=delta) == pytest.approx(float(lidar(x, delta=delta)), rel=1e-9)


@pytest.mark.parametrize("temperature", [0.05, 0.5, 2.0])
def test_every_form_of_infonce_agrees_with_its_definition(temperature):
    x = views((9, 2, 4))
    a, b = x[:, 0], x[:, 1]
    found = {
        form: float(infonce(a, b, temperature=temperature, form=form)) for form in ("one_way", "symmetric", "nt_xent")
    }
    there, back = infonce_one_way(a, b, temperature), infonce_one_way(b, a, temperature)
    assert found["one_way"] == pytest.approx(there, rel=1e-10)
    assert found["symmetric"] == pytest.approx((there + back) / 2, rel=1e-10)
    assert found["nt_xent"] == pytest.approx(nt_xent(a, b, temperature), rel=1e-10)
    assert there != pytest.approx(back, rel=1e-5), "the example tells the forms apart"


@pytest.mark.parametrize("temperature", [0.0, -0.1, math.nan])
def test_temperature_must_be_positive(temperature):
    x = views((9, 2, 4))
    with pytest.raises(ValueError, match="temperature: expected a finite number above 0"):
        infonce(x[:, 0], x[:, 1], temperature=temperature)
    with pytest.raises(TypeError, match="temperature: expected a number above 0; got str"):
        infonce(x[:, 0], x[:, 1], temperature="0.1")


def test_unknown_forms_are_refused_and_nt_xent_bounds_nothing():
    x = views((9, 2, 4))
    with pytest.raises(ValueError, match="form: expected one of 'symmetric', 'one_way', 'nt_xent'; got 'simclr'"):
        infonce(x[:, 0], x[:, 1], form="simclr")
    with pytest.raises(ValueError, match="form: expected one of 'symmetric', 'one_way'; got 'nt_xent'"):
        infonce_bound(x[:, 0], x[:, 1], form="nt_xent")


def test_infonce_bounds_the_information_of_correlated_gaussians():
    """Two unit vectors in the plane whose angles differ by uniform noise of width w share log(2 pi / w) nats."""
    rng = np.random.default_rng(0)
    width = 0.8
    angle = rng.uniform(0, 2 * math.pi, 1500)
    other = angle + rng.uniform(-width / 2, width / 2, 1500)
    a, b = (np.stack([np.cos(t), np.sin(t)], 1) for t in (angle, other))
    bound = float(infonce_bound(a, b, temperature=0.05))
    assert 0.5 * math.log(2 * math.pi / width) < bound <= math.log(2 * math.pi / width)


def clusters():
    return np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0], [0.0, 0.5]])


def test_dime_of_two_clusters_is_worked_by_hand():
    """A permutation keeps the two pairs together in 8 of 24 cases (entropy log 2); else all four points part (log 4)."""
    x = clusters()
    kept = sum(
        {frozenset(p[:2]), frozenset(p[2:])} == {frozenset((0, 1)), frozenset((2, 3))} for p in permutations(range(4))
    )
    assert kept == 8
    value = float(augmentation_dime(x, x, permutations=900, alpha=1.0))
    assert value == pytest.approx(2 / 3 * math.log(2), abs=0.05)
    share = value / math.log(2) * 900
    assert share == pytest.approx(round(share), abs=1e-6), "each permutation adds 0 or log 2"


def test_dime_is_reproducible_and_its_seed_matters():
    x = views((12, 2, 4))
    a, b = x[:, 0], x[:, 1]
    first = float(augmentation_dime(a, b))
    assert first == float(augmentation_dime(a, b, seed=0))
    assert first != float(augmentation_dime(a, b, seed=1))
    with pytest.raises(ValueError, match="permutations: expected"):
        augmentation_dime(a, b, permutations=0)
