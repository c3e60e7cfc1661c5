"""Shared and exclusive codes: what the views do not share is kept apart, and exchanged at will."""

import numpy as np
import pytest
import torch

pytest.importorskip("sklearn", reason="needs scikit-learn")

from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression

import gramian as gm
from gramian.multiview import DiMEEncoder
from tests.multiview._digits import mixed_pairs, noisy_pairs


@pytest.fixture(scope="module")
def apart():
    """One shared number and one of its own in each view, mixed by a rotation."""
    rng = np.random.default_rng(0)
    shared, *own = rng.normal(size=(3, 256))
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    views = [np.stack([shared, mine], 1) @ turn for mine in own]
    told = {"encoders": "linear", "latent": 1, "exclusive": 1, "alpha": 2, "batch_size": 64, "device": "cpu"}
    encoder = DiMEEncoder(**told, epochs=30, lr=0.04).fit(views)
    return encoder, views, shared, own


def explained(code, number):
    return LinearRegression().fit(code, number).score(code, number)


def test_each_code_alone_has_its_own_number_and_not_the_other(apart):
    encoder, views, shared, own = apart
    for place in range(2):
        common, alone = encoder.transform(views)[place], encoder.transform_exclusive(views)[place]
        assert explained(common, shared) > 0.9
        assert explained(common, own[place]) < 0.1
        assert explained(alone, own[place]) > 0.8
        assert explained(alone, shared) < 0.2


def test_without_the_term_of_independence_an_exclusive_code_repeats_the_shared_number(apart):
    encoder, views, shared, _ = apart
    without = clone(encoder).set_params(independence=0.0).fit(views)
    assert max(explained(code, shared) for code in without.transform_exclusive(views)) > 0.3
    assert "repeated" not in without.history_


def test_samples_come_back_from_their_codes(apart):
    encoder, views, _, _ = apart
    for made, view in zip(encoder.reconstruct(views), views, strict=True):
        assert made.shape == view.shape
        assert np.mean((made - view) ** 2) < 0.15 * np.mean((view - view.mean(0)) ** 2)


def test_a_swap_takes_over_what_is_exclusive_and_keeps_what_is_shared(apart):
    encoder, views, _, _ = apart
    order = np.random.default_rng(1).permutation(256)
    exclusive = encoder.transform_exclusive(views)
    swapped = encoder.reconstruct(views, exclusive=[codes[order] for codes in exclusive])
    for before, after in zip(encoder.transform(views), encoder.transform(swapped), strict=True):
        assert np.corrcoef(before[:, 0], after[:, 0])[0, 1] > 0.9
    for codes, after in zip(exclusive, encoder.transform_exclusive(swapped), strict=True):
        assert np.corrcoef(codes[order, 0], after[:, 0])[0, 1] > 0.9


def test_own_codes_put_in_place_change_nothing(apart):
    encoder, views, _, _ = apart
    told = {"shared": encoder.transform(views), "exclusive": encoder.transform_exclusive(views)}
    for made, same in zip(encoder.reconstruct(views), encoder.reconstruct(views, **told), strict=True):
        np.testing.assert_allclose(made, same, atol=1e-5)


@pytest.mark.parametrize(
    ("reconstruction", "separation", "independence"), [(1.0, 0.1, 1.0), (0.5, 0.0, 0.0), (2.0, 3.0, 0.7)]
)
def test_the_loss_is_the_sum_of_its_weighted_terms(reconstruction, separation, independence):
    views, _ = mixed_pairs(64)
    told = {"reconstruction": reconstruction, "separation": separation, "independence": independence}
    encoder = DiMEEncoder(latent=2, exclusive=2, alpha=2, epochs=2, batch_size=32, device="cpu", **told).fit(views)
    terms = encoder.history_
    expected = -terms["dime"] + reconstruction * terms["reconstruction"] - separation * terms["exclusive_entropy"]
    expected = expected + independence * terms.get("repeated", 0.0)
    np.testing.assert_allclose(terms["loss"], expected, atol=1e-5)


def test_terms_are_those_of_the_codes():
    views, _ = mixed_pairs(64)
    told = {"alpha": 2, "device": "cpu", "standardize": False}
    encoder = DiMEEncoder(latent=2, exclusive=1, epochs=1, batch_size=64, **told).fit(views)
    with torch.no_grad():
        terms = encoder.network_([torch.from_numpy(view) for view in views])
    error = np.mean([(made - view) ** 2 for made, view in zip(encoder.reconstruct(views), views, strict=True)])
    added, repeated = [], []
    for shared, alone in zip(encoder.transform(views), encoder.transform_exclusive(views), strict=True):
        grams = [gm.gaussian_kernel(code.astype(np.float64), bandwidth="dimension") for code in (alone, shared)]
        added.append(gm.itl.joint_entropy(*grams, alpha=2) - gm.matrix_entropy(grams[1], alpha=2))
        # One coordinate is whitened by its deviation.
        spread = gm.gaussian_kernel(alone.astype(np.float64) / alone.std() / (1 + 1e-4) ** 0.5, bandwidth=0.5**0.5)
        repeated.append(max(gm.dime(spread, grams[1], alpha=2, permutations=5, seed=0), 0.0))
    assert float(terms["reconstruction"]) == pytest.approx(error, rel=1e-4)
    assert float(terms["exclusive_entropy"]) == pytest.approx(np.mean(added), abs=1e-5)
    assert min(repeated) > 0.005
    assert float(terms["repeated"]) == pytest.approx(np.mean(repeated), abs=1e-5)


