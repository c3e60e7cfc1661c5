"""Statistics: any split, merged, gives what one pass and what the plain function give; the state survives saving."""

import copy
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gramian import quality
from gramian.quality import LayerPair, Moments, PromptMean, Rows, ViewRows, ViewScatter, available, get

from ._references import CASES

MEASURES = available()
NAMES = [m.name for m in MEASURES]
every_measure = pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
pytestmark = pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")


def data(measure, seed=0):
    """Arguments of `update`, prompts first, and the value of the plain function."""
    rng = np.random.default_rng(seed)
    if measure.needs == "tokens":
        batch = np.stack([CASES[measure.name].sample(rng)[0] for _ in range(12)])
        return (batch,), float(measure.function(batch).mean())
    arrays = CASES[measure.name].sample(rng)
    value = float(measure.function(*arrays))
    return ((np.stack(arrays, 1),) if measure.needs == "view_pair" else arrays), value


def tolerance(measure):
    # The permutations of DiME are drawn for the prompts in the order of their keys.
    return {"abs": 0.1} if measure.name == "augmentation_dime" else {"rel": 1e-8, "abs": 1e-9}


@every_measure
def test_one_pass_gives_the_plain_function(measure):
    arrays, expected = data(measure)
    accumulator = measure.accumulator()
    accumulator.update(*arrays)
    assert accumulator.compute() == pytest.approx(expected, **tolerance(measure))
    assert accumulator.count == len(arrays[0])


@every_measure
@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 60), max_size=5), merged=st.booleans(), seed=st.integers(0, 99))
def test_any_split_gives_what_one_pass_gives(measure, cuts, merged, seed):
    arrays, _ = data(measure, seed)
    whole = measure.accumulator()
    whole.update(*arrays)
    total = measure.accumulator()
    for block in zip(*(np.split(a, sorted(min(c, len(a)) for c in cuts)) for a in arrays), strict=True):
        if len(block[0]) == 0:
            continue
        if merged:
            shard = measure.accumulator()
            shard.update(*block)
            total.merge(shard)
        else:
            total.update(*block)
    assert total.count == whole.count
    assert total.compute() == pytest.approx(whole.compute(), rel=1e-9, abs=1e-9)


@every_measure
def test_state_survives_saving(measure):
    arrays, _ = data(measure)
    half = len(arrays[0]) // 2
    begun = measure.accumulator().statistic
    begun.update(*(a[:half] for a in arrays))
    stored = io.BytesIO()
    np.savez(stored, **begun.state())
    stored.seek(0)
    with np.load(stored, allow_pickle=False) as state:
        restored = type(begun).from_state(state)
    rest = measure.accumulator().statistic
    rest.update(*(a[half:] for a in arrays))
    for statistic in (begun, restored):
        statistic.merge(rest)
    assert restored.count == begun.count
    assert measure.finish(restored) == measure.finish(begun)
    assert measure.minimum(restored) == measure.minimum(begun)


@every_measure
def test_an_empty_statistic_survives_saving_and_defines_nothing(measure):
    empty = type(measure.accumulator().statistic).from_state(measure.accumulator().statistic.state())
    assert empty.count == 0
    with pytest.raises(ValueError, match="expected at least"):
        measure.finish(empty)
    arrays, _ = data(measure)
    filled = measure.accumulator().statistic
    filled.update(*arrays)
    empty.merge(filled)
    assert measure.finish(empty) == measure.finish(filled)


@every_measure
def test_merging_leaves_the_other_as_it_was(measure):
    arrays, _ = data(measure)
    one, other = measure.accumulator(), measure.accumulator()
    other.update(*arrays)
    before = copy.deepcopy(other.statistic.state())
    for _ in range(2):
        one.merge(other)
    one.update(*arrays)
    for name, value in other.statistic.state().items():
        np.testing.assert_array_equal(value, before[name])


@every_measure
def test_what_is_derived_is_not_kept_beyond_an_update(measure):
    arrays, _ = data(measure)
    half = len(arrays[0]) // 2
    fresh, used = measure.accumulator(), measure.accumulator()
    fresh.update(*arrays)
    used.update(*(a[:half] for a in arrays))
    measure.finish(used.statistic)
    used.update(*(a[half:] for a in arrays))
    assert used.compute() == pytest.approx(fresh.compute(), rel=1e-9)


