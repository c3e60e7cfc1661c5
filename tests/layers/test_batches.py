"""Batches cover every prompt once, stay within the budget, and depend on the lengths alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gramian.layers._batches import plan_batches

LENGTHS = st.lists(st.integers(1, 300), max_size=60)


@given(LENGTHS, st.integers(1, 900), st.integers(1, 9))
def test_every_prompt_is_in_one_batch_and_padded_sizes_stay_within_the_budget(lengths, budget, most) -> None:
    batches = plan_batches(lengths, token_budget=budget, max_batch=most)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert 1 <= len(batch) <= most
        padded = max(lengths[index] for index in batch) * len(batch)
        assert padded <= budget or len(batch) == 1


@given(LENGTHS, st.integers(1, 900))
def test_lengths_never_rise_from_batch_to_batch(lengths, budget) -> None:
    batches = plan_batches(lengths, token_budget=budget)
    order = [lengths[index] for batch in batches for index in batch]
    assert order == sorted(lengths, reverse=True)


@given(LENGTHS, st.integers(1, 900))
def test_no_two_neighbouring_batches_could_have_been_one(lengths, budget) -> None:
    batches = plan_batches(lengths, token_budget=budget, max_batch=1000)
    for batch, following in pairwise(batches):
        assert lengths[batch[0]] * (len(batch) + 1) > budget, (batch, following)


def test_an_over_long_prompt_is_alone() -> None:
    assert plan_batches([5, 100, 5], token_budget=10) == [[1], [0, 2]]


def test_equal_lengths_keep_their_order() -> None:
    assert plan_batches([4, 4, 4, 4], token_budget=8) == [[0, 1], [2, 3]]


def test_no_prompts_are_no_batches() -> None:
    assert plan_batches([], token_budget=8) == []


def test_numpy_lengths_are_lengths() -> None:
    assert plan_batches(np.array([1, 2]), token_budget=8) == [[1, 0]]


@pytest.mark.parametrize(
    ("lengths", "options", "error", "match"),
    [
        ([3, 0], {"token_budget": 8}, ValueError, r"lengths\[1\]: expected at least 1; got 0"),
        ([3, 2.5], {"token_budget": 8}, TypeError, r"lengths\[1\]: expected a whole number; got float"),
        ([3], {"token_budget": 0}, ValueError, "token_budget: expected at least 1; got 0"),
        ([3], {"token_budget": 8, "max_batch": 0}, ValueError, "max_batch: expected at least 1; got 0"),
        ([3], {"token_budget": 1e4}, TypeError, "token_budget: expected a whole number; got float"),
    ],
)
def test_bad_plans_are_refused(lengths, options, error, match) -> None:
    with pytest.raises(error, match=match):
        plan_batches(lengths, **options)
