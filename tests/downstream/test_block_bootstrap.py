"""Resamples of layers in blocks, and the intervals made from them."""

import math

import numpy as np
import pytest
from scipy.stats import rankdata

from gramian.downstream._agreement.block_bootstrap import (
    LEAST_LAYERS,
    block_length,
    block_resamples,
    expanded_tail,
    percentile_interval,
)


def test_every_resample_is_made_of_runs_of_neighbours():
    places = block_resamples(23, resamples=50, block=4, seed=1)
    assert places.shape == (50, 23)
    assert places.min() >= 0
    assert places.max() <= 22
    within = (np.arange(22) + 1) % 4 != 0
    assert (np.diff(places, axis=1)[:, within] == 1).all()


def test_every_block_is_drawn_alike():
    """20 starts, 5 blocks a resample: each start is expected 5000 times in 20000 resamples."""
    places = block_resamples(23, resamples=20_000, block=4, seed=2)
    counts = np.bincount(places[:, ::4][:, :5].ravel(), minlength=20)
    assert len(counts) == 20
    assert abs(counts - 5000).max() < 5 * math.sqrt(5000)


def test_the_same_seed_draws_the_same_and_another_another():
    first, again = (block_resamples(15, resamples=9, block=3, seed=7) for _ in range(2))
    assert (first == again).all()
    assert (first != block_resamples(15, resamples=9, block=3, seed=8)).any()


def test_the_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()
    block_resamples(15, resamples=9, block=3, seed=7)
    assert (np.random.get_state()[1] == before).all()


def test_there_are_four_blocks_from_the_least_number_of_layers_on():
    assert [block_length(n) for n in (1, 8, 13, 27, 64)] == [2, 4, 4, 5, 7]
    blocks = [math.ceil(n / block_length(n)) for n in range(LEAST_LAYERS, 200)]
    assert min(blocks) == 4
    assert math.ceil((LEAST_LAYERS - 1) / block_length(LEAST_LAYERS - 1)) == 3


def test_the_tail_of_two_pieces_follows_from_the_cauchy_quantile():
    """Student's t with one degree of freedom is Cauchy: its 2.5 % quantile is -tan(0.475 pi)."""
    quantile = -math.sqrt(2) * math.tan(0.475 * math.pi)
    assert expanded_tail(2) == pytest.approx(0.5 * math.erfc(-quantile / math.sqrt(2)), rel=1e-6)


def test_many_pieces_give_the_plain_percentiles():
    assert expanded_tail(100_000) == pytest.approx(0.025, rel=1e-3)
    assert expanded_tail(100_000, confidence=0.8) == pytest.approx(0.1, rel=1e-3)
    assert expanded_tail(5) < expanded_tail(9) < 0.025


def test_an_interval_of_known_resamples():
    values = np.linspace(0, 1, 10_001)
    tail = expanded_tail(9)
    assert percentile_interval(values, count=9) == pytest.approx([tail, 1 - tail], abs=1e-6)


def test_some_undefined_resamples_are_left_out_and_many_refuse_the_interval():
    values = np.linspace(0, 1, 1000)
    few, many = values.copy(), values.copy()
    few[:50], many[:51] = np.nan, np.nan
    tail = expanded_tail(9)
    low, high = percentile_interval(few, count=9)
    assert low == pytest.approx(values[50] + tail * (1 - values[50]), abs=1e-9)
    assert high < 1
    both = percentile_interval(np.stack([many, values]), count=9)
    assert np.isnan(both[0]).all()
    assert both[1] == pytest.approx(percentile_interval(values, count=9))


@pytest.mark.parametrize(("block", "resamples"), [(0, 5), (6, 5), (2, 0)])
def test_impossible_draws_are_refused(block, resamples):
    with pytest.raises(ValueError, match=r"block: expected 1 to 5|resamples: expected at least 1"):
        block_resamples(5, resamples=resamples, block=block, seed=0)


def autoregressive(rng, count, layers, strength):
    """Series of variance one whose neighbours correlate by ``strength``."""
    series = np.empty((count, layers))
    series[:, 0] = rng.standard_normal(count)
    for layer in range(1, layers):
        fresh = math.sqrt(1 - strength**2) * rng.standard_normal(count)
        series[:, layer] = strength * series[:, layer - 1] + fresh
    return series


def spearman(x, y):
    x, y = (rankdata(values, axis=-1) - (values.shape[-1] + 1) / 2 for values in (x, y))
    return (x * y).sum(-1) / np.sqrt((x * x).sum(-1) * (y * y).sum(-1))


def coverage(block, pieces, *, layers, strength, trials=150, resamples=400):
    """How often the interval of Spearman's coefficient of two unrelated series holds zero, which is true."""
    rng = np.random.default_rng(11)
    x, y = (autoregressive(rng, trials, layers, strength) for _ in range(2))
    places = block_resamples(layers, resamples=resamples, block=block, seed=5)
    ends = percentile_interval(spearman(x[:, places], y[:, places]), count=pieces)
    return float(((ends[:, 0] <= 0) & (ends[:, 1] >= 0)).mean())


def test_blocks_cover_nearly_as_often_as_they_say_where_independent_draws_do_not():
    """25 layers whose neighbours correlate by 0.9, a nominal 95 %."""
    layers = 25
    block = block_length(layers)
    in_blocks = coverage(block, math.ceil(layers / block), layers=layers, strength=0.9)
    one_by_one = coverage(1, layers, layers=layers, strength=0.9)
    assert in_blocks >= 0.9
    assert one_by_one <= 0.75
    assert abs(in_blocks - 0.95) < abs(one_by_one - 0.95)


def test_blocks_do_no_harm_to_layers_that_are_independent():
    layers = 25
    block = block_length(layers)
    assert coverage(block, math.ceil(layers / block), layers=layers, strength=0.0) >= 0.9