def test_accumulators_of_other_parameters_do_not_merge():
    entropy = get("dataset_entropy")
    with pytest.raises(ValueError, match="Merge like with like"):
        entropy.accumulator(alpha=2.0).merge(entropy.accumulator(alpha=1.0))


@every_measure
def test_defaults_written_out_are_the_same_parameters(measure):
    arrays, _ = data(measure)
    implicit, explicit = measure.accumulator(), measure.accumulator(**measure.parameters)
    implicit.update(*arrays)
    explicit.update(*arrays)
    implicit.merge(explicit)
    assert implicit.count == 2 * explicit.count


def test_parameters_reach_the_value():
    arrays, _ = data(get("dataset_entropy"))
    accumulator = get("dataset_entropy").accumulator(alpha=2.0, center=True, normalization="log_d")
    accumulator.update(*arrays)
    expected = quality.dataset_entropy(*arrays, alpha=2.0, center=True, normalization="log_d")
    assert accumulator.compute() == pytest.approx(float(expected), rel=1e-12)
    token_arrays, _ = data(get("prompt_entropy"))
    accumulator = get("prompt_entropy").accumulator(alpha=2.0, normalization="log_n")
    accumulator.update(*token_arrays)
    expected = quality.prompt_entropy(*token_arrays, alpha=2.0, normalization="log_n").mean()
    assert accumulator.compute() == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("count", [5, 8, 30])
def test_a_large_common_mean_costs_the_centred_spectrum_no_digits(count):
    x = np.random.default_rng(0).normal(size=(count, 8))
    moments = Moments()
    for row in x + 1e5:
        moments.update(row[None])
    far, near = moments.spectrum(center=True), quality.Moments()
    near.update(x)
    np.testing.assert_allclose(far, near.spectrum(center=True), atol=1e-9)


def test_moments_hold_no_more_than_the_larger_of_rows_and_scatter():
    moments = Moments()
    for _ in range(50):
        moments.update(np.random.default_rng(0).normal(size=(20, 16)))
    assert moments.folded
    assert sum(v.nbytes for v in moments.state().values()) < 8 * (16 * 16 + 3 * 16) + 100


def test_few_rows_are_kept_in_their_own_dtype():
    moments = Moments()
    moments.update(np.ones((3, 16), dtype=np.float32))
    assert moments.state()["rows"].dtype == np.float32


def test_views_give_way_to_their_scatter_once_they_are_as_many_as_dimensions():
    """Before, a d x d matrix would be the larger of the two, and LiDAR needs none: it lives in the span of the views."""
    scatter = ViewScatter()
    views = np.random.default_rng(0).normal(size=(9, 4, 32)).astype(np.float32)
    scatter.update(views[:7])
    assert not scatter.folded
    assert scatter.state()["rows"].dtype == np.float32
    assert sum(v.nbytes for v in scatter.state().values()) < 4 * 7 * 4 * 32 + 100
    kept = scatter.within
    scatter.update(views[7:])
    assert scatter.folded
    exact = views.astype(np.float64) - views.astype(np.float64).mean(1, keepdims=True)
    np.testing.assert_allclose(scatter.within, np.einsum("nqd,nqe->de", exact, exact) / 36, atol=1e-12)
    np.testing.assert_allclose(kept, np.einsum("nqd,nqe->de", exact[:7], exact[:7]) / 28, atol=1e-12)
    with pytest.raises(ValueError, match="rows: expected fewer than 32 views; got 9 prompts"):
        scatter.rows()


def test_equal_rows_raise_at_the_centred_spectrum_in_either_form():
    for count in (3, 40):
        moments = Moments()
        moments.update(np.full((count, 6), 0.1))
        with pytest.raises(ValueError, match="expected rows that differ"):
            moments.spectrum(center=True)
        assert float(moments.spectrum(center=False)[0]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("statistic", "first", "second"),
    [
        (Moments, (np.ones((2, 3)),), (np.ones((2, 4)),)),
        (Rows, (np.ones((2, 3)),), (np.ones((2, 4)),)),
        (ViewRows, (np.ones((2, 2, 3)),), (np.ones((2, 2, 4)),)),
        (ViewScatter, (np.ones((2, 2, 3)),), (np.ones((2, 2, 4)),)),
        (ViewScatter, (np.ones((2, 2, 3)),), (np.ones((2, 3, 3)),)),
        (LayerPair, (np.ones((2, 3)), np.ones((2, 3))), (np.ones((2, 3)), np.ones((2, 4)))),
    ],
)
def test_other_widths_do_not_merge(statistic, first, second):
    one, other = statistic(), statistic()
    one.update(*first)
    other.update(*second)
    with pytest.raises(ValueError, match="seen before"):
        one.merge(other)