@pytest.mark.parametrize(
    "weights", [{"separation": 1.0, "independence": 0.0}, {"separation": 0.0, "independence": 1.0}]
)
def test_what_is_asked_of_exclusive_codes_leaves_the_shared_ones_alone(weights):
    """The rows of a linear encoder that make shared codes have the gradient of DiME, and of nothing else."""
    views, _ = mixed_pairs(64)
    slopes = []
    for told in ({"separation": 0.0, "independence": 0.0}, weights):
        settings = {
            "encoders": "linear",
            "latent": 1,
            "exclusive": 2,
            "alpha": 2,
            "reconstruction": 0.0,
            "device": "cpu",
        }
        network = DiMEEncoder(epochs=1, batch_size=64, **settings, **told).fit(views).network_
        network.load_state_dict({name: value.sign() for name, value in network.state_dict().items()})
        network([torch.from_numpy(view) for view in views])["loss"].backward()
        slopes.append(torch.stack([encoder[-1].weight.grad for encoder in network.encoders]))
    plain, found = slopes
    assert torch.equal(plain[:, :1], found[:, :1])
    assert not plain[:, 1:].any()
    assert found[:, 1:].abs().max() > 1e-3


def test_reversed_codes_are_codes(apart):
    encoder, views, _, _ = apart
    exclusive = encoder.transform_exclusive(views)
    made = encoder.reconstruct(views, exclusive=[codes[::-1] for codes in exclusive])
    same = encoder.reconstruct(views, exclusive=[codes[::-1].copy() for codes in exclusive])
    np.testing.assert_array_equal(made[0], same[0])


def test_images_come_back_as_images():
    views, _ = noisy_pairs(64)
    told = {"alpha": 2, "epochs": 1, "batch_size": 32, "device": "cpu"}
    encoder = DiMEEncoder(encoders="conv", latent=2, exclusive=3, **told).fit(views)
    assert [made.shape for made in encoder.reconstruct(views)] == [(64, 1, 8, 8)] * 2
    assert encoder.transform_exclusive([None, views[1]])[1].shape == (64, 3)


def test_without_exclusive_codes_there_is_nothing_to_decode():
    views, _ = mixed_pairs(64)
    encoder = DiMEEncoder(latent=2, alpha=2, epochs=1, device="cpu").fit(views)
    for call in (encoder.transform_exclusive, encoder.reconstruct):
        with pytest.raises(ValueError, match="exclusive: expected at least 1 in fit; got 0"):
            call(views)


def test_codes_of_other_shapes_are_refused(apart):
    encoder, views, _, _ = apart
    codes = encoder.transform(views)
    with pytest.raises(ValueError, match=r"shared: expected 2 arrays of codes, one a view; got 1"):
        encoder.reconstruct(views, shared=codes[:1])
    with pytest.raises(ValueError, match=r"shared\[1\]: expected codes of shape \(256, 1\); got \(5, 1\)"):
        encoder.reconstruct(views, shared=[codes[0], codes[1][:5]])


def test_classes_are_read_from_shared_codes_and_own_groups_from_exclusive_ones_alone():
    """Four classes that the views share, four groups that each has alone; linear readers on held-out samples."""
    rng = np.random.default_rng(0)
    number, kinds = 600, 4
    drawn = rng.integers(kinds, size=(3, number))
    views = []
    for group in drawn[1:]:
        corners = np.hstack([np.eye(kinds)[drawn[0]], np.eye(kinds)[group]])
        views.append((3 * corners + 0.2 * rng.normal(size=corners.shape)) @ np.linalg.qr(rng.normal(size=(8, 8)))[0])
    train, test = [view[:400] for view in views], [view[400:] for view in views]
    told = {"encoders": "linear", "latent": 3, "exclusive": 3, "alpha": 1.01, "permutations": 1, "device": "cpu"}
    encoder = DiMEEncoder(**told, batch_size=100, epochs=15, lr=0.05).fit(train)
    codes = zip(
        *(call(part) for part in (train, test) for call in (encoder.transform, encoder.transform_exclusive)),
        strict=True,
    )
    for group, (shared, alone, shared_test, alone_test) in zip(drawn[1:], codes, strict=True):
        common = drawn[0]
        for fitted, judged, has, lacks in ((shared, shared_test, common, group), (alone, alone_test, group, common)):
            for known, least, most in ((has, 0.9, 1.0), (lacks, 0.0, 0.4)):
                reader = LogisticRegression(max_iter=500).fit(fitted, known[:400])
                assert least <= reader.score(judged, known[400:]) <= most
