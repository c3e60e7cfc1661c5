"""Distance correlation against loops written from the definition, and what it leaves unchanged."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gramian.downstream import distance_correlation


def by_loops(x, y, *, corrected=False):
    """The definition, one sum at a time."""
    n = len(x)

    def centred(v):
        d = [[math.dist(np.atleast_1d(a), np.atleast_1d(b)) for b in v] for a in v]
        total = sum(map(sum, d))
        out = [[0.0] * n for _ in range(n)]
        for i in range(n):
            for j in range(n):
                row, column = sum(d[i]), sum(d[k][j] for k in range(n))
                if not corrected:
                    out[i][j] = d[i][j] - row / n - column / n + total / n**2
                elif i != j:
                    out[i][j] = d[i][j] - row / (n - 2) - column / (n - 2) + total / ((n - 1) * (n - 2))
        return out

    def inner(a, b):
        return sum(a[i][j] * b[i][j] for i in range(n) for j in range(n))

    a, b = centred(x), centred(y)
    square = inner(a, b) / math.sqrt(inner(a, a) * inner(b, b))
    return square if corrected else math.sqrt(max(square, 0.0))


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("shape", [(5,), (9, 1), (8, 3)])
def test_equals_the_sums_of_the_definition(shape, corrected):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=shape), rng.normal(size=shape) ** 2
    expected = by_loops(x, y, corrected=corrected)
    assert distance_correlation(x, y, bias_corrected=corrected) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("slope", [2.0, -0.1])
def test_a_line_has_distance_correlation_one_whichever_way_it_goes(slope):
    x = np.array([0.0, 1.0, 4.0, 9.0, 2.5])
    assert distance_correlation(x, slope * x + 3) == pytest.approx(1, abs=1e-12)


def test_a_parabola_is_seen_where_spearman_is_zero():
    x = np.linspace(-1, 1, 41)
    assert distance_correlation(x, x**2) > 0.45


def test_a_square_worked_by_hand():
    """x = (0, 0, 1, 1), y = (0, 1, 0, 1): every combination once, so nothing is shared."""
    assert distance_correlation([0, 0, 1, 1], [0, 1, 0, 1]) == pytest.approx(0, abs=1e-12)


def test_unrelated_samples_are_far_above_zero_and_their_corrected_square_around_it():
    rng = np.random.default_rng(0)
    draws = [rng.normal(size=(2, 20)) for _ in range(400)]
    plain = [distance_correlation(x, y) for x, y in draws]
    corrected = [distance_correlation(x, y, bias_corrected=True) for x, y in draws]
    assert min(plain) > 0.1
    assert np.mean(plain) > 0.3
    assert abs(np.mean(corrected)) < 4 * np.std(corrected) / math.sqrt(len(draws))
    assert min(corrected) < 0


numbers = st.lists(st.floats(-50, 50).map(lambda v: round(v, 3)), min_size=6, max_size=6, unique=True)


@settings(max_examples=40, deadline=None)
@given(numbers, numbers, st.floats(0.01, 1e6), st.floats(-1e3, 1e3))
def test_scale_shift_and_exchange_change_nothing(x, y, scale, shift):
    x, y = np.array(x), np.array(y)
    value = distance_correlation(x, y)
    assert 0 <= value <= 1
    assert distance_correlation(y, scale * x + shift) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("magnitude", [1e-200, 1e200])
def test_magnitude_neither_overflows_nor_vanishes(magnitude):
    x, y = np.array([0.0, 1.0, 3.0, 2.0]), np.array([1.0, 0.0, 4.0, 4.0])
    assert distance_correlation(x * magnitude, y) == pytest.approx(distance_correlation(x, y), rel=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([1, 1, 1], [1, 2, 3], {}, "x: expected samples that differ; got a constant"),
        ([1, 2, 3], [4, 4, 4], {}, "y: expected samples that differ"),
        ([1, 2, 3], [1, 2], {}, "y: expected 3 samples"),
        ([1], [1], {}, "x: expected at least 2 samples; got 1"),
        ([1, 2, 3], [1, 2, 4], {"bias_corrected": True}, "at least 4 samples; got 3"),
        ([1, float("nan"), 2], [1, 2, 3], {}, "x: expected finite numbers"),
        ([1, 2, 3], [1, float("inf"), 2], {}, "y: expected finite numbers"),
        (np.ones((2, 2, 2)), [1, 2], {}, r"got shape \(2, 2, 2\)"),
        ([], [], {}, "x: expected"),
        (np.eye(4), np.arange(4), {"bias_corrected": True}, "expected distances that differ"),
    ],
)
def test_undefined_input_is_refused(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        distance_correlation(x, y, **options)