def test_prompt_mean_takes_values_computed_elsewhere():
    mean = PromptMean()
    mean.update_values(np.array([1.0, 2.0]))
    mean.update_values(torch.tensor([6.0]))
    assert (mean.count, mean.mean, mean.variance) == (3, 3.0, 7.0)
    assert mean.stderr == pytest.approx((7 / 3) ** 0.5)
    with pytest.raises(ValueError, match="values: expected finite"):
        mean.update_values([np.nan])
    with pytest.raises(ValueError, match="function: expected the per-prompt measure"):
        mean.update(np.ones((3, 2)))


# Bounded samples ------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shards=st.integers(1, 5))
def test_the_smallest_keys_are_kept_in_any_order_of_merging(seed, shards):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 3))
    keys = rng.permutation(np.arange(40, dtype=np.uint64) * np.uint64(2**58 // 40 * 63))
    parts = []
    for index in np.array_split(rng.permutation(40), shards):
        part = Rows(7)
        part.update(x[index], keys[index])
        parts.append(part)
    total = Rows(7)
    for index in rng.permutation(shards):
        total.merge(parts[index])
    assert (total.kept, total.count) == (7, 40)
    np.testing.assert_array_equal(total.sample.numpy(), x[np.argsort(keys)[:7]])


def test_without_keys_the_content_decides():
    x = np.random.default_rng(0).normal(size=(30, 3))
    one, other = Rows(5), Rows(5)
    one.update(x)
    for row in x[::-1]:
        other.update(row[None])
    np.testing.assert_array_equal(one.sample, other.sample)


def test_content_keys_spread_evenly():
    from gramian.quality._keyed_rows import content_keys

    keys = content_keys(np.arange(4000.0).reshape(-1, 2))
    assert len(np.unique(keys)) == 2000
    counts = np.bincount((keys >> np.uint64(60)).astype(int), minlength=16)
    assert counts.min() > 80
    assert content_keys(np.array([[0.0, 1.0]])) == content_keys(np.array([[-0.0, 1.0]]))
    assert content_keys(np.array([[0.0, 1.0]])) != content_keys(np.array([[1.0, 0.0]]))


@pytest.mark.parametrize("keys", [np.arange(2), np.arange(3, dtype=np.uint64)])
def test_wrong_keys_are_refused(keys):
    with pytest.raises(ValueError, match="keys: expected 2 of dtype uint64"):
        Rows().update(np.ones((2, 3)), keys)


def test_samples_of_other_capacity_do_not_merge():
    with pytest.raises(ValueError, match="capacity: expected 3, that of this sample; got 4"):
        Rows(3).merge(Rows(4))
    with pytest.raises(ValueError, match="capacity: expected at least 2"):
        Rows(1)


def test_one_view_is_no_pair():
    views = ViewRows()
    views.update(np.ones((3, 1, 2)))
    with pytest.raises(ValueError, match="views: expected at least 2 a prompt; got 1"):
        _ = views.pair


def test_a_cosine_needs_layers_of_one_width_but_cka_does_not():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 4))
    for count in (3, 30):
        pair = LayerPair()
        pair.update(x[:count], y[:count])
        assert get("linear_cka").finish(pair) == pytest.approx(
            float(quality.linear_cka(x[:count], y[:count])), rel=1e-9
        )
        with pytest.raises(ValueError, match="expected the width of x, 3; got 4"):
            get("adjacent_cosine").finish(pair)


@pytest.mark.parametrize("name", ["anisotropy", "adjacent_cosine"])
def test_zero_vectors_are_remembered_by_the_statistic(name):
    x = np.random.default_rng(0).normal(size=(12, 3))
    x[4] = 0
    statistic = get(name).accumulator().statistic
    statistic.update(*([x] if name == "anisotropy" else [x, x]))
    with pytest.raises(ValueError, match="1 zero vector"):
        get(name).finish(statistic)
