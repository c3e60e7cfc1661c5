"""The first token's share: merged exactly, and told in one sentence when it is most of a text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gramian.downstream import SinkShare
from gramian.downstream._vectors.sink_shares import sink_sentence

SHARES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=8)


def of(means, n=9):
    return {(layer, "residual"): SinkShare(n, mean, 0.1) for layer, mean in means.items()}


@given(SHARES, SHARES)
def test_merging_two_sets_is_one_set(left, right):
    left, right = np.float32(left), np.float32(right)
    merged, whole = SinkShare.of(left).merge(SinkShare.of(right)), SinkShare.of(np.concatenate([left, right]))
    assert merged.n == whole.n
    assert merged.mean == pytest.approx(whole.mean, abs=1e-12)
    assert merged.squares == pytest.approx(whole.squares, abs=1e-12)
    assert whole.stderr == pytest.approx(np.std(np.concatenate([left, right]), ddof=1) / whole.n**0.5, abs=1e-6)


def test_texts_of_one_token_and_empty_sets_do_not_count():
    some = SinkShare.of(np.float32([0.25, np.nan, 0.75]))
    assert (some.n, some.mean) == (2, 0.5)
    nothing = SinkShare.of(np.float32([np.nan]))
    assert nothing.n == 0
    assert np.isnan(nothing.mean)
    assert nothing.merge(some) == some.merge(nothing) == some
    assert np.isnan(SinkShare.of(np.float32([0.5])).stderr)


def test_the_interval_stays_within_what_a_share_can_be():
    assert SinkShare(4, 0.99, 0.5).interval[1] == 1.0
    assert SinkShare(4, 0.01, 0.5).interval[0] == 0.0


def test_nothing_is_said_where_no_layer_is_mostly_its_first_token():
    assert sink_sentence(of({0: 0.1, 1: 0.5, 2: 0.49})) is None
    assert sink_sentence({(2, "final_norm"): SinkShare(5, 0.9, 0.0), **of({0: 0.2})}) is None
    assert sink_sentence(of({0: float("nan")}, n=0)) is None


@pytest.mark.parametrize(
    ("means", "layers"),
    [
        ({0: 0.1, 1: 0.6, 2: 0.1}, "layer 1 of 2"),
        ({0: 0.1, 1: 0.6, 2: 0.7, 3: 0.1, 4: 0.9}, "layers 1 to 2 and 4 of 4"),
        ({0: 0.6, 1: 0.1, 2: 0.7, 3: 0.1, 4: 0.9, 5: 0.9}, "layers 0, 2 and 4 to 5 of 5"),
        ({0: 0.1, 4: 0.6, 8: 0.7}, "layers 4 to 8 of 8"),
    ],
)
def test_the_sentence_names_layers_the_worst_of_them_and_the_remedy(means, layers):
    sentence = sink_sentence(of(means))
    worst = max(means, key=means.get)
    assert f"In {layers} the first token" in sentence
    assert f"up to {means[worst]:.1%}, layer {worst}" in sentence
    assert "--pooling mean_no_first" in sentence
    assert "--normalize final_norm" in sentence
