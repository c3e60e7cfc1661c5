"""Retrieval across views, and the figures that show codes."""

import numpy as np
import pytest

from gramian.multiview import aligned_codes, retrieval_ranks


def turned(codes, rng):
    return codes @ np.linalg.qr(rng.normal(size=(codes.shape[1],) * 2))[0] + rng.normal(size=codes.shape[1])


def test_a_rotation_a_reflection_and_a_shift_are_taken_out():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(50, 4))
    other = turned(codes * [1, 1, 1, -1], rng)
    np.testing.assert_allclose(*aligned_codes(codes, other), atol=1e-12)
    assert (retrieval_ranks(codes[:20], other[:20], fitted_on=(codes[20:], other[20:])) == 0).all()


def test_ranks_are_those_of_distances_one_by_one():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 30, 3))
    one, other = aligned_codes(first, second)
    distances = np.linalg.norm(one[:, None] - other[None], axis=-1)
    expected = [(row < row[place]).sum() for place, row in enumerate(distances)]
    assert retrieval_ranks(first, second).tolist() == expected


def test_collapsed_codes_find_nothing():
    assert (retrieval_ranks(np.ones((9, 2)), np.ones((9, 2))) == 8).all()


def test_codes_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"second: expected codes \(n, d\) of both views, in one shape"):
        retrieval_ranks(np.ones((9, 2)), np.ones((8, 2)))
    with pytest.raises(ValueError, match="fitted_on: expected codes"):
        retrieval_ranks(np.ones((9, 2)), np.ones((9, 2)), fitted_on=(np.ones((9, 3)), np.ones((9, 3))))


def test_the_map_lays_views_that_agree_on_each_other():
    pytest.importorskip("plotly")
    from gramian.multiview import latent_map

    rng = np.random.default_rng(2)
    codes = rng.normal(size=(40, 3)) * [5, 2, 1]
    figure = latent_map([codes, turned(codes, rng)], labels=["a", "b"] * 20)
    first, second = figure.data
    np.testing.assert_allclose(first.x, second.x, atol=1e-9)
    assert np.var(first.x) > np.var(first.y)
    assert list(first.marker.color) == [0, 1] * 20
    assert len(latent_map([codes[:, :1]]).data) == 1
    with pytest.raises(ValueError, match="labels: expected 40, one a sample; got 3"):
        latent_map([codes], labels="abc")


def test_the_retrieval_curve_ends_at_one_and_starts_at_the_hits():
    pytest.importorskip("plotly")
    from gramian.multiview import retrieval_curve, training_curves

    found, chance = retrieval_curve([0, 0, 3, 1]).data
    assert list(found.y) == [0.5, 0.75, 0.75, 1.0]
    assert list(chance.y) == [0.25, 0.5, 0.75, 1.0]
    (line,) = training_curves({"dime": [0.1, 0.4]}).data
    assert (line.name, list(line.x), list(line.y)) == ("dime", [1, 2], [0.1, 0.4])
