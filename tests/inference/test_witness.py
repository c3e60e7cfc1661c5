"""The witness: planted differences are found, in points and in coordinates, and its numbers are what they say."""

import numpy as np
import pytest
import torch

from gramian.inference import two_sample_test, witness
from tests.inference._reference import divergence, gaussian_gram, shifted


@pytest.mark.parametrize("kernel", ["gaussian", "laplacian"])
@pytest.mark.parametrize("sizes", [(30, 30), (12, 40)])
def test_mean_scores_give_back_the_divergence(kernel, sizes):
    x, y = shifted(*sizes, shift=0.7)
    found = witness(x, y, kernel=kernel, bandwidth=1.2, seed=0)
    tested = two_sample_test(x, y, kernel=kernel, bandwidth=1.2, permutations=1)
    assert found.divergence == pytest.approx(tested.divergence, abs=1e-9)
    assert found.scores[0].mean() - found.scores[1].mean() == pytest.approx(1 - np.exp(-tested.divergence), abs=1e-9)


def test_a_score_is_the_gain_from_moving_mass():
    """Against a finite difference of the reference divergence in the weight of a place."""
    x, y = shifted(7, 9, shift=0.5)
    points = np.concatenate([x, y, [[0.3, -0.2], [1.0, 0.4]]])
    gram = gaussian_gram(points, 1.1)
    labels = np.array([0] * 7 + [1] * 9)

    def with_mass(place, in_x, in_y):
        # place stands in both samples, with these masses beside the samples' own
        order = [*range(16), place, place]
        weights = np.concatenate([np.full(7, (1 - in_x) / 7), np.full(9, (1 - in_y) / 9), [in_x, in_y]])
        return divergence(gram[order][:, order], np.append(labels, [0, 1]), 2.0, weights=weights)

    step = 1e-5
    slopes = [
        (with_mass(place, step, 0.0) - with_mass(place, 0.0, step)) / step for place in (16, 17)
    ]  # mass at the place in x rather than y
    scores = witness(x, np.concatenate([y]), bandwidth=1.1).scores
    assert len(scores[0]) == 7
    squared = gram**2
    means = squared[:, :7].mean(1) - squared[:, 7:16].mean(1)
    within = squared[:7, :7].mean() + squared[7:16, 7:16].mean()
    values = means / (2 * within)
    assert np.concatenate(scores) == pytest.approx(values[:16], abs=1e-12)
    assert slopes[0] - slopes[1] == pytest.approx(4 * (values[16] - values[17]), abs=1e-3)


def test_planted_points_have_the_highest_scores():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(120, 3)), rng.normal(size=(120, 3))
    x[:12] = [2.5, -2.0, 1.5] + 0.2 * rng.normal(size=(12, 3))
    found = witness(x, y, bandwidth=0.7, seed=0)
    assert set(np.argsort(-found.scores[0])[:12]) == set(range(12))
    back = witness(y, x, bandwidth=0.7, seed=0)
    assert back.scores[1] == pytest.approx(-found.scores[0])


@pytest.mark.parametrize("planted", ["mean", "spread"])
def test_the_planted_coordinate_has_the_largest_share(planted):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(150, 8)), rng.normal(size=(150, 8))
    y[:, 5] = y[:, 5] + 1.0 if planted == "mean" else 2.5 * y[:, 5]
    found = witness(x, y, seed=0)
    assert found.shares.argmax() == 5
    assert found.shares[5] > 0.7
    assert found.shares.sum() == pytest.approx(1.0)
    assert (found.shares >= 0).all()


def test_a_changed_correlation_shows_in_both_of_its_coordinates():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(300, 6)), rng.normal(size=(300, 6))
    y[:, 4] = 0.9 * y[:, 1] + np.sqrt(1 - 0.81) * y[:, 4]
    found = witness(x, y, bandwidth=1.5, seed=0)
    assert set(np.argsort(-found.shares)[:2]) == {1, 4}


def test_constant_columns_carry_nothing():
    x, y = shifted(40, 40, shift=1.0)
    x, y = (np.column_stack([sample, np.full(40, 7.0)]) for sample in (x, y))
    assert witness(x, y, seed=0).shares[2] == 0.0


def test_many_points_are_represented_by_some(monkeypatch):
    from gramian.inference import _witness

    x, y = shifted(400, 300, shift=0.8)
    whole = witness(x, y, bandwidth=1.0, seed=0)
    monkeypatch.setattr(_witness, "_REFERENCES", 200)
    part = witness(x, y, bandwidth=1.0, seed=0)
    assert np.corrcoef(np.concatenate(whole.scores), np.concatenate(part.scores))[0, 1] > 0.95
    assert part.shares.argmax() == whole.shares.argmax() == 0


def test_weights_count_as_repeated_points():
    x, y = shifted(8, 9, shift=0.8)
    weights = np.ones(8)
    weights[2] = 2.0
    twice = witness(np.concatenate([x, x[2:3]]), y, bandwidth=1.0)
    weighted = witness(x, y, bandwidth=1.0, weights=(weights, None))
    assert weighted.divergence == pytest.approx(twice.divergence, abs=1e-12)
    assert weighted.scores[0] == pytest.approx(twice.scores[0][:8], abs=1e-12)


def test_the_bandwidth_is_that_at_which_the_samples_stand_out():
    rng = np.random.default_rng(3)
    centres = 20.0 * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    x, y = (centres[rng.integers(4, size=200)] + scale * rng.normal(size=(200, 2)) for scale in (1.0, 3.0))
    found = witness(x, y, seed=0)
    assert found.bandwidth < 10  # the median distance, 40, sees the four centres only


def test_seeded_torch_and_frozen():
    x, y = shifted(20, 22, shift=0.5)
    before = torch.random.get_rng_state()
    first, second = witness(x, y, seed=4), witness(torch.from_numpy(x), torch.from_numpy(y), seed=4)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert isinstance(second.shares, torch.Tensor)
    assert second.scores[0].numpy() == pytest.approx(first.scores[0])
    assert second.shares.numpy() == pytest.approx(first.shares)
    with pytest.raises(AttributeError):
        first.shares = None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel": "linear"}, "kernel: expected one of gaussian, laplacian; got 'linear'"),
        ({"kernel": "precomputed"}, "kernel: expected one of gaussian, laplacian"),
        ({"bandwidth": [1.0, 2.0]}, "bandwidth: expected one number or rule; got 2 numbers"),
        ({"bandwidth": -1.0}, "bandwidth: expected positive, finite lengths"),
    ],
)
def test_bad_arguments(arguments, message):
    x, y = shifted(5, 5)
    with pytest.raises(ValueError, match=message):
        witness(x, y, **arguments)
