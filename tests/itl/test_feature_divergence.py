"""The divergence from second moments of features against that of their Gram."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gramian as gm
from gramian.itl import feature_divergence, fourier_map, nystrom_map
from tests.itl._reference import ORDERS, normal, orders, renyi, seeds

# More rows than columns in all groups, in some and in none; fewer rows than columns; as many.
SIZES = [((9, 8), 4), ((9, 2, 8), 4), ((3, 3, 3, 3), 4), ((2, 3), 9), ((3, 3), 6), ((30, 1), 4)]


def groups(sizes, seed=0):
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))]


@pytest.mark.parametrize("alpha", ORDERS)
@pytest.mark.parametrize(("sizes", "width"), SIZES)
@pytest.mark.parametrize("balanced", [False, True])
def test_it_is_the_divergence_of_the_gram_of_the_features(alpha, sizes, width, balanced):
    labels = groups(sizes)
    phi = normal(len(labels), width)  # of unequal norms
    value = feature_divergence(phi, labels, alpha=alpha, balanced=balanced).item()
    expected = gm.jensen_renyi_divergence(phi @ phi.mT, labels, alpha=alpha, balanced=balanced).item()
    assert value == pytest.approx(expected, abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(seeds, orders, st.booleans(), st.integers(1, 7), st.lists(st.integers(0, 3), min_size=3, max_size=30))
def test_it_is_the_divergence_of_the_gram_whatever_the_groups(seed, alpha, balanced, width, labels):
    labels = torch.tensor(labels)
    phi = normal(len(labels), width, seed=seed)
    if balanced and len(labels.unique()) < 2:
        return
    value = feature_divergence(phi, labels, alpha=alpha, balanced=balanced).item()
    expected = gm.jensen_renyi_divergence(phi @ phi.mT, labels, alpha=alpha, balanced=balanced).item()
    assert value == pytest.approx(expected, abs=1e-9 if alpha >= 1 else 1e-6)


@pytest.mark.parametrize("alpha", ORDERS)
def test_features_without_a_common_direction_reach_the_entropy_of_the_labels(alpha):
    phi = np.repeat(np.eye(3), [3, 1, 6], axis=0)
    labels = np.repeat([5, -1, 7], [3, 1, 6])
    assert float(feature_divergence(phi, labels, alpha=alpha)) == pytest.approx(
        renyi([0.3, 0.1, 0.6], alpha), abs=1e-12
    )
    balanced = feature_divergence(phi, labels, alpha=alpha, balanced=True)
    assert float(balanced) == pytest.approx(math.log(3), abs=1e-12)


@pytest.mark.parametrize("alpha", ORDERS)
def test_identical_groups_have_divergence_zero(alpha):
    phi, labels = normal(8, 3).repeat(2, 1), torch.tensor([0] * 8 + [1] * 8)
    for balanced in (False, True):
        value = feature_divergence(phi, labels, alpha=alpha, balanced=balanced)
        assert value.item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("alpha", ORDERS)
def test_a_single_group_has_divergence_zero_but_cannot_be_balanced(alpha):
    for shape in ((9, 3), (3, 9)):
        phi, labels = normal(*shape), torch.zeros(shape[0], dtype=torch.long)
        assert feature_divergence(phi, labels, alpha=alpha).item() == 0.0
        with pytest.raises(ValueError, match=r"labels: expected at least two groups for balanced=True; got a single"):
            feature_divergence(phi, labels, alpha=alpha, balanced=True)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 2.0])
def test_weights_are_roots_on_the_rows(alpha):
    # A weight of two is the sample twice: three samples, the second of them doubled
    phi, labels = normal(6, 4), torch.tensor([0, 0, 0, 1, 1, 1])
    weight = torch.tensor([1.0, 2.0, 1.0, 1.0, 1.0, 3.0], dtype=torch.float64)
    times = weight.long()
    repeated = feature_divergence(
        phi.repeat_interleave(times, 0), labels.repeat_interleave(times), alpha=alpha, balanced=True
    )
    weighted = feature_divergence(phi * weight.sqrt()[:, None], labels, alpha=alpha, balanced=True)
    assert weighted.item() == pytest.approx(repeated.item(), abs=1e-12)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 2.0, 5.0])
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize(("sizes", "width"), [((5, 4), 3), ((5, 1, 4), 3), ((2, 3), 7)])
def test_gradients(alpha, balanced, sizes, width):
    labels = groups(sizes)
    phi = normal(len(labels), width).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: feature_divergence(z, labels, alpha=alpha, balanced=balanced), phi)


@pytest.mark.parametrize("alpha", [1.01, 1.5, 2.0, 5.0])
@pytest.mark.parametrize("balanced", [False, True])
def test_gradients_where_eigenvalues_repeat(alpha, balanced):
    # The pooled moment is 3 times the identity, and so is a third of it in every group.
    phi = torch.eye(3, dtype=torch.float64).repeat(4, 1).requires_grad_()
    labels = torch.tensor([0] * 6 + [1] * 6)
    labels[3:9] = torch.tensor([1, 0, 0, 0, 1, 1])
    assert torch.autograd.gradcheck(lambda z: feature_divergence(z, labels, alpha=alpha, balanced=balanced), phi)


@pytest.mark.parametrize("alpha", [1.0, 1.01, 2.0])
@pytest.mark.parametrize("kernel", ["gaussian", "laplacian"])
def test_gradients_reach_points_and_bandwidth_through_fourier_features(alpha, kernel):
    labels = torch.tensor([0, 1, 0, 1, 1, 0])

    def divergence(x, sigma):
        phi = fourier_map(2, bandwidth=sigma, features=4, kernel=kernel, seed=0).map(x)
        return feature_divergence(phi, labels, alpha=alpha)

    sigma = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(divergence, (normal(6, 2).requires_grad_(), sigma))


def test_with_all_points_as_landmarks_it_is_the_exact_divergence():
    x, labels = normal(40, 2), groups((25, 15))
    phi = nystrom_map(x, bandwidth=0.7).map(x)
    exact = gm.jensen_renyi_divergence(gm.gaussian_kernel(x, bandwidth=0.7), labels)
    assert feature_divergence(phi, labels).item() == pytest.approx(exact.item(), abs=1e-9)


@pytest.mark.parametrize("alpha", [1.0, 1.01, 2.0])
def test_features_approach_the_exact_divergence(alpha):
    x, labels = normal(300, 2), groups((150, 150))
    x[labels == 1] += 1.0
    exact = gm.jensen_renyi_divergence(gm.gaussian_kernel(x, bandwidth=1.0), labels, alpha=alpha).item()
    fourier = fourier_map(2, bandwidth=1.0, features=2048, seed=0).map(x)
    assert feature_divergence(fourier, labels, alpha=alpha).item() == pytest.approx(exact, rel=0.05)
    landmarks = nystrom_map(x[:100], bandwidth=1.0).map(x)
    assert feature_divergence(landmarks, labels, alpha=alpha).item() == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("alpha", [1.01, 2.0])
@pytest.mark.parametrize("width", [3, 9])
def test_labels_may_be_shared_by_the_batch_or_not(alpha, width):
    phi = normal(2, 2, 6, width)
    shared = torch.tensor([0, 0, 1, 1, 1, 2])
    values = feature_divergence(phi, shared, alpha=alpha)
    assert values.shape == (2, 2)
    own = shared.repeat(2, 2, 1)
    own[1, 0] = torch.tensor([0, 1, 0, 1, 0, 1])
    each = feature_divergence(phi, own, alpha=alpha)
    assert each[0, 1].item() == pytest.approx(values[0, 1].item(), abs=1e-12)
    single = feature_divergence(phi[1, 0], own[1, 0], alpha=alpha)
    assert each[1, 0].item() == pytest.approx(single.item(), abs=1e-12)


def test_float32_features_lose_nothing_to_the_products():
    phi, labels = normal(5000, 8, dtype=torch.float32) + 1, groups((2500, 2500))
    for alpha in (1.0, 1.01, 2.0):
        value = feature_divergence(phi, labels, alpha=alpha)
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(feature_divergence(phi.double(), labels, alpha=alpha).item(), rel=1e-5)


def test_repeating_every_sample_changes_nothing_and_needs_no_gram():
    # 120,000 rows, whose Gram would take 115 GB
    phi, labels = normal(12, 4), groups((5, 7))
    for alpha in (1.0, 1.01, 2.0):
        many = feature_divergence(phi.repeat(10_000, 1), labels.repeat(10_000), alpha=alpha)
        assert many.item() == pytest.approx(feature_divergence(phi, labels, alpha=alpha).item(), abs=1e-9)


def test_pieces_change_nothing(monkeypatch):
    phi, labels = normal(50, 3, dtype=torch.float32), groups((30, 20))
    whole = feature_divergence(phi, labels)
    monkeypatch.setattr("gramian.itl._feature_divergence._CHUNK", 20)
    assert feature_divergence(phi, labels).item() == pytest.approx(whole.item(), rel=1e-6)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
@pytest.mark.parametrize("alpha", [1.0, 2.0])
@pytest.mark.parametrize("shape", [(9, 3), (9, 20)])
def test_the_scale_of_the_features_does_not_matter(scale, alpha, shape):
    phi, labels = normal(*shape), groups((4, 5))
    for balanced in (False, True):
        expected = feature_divergence(phi, labels, alpha=alpha, balanced=balanced).item()
        value = feature_divergence(phi * scale, labels, alpha=alpha, balanced=balanced).item()
        assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("features", "labels", "error", "message"),
    [
        (np.ones(3), np.array([0, 1, 1]), ValueError, r"features: expected vectors \(\.\.\., n, m\); got shape \(3,\)"),
        (np.zeros((3, 2)), np.array([0, 1, 1]), ValueError, "features: expected a positive trace; got zero vectors"),
        (np.ones((0, 2)), np.array([0]), ValueError, "features: expected at least one element"),
        (np.full((3, 2), np.nan), np.array([0, 1, 1]), ValueError, "features: expected finite values"),
        (np.ones((3, 2), dtype=int), np.array([0, 1, 1]), TypeError, "features: expected a floating dtype"),
        (np.ones((3, 2)), np.array([0, 1]), ValueError, r"labels: expected one label a sample, shape \(3,\)"),
        (np.ones((3, 2)), np.array([0.0, 1.0, 1.0]), TypeError, "labels: expected integers"),
        (np.ones((3, 2)), torch.tensor([0, 1, 1]), TypeError, "labels: expected a NumPy array like features"),
    ],
)
def test_features_and_labels_are_checked(features, labels, error, message):
    with pytest.raises(error, match=message):
        feature_divergence(features, labels)


@pytest.mark.parametrize("width", [1, 4])
def test_a_group_of_zero_vectors_cannot_be_balanced(width):
    phi = np.ones((3, width))
    phi[2] = 0
    with pytest.raises(ValueError, match="features: expected a positive trace in every group"):
        feature_divergence(phi, np.array([0, 0, 1]), balanced=True)


def test_orders_are_checked():
    with pytest.raises(ValueError, match="alpha: expected an order"):
        feature_divergence(np.eye(3), np.array([0, 1, 1]), alpha=-1)
