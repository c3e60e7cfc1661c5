"""`DiMEEncoder`: it finds what views share, by scikit-learn's conventions."""

import inspect
import pickle

import numpy as np
import pytest
import torch

pytest.importorskip("sklearn", reason="needs scikit-learn")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import gramian as gm
from gramian.multiview import DiMEEncoder, linear_encoder
from tests.multiview._digits import mixed_pairs, noisy_pairs

QUICK = {"alpha": 2, "epochs": 2, "batch_size": 64, "latent": 3, "device": "cpu"}


def quick(**more):
    return DiMEEncoder(**{**QUICK, **more})


def weights(encoder):
    return torch.cat([value.flatten().double() for value in encoder.network_.state_dict().values()])


def test_a_linear_encoder_finds_the_shared_direction():
    views, shared = mixed_pairs()
    encoder = quick(encoders="linear", latent=1, epochs=25, lr=0.03).fit(views)
    held, expected = mixed_pairs(seed=0)[0], shared
    for code in encoder.transform(held):
        assert abs(np.corrcoef(code[:, 0], expected)[0, 1]) > 0.97
    assert encoder.score(views) > encoder.history_["dime"][0] + 0.2


def test_codes_of_unseen_digits_are_better_than_those_of_first_weights():
    views, labels = noisy_pairs(400)
    train, test = [view[:300] for view in views], [view[300:] for view in views]
    encoder = quick(epochs=8, latent=5).fit(train)
    first = quick(epochs=1, latent=5, lr=1e-9).fit(train)
    assert encoder.score(test) > first.score(test) + 0.3

    def accuracy(found):
        probe = LogisticRegression(max_iter=1000).fit(found.transform(train)[0], labels[:300])
        return probe.score(found.transform(test)[0], labels[300:])

    assert accuracy(encoder) > accuracy(first) + 0.1


def test_score_is_dime_of_the_codes_in_batches():
    views, _ = mixed_pairs(150)
    encoder = quick(seed=5).fit(views)
    codes = [code.astype(np.float64) for code in encoder.transform(views)]
    values = []
    for rows in (slice(0, 64), slice(64, 128)):
        grams = [gm.gaussian_kernel(code[rows], bandwidth="dimension") for code in codes]
        values.append(float(gm.dime(*grams, alpha=2, permutations=5, seed=5)))
    assert encoder.score(views) == pytest.approx(np.mean(values), abs=1e-5)


def test_three_views_of_different_shapes():
    images, _ = noisy_pairs(80)
    views = [images[0], images[1].reshape(80, 64), np.repeat(images[0][:, None], 2, axis=1)]
    encoder = quick(encoders="mlp").fit(views)
    assert [code.shape for code in encoder.transform(views)] == [(80, 3)] * 3
    assert encoder.shapes_ == [(1, 8, 8), (64,), (2, 8, 8)]


def test_convolutions_learn_from_images():
    views, _ = noisy_pairs(128)
    encoder = quick(encoders="conv", epochs=4).fit(views)
    assert encoder.history_["dime"][-1] > encoder.history_["dime"][0] + 0.2


def test_a_view_that_is_not_at_hand_is_none():
    views, _ = mixed_pairs(100)
    encoder = quick().fit(views)
    both, one = encoder.transform(views), encoder.transform([None, views[1]])
    assert one[0] is None
    np.testing.assert_array_equal(one[1], both[1])


def test_one_seed_gives_one_encoder_and_leaves_global_states_alone():
    views, _ = mixed_pairs(100)
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    first, again, other = (quick(seed=seed).fit(views) for seed in (1, 1, 2))
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()


def test_of_several_starts_the_one_of_least_loss_is_kept():
    views, _ = noisy_pairs(200)
    found = [quick(n_init=count, seed=5).fit(views) for count in (1, 2, 4)]
    losses = found[-1].start_losses_
    assert len(set(losses)) == 4
    for count, encoder in zip((1, 2, 4), found, strict=True):
        np.testing.assert_array_equal(encoder.start_losses_, losses[:count])
        # The least of so many, over the three batches of the last of two epochs.
        assert encoder.history_["loss"][-3:].mean() == pytest.approx(losses[:count].min(), abs=1e-12)
    assert losses.argmin() != 0  # or the first start would do for all of this
    assert not torch.equal(weights(found[0]), weights(found[-1]))


def test_starts_are_numbers_and_want_encoders_that_can_be_drawn_again():
    views, _ = mixed_pairs(100)
    with pytest.raises(ValueError, match="n_init: expected an integer of at least 1; got 0"):
        quick(n_init=0).fit(views)
    own = [linear_encoder((view.shape[1],), 3) for view in views]
    with pytest.raises(ValueError, match=r"n_init: expected 1 with modules of your own.*; got 2"):
        quick(encoders=own, n_init=2).fit(views)


def test_clone_has_the_parameters_and_no_weights():
    views, _ = mixed_pairs(100)
    encoder = quick(latent=2, bandwidth="learned").fit(views)
    copy = clone(encoder)
    assert copy.get_params() == encoder.get_params()
    assert set(encoder.get_params()) == set(inspect.signature(DiMEEncoder).parameters)
    with pytest.raises(NotFittedError):
        copy.transform(views)
    assert torch.equal(weights(copy.fit(views)), weights(encoder))
    assert copy.set_params(latent=4).fit(views).transform(views)[0].shape == (100, 4)


