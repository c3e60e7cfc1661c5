"""Pooling weights against the definitions, with padding and with tokens before the text that are not measured."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gramian.downstream import POOLINGS
from gramian.downstream._vectors.pooling import pooling_weights
from tests.downstream._texts import pool


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6), st.integers(0, 3)), min_size=1, max_size=4),
    st.integers(0, 2**31),
)
def test_weights_pool_as_the_definitions_say(shapes, seed):
    """Rows of unmeasured, measured and padding tokens."""
    width = max(map(sum, shapes))
    mask = torch.zeros(len(shapes), width, dtype=torch.bool)
    for row, (before, measured, _) in enumerate(shapes):
        mask[row, before : before + measured] = True
    states = np.random.default_rng(seed).normal(size=(len(shapes), width, 3))
    found = pooling_weights(mask, POOLINGS).double().numpy() @ states
    for row in range(len(shapes)):
        for at, pooling in enumerate(POOLINGS):
            np.testing.assert_allclose(found[row, at], pool(states[row][mask[row].numpy()], pooling), atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_weights_sum_to_one_and_leave_padding_out(pooling):
    mask = torch.tensor([[False, True, True, True, False], [True, False, False, False, False]])
    weights = pooling_weights(mask, [pooling])[:, 0]
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    assert not weights[~mask].any()


def test_a_text_of_one_token_is_that_token_under_every_pooling():
    weights = pooling_weights(torch.tensor([[True, False]]), POOLINGS)
    assert weights[0].tolist() == [[1.0, 0.0]] * len(POOLINGS)
