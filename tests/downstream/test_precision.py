"""Half precision with a power of two a vector: no overflow, 11 bits where it matters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gramian.downstream._vectors.precision import from_half, to_half

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=FLOATS))
def test_every_finite_vector_comes_back_to_11_bits_of_its_largest_entry(vectors):
    half, powers = to_half(vectors)
    assert half.dtype == np.float16
    assert np.isfinite(half).all()
    peak = np.abs(vectors.astype(np.float64)).max(1, keepdims=True)
    # Below 2 ** -100 digits are lost, down to the smallest half at that scale.
    assert (np.abs(from_half(half, powers).astype(np.float64) - vectors) <= peak * 2.0**-11 + 2.0**-139).all()


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e5, 1e30])
def test_small_entries_beside_a_massive_one_keep_their_digits(scale):
    """A first token of norm 1e5 lies in a few features; the others carry what a task reads."""
    vector = np.random.default_rng(0).normal(size=(1, 576)).astype(np.float32) * np.float32(scale)
    vector[0, 7] *= 1e5
    found = from_half(*to_half(vector))
    np.testing.assert_allclose(found, vector, rtol=2.0**-11)


def test_a_zero_vector_stays_zero():
    assert not from_half(*to_half(np.zeros((2, 3), dtype=np.float32))).any()