def test_a_pickled_encoder_encodes_and_scores_the_same():
    views, _ = mixed_pairs(100)
    encoder = quick().fit(views)
    copy = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(copy.transform(views)[0], encoder.transform(views)[0])
    assert copy.score(views) == encoder.score(views) == encoder.score(views)


def test_own_modules_are_copied_and_start_from_their_weights():
    views, _ = mixed_pairs(100)
    modules = [linear_encoder((3,), 3) for _ in views]
    before = modules[0][1].weight.clone()
    encoder = quick(encoders=modules, lr=1e-3, standardize=False).fit(views)
    assert torch.equal(modules[0][1].weight, before)
    moved = (encoder.network_.encoders[0][1].weight - before).abs().max()
    assert 0 < moved < 0.05


def test_a_learned_bandwidth_is_learned():
    encoder = quick(bandwidth="learned", lr=0.01).fit(mixed_pairs(100)[0])
    assert encoder.network_.loss.log_factor.item() != 0


def test_scale_and_place_of_columns_do_not_matter_once_standardised():
    views, _ = mixed_pairs(100)
    moved = [view * np.array([1.0, 1024.0, 0.25]) + np.array([0.0, 64.0, 1.0]) for view in views]
    first, second = quick().fit(views), quick().fit(moved)
    np.testing.assert_allclose(second.transform(moved)[0], first.transform(views)[0], atol=1e-2)


_ROWS = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    ("views", "error", "message"),
    [
        (_ROWS, TypeError, "views: expected a list of arrays, one a view; got ndarray"),
        ([_ROWS], ValueError, "views: expected at least two views; got 1"),
        ([_ROWS, _ROWS[:5]], ValueError, r"views\[1\]: expected as many samples as the first view, 6; got 5"),
        ([_ROWS[:1], _ROWS[:1]], ValueError, r"views\[0\]: expected at least two samples; got 1"),
        ([_ROWS, np.ones((6, 2))], ValueError, r"views\[1\]: expected rows that differ; got all rows equal"),
        ([_ROWS, np.where(_ROWS > 3, np.nan, 1)], ValueError, r"views\[1\]: expected finite numbers"),
        ([_ROWS, 1e300 * _ROWS], ValueError, r"views\[1\]: expected finite numbers of float32's range"),
        ([_ROWS, _ROWS[:, 0]], ValueError, r"views\[1\]: expected samples \(n, d\), or images"),
        ([_ROWS, _ROWS[:, :0]], ValueError, r"views\[1\]: expected samples"),
        ([_ROWS, _ROWS.astype(str)], TypeError, r"views\[1\]: expected an array of numbers"),
    ],
)
def test_views_without_an_answer_are_refused(views, error, message):
    with pytest.raises(error, match=message):
        quick().fit(views)


@pytest.mark.parametrize(
    ("told", "error", "message"),
    [
        (
            {"encoders": "deep"},
            ValueError,
            "encoders: expected one of linear, mlp, conv, or a module a view; got 'deep'",
        ),
        ({"encoders": [1, 2]}, TypeError, "encoders: expected"),
        ({"encoders": [linear_encoder((2,), 3)]}, ValueError, "encoders: expected 2 modules, one a view; got 1"),
        (
            {"encoders": [linear_encoder((2,), 4)] * 2},
            ValueError,
            r"encoders\[0\]: expected codes of shape \(6, 3\), .* got \(6, 4\)",
        ),
        ({"encoders": "conv"}, ValueError, "shape: expected .*use mlp for others"),
        ({"latent": 0}, ValueError, "latent: expected an integer of at least 1; got 0"),
        ({"exclusive": -1}, ValueError, "exclusive: expected"),
        ({"alpha": -1}, ValueError, "alpha"),
        ({"bandwidth": "wide"}, ValueError, "bandwidth: expected"),
        ({"batch_size": 1}, ValueError, "batch_size: expected an integer of at least 2; got 1"),
        ({"epochs": 0}, ValueError, "epochs: expected"),
        ({"lr": 0}, ValueError, "lr: expected a positive number; got 0"),
        ({"lr": "fast"}, TypeError, "lr: expected a positive number; got str"),
        ({"separation": -0.1}, ValueError, "separation: expected a number from 0; got -0.1"),
        ({"independence": -1}, ValueError, "independence: expected a number from 0; got -1"),
        ({"independence": "much"}, TypeError, "independence: expected a number from 0; got str"),
        ({"seed": None}, TypeError, "seed: expected"),
        ({"seed": 2**40}, ValueError, "seed: expected"),
        ({"device": "abacus"}, ValueError, "device: expected auto, cpu, cuda"),
    ],
)
def test_settings_without_a_meaning_are_refused(told, error, message):
    with pytest.raises(error, match=message):
        quick(**told).fit([_ROWS, _ROWS])


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ([_ROWS], r"views: expected 2 views, as in fit; got 1"),
        ([_ROWS, _ROWS[:, :1]], r"views\[1\]: expected samples of shape \(2,\), as in fit; got \(1,\)"),
        ([None, None], "views: expected at least one view; got None"),
    ],
)
def test_other_views_than_in_fit_are_refused(views, message):
    encoder = quick(encoders="linear").fit([_ROWS, _ROWS])
    with pytest.raises(ValueError, match=message):
        encoder.transform(views)
    with pytest.raises(ValueError, match="views: expected all views; got None"):
        encoder.score([_ROWS, None])
