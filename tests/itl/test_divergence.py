"""The divergence of groups: closed forms, bounds, and where it can be negative."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gramian as gm
from tests.itl._reference import ORDERS, entropy, normal, orders, renyi, seeds, unit_diagonal, wishart

labellings = st.lists(st.integers(0, 2), min_size=2, max_size=9).filter(lambda labels: len(set(labels)) > 1)


@pytest.mark.parametrize("alpha", ORDERS)
@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 1, 1, 1], [0, 1, 2, 0, 1, 2, 0], [3, -1, 3, 3, 8, 8, 7]])
def test_it_is_the_mutual_information_of_the_gram_and_the_labels(alpha, labels):
    gram, labels = wishart(7, 9).numpy(), np.array(labels)
    expected = gm.mutual_information(gram, gm.label_kernel(labels), alpha=alpha)
    assert float(gm.jensen_renyi_divergence(gram, labels, alpha=alpha)) == pytest.approx(float(expected), abs=1e-9)


def test_order_one_is_the_jensen_shannon_divergence_of_the_operators():
    x = normal(9, 2).numpy()
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1])
    gram = gm.gaussian_kernel(x, bandwidth=1.0)
    within = entropy(gram[:3, :3], 1) / 3 + 2 * entropy(gram[3:, 3:], 1) / 3
    value = gm.jensen_renyi_divergence(gram, labels, alpha=1)
    assert float(value) == pytest.approx(entropy(gram, 1) - within, abs=1e-12)


@pytest.mark.parametrize("alpha", ORDERS)
def test_identical_samples_have_divergence_zero(alpha):
    x = normal(5, 3).repeat(3, 1)
    labels = torch.arange(3).repeat_interleave(5)
    gram = gm.gaussian_kernel(x, bandwidth=1.0)
    for balanced in (False, True):
        value = gm.jensen_renyi_divergence(gram, labels, alpha=alpha, balanced=balanced)
        assert value.item() == pytest.approx(0.0, abs=1e-6 if alpha < 1 else 1e-9)


@pytest.mark.parametrize("alpha", ORDERS)
def test_groups_with_nothing_in_common_reach_the_entropy_of_the_labels(alpha):
    labels = np.array([0, 0, 0, 1, 2, 2])
    gram = gm.label_kernel(labels)  # each group is one repeated point
    value = gm.jensen_renyi_divergence(gram, labels, alpha=alpha)
    assert float(value) == pytest.approx(renyi([3 / 6, 1 / 6, 2 / 6], alpha), abs=1e-9)
    balanced = gm.jensen_renyi_divergence(gram, labels, alpha=alpha, balanced=True)
    assert float(balanced) == pytest.approx(math.log(3), abs=1e-9)


@pytest.mark.parametrize("alpha", ORDERS)
@pytest.mark.parametrize("balanced", [False, True])
def test_two_points_in_each_of_two_groups_by_hand(alpha, balanced):
    # A square across a square: 2 p apart within a group, all other pairs equally far. With similarity a within and b across,
    # K has eigenvalues 1 + a + 2b, 1 + a - 2b and twice 1 - a; each block has 1 + a and 1 - a.
    p, h, sigma = 0.7, 0.4, 1.1
    x = np.array([[p, 0, -h], [-p, 0, -h], [0, p, h], [0, -p, h]])
    a = math.exp(-4 * p**2 / (2 * sigma**2))
    b = math.exp(-(2 * p**2 + 4 * h**2) / (2 * sigma**2))
    pooled = np.array([1 + a + 2 * b, 1 + a - 2 * b, 1 - a, 1 - a]) / 4
    within = np.array([1 + a, 1 + a, 1 - a, 1 - a]) / 4
    expected = renyi(pooled, alpha) + math.log(2) - renyi(within, alpha)
    gram = gm.gaussian_kernel(x, bandwidth=sigma)
    value = gm.jensen_renyi_divergence(gram, np.array([0, 0, 1, 1]), alpha=alpha, balanced=balanced)
    assert float(value) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(seeds, labellings, orders)
def test_it_is_at_most_the_entropy_of_the_labels_and_symmetric(seed, labels, alpha):
    labels = torch.tensor(labels)
    gram = unit_diagonal(len(labels), 3, seed=seed)
    shares = torch.unique(labels, return_counts=True)[1].double() / len(labels)
    value = gm.jensen_renyi_divergence(gram, labels, alpha=alpha).item()
    assert value <= renyi(shares.numpy(), alpha) + 1e-9
    renamed = gm.jensen_renyi_divergence(gram, 2 - labels, alpha=alpha).item()
    assert value == pytest.approx(renamed, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(seeds, labellings, orders)
def test_balanced_it_is_non_negative_at_every_order_and_at_most_the_log_of_the_groups(seed, labels, alpha):
    labels = torch.tensor(labels)
    gram = wishart(len(labels), 3, seed=seed)  # diagonals differ: shares are of the trace
    value = gm.jensen_renyi_divergence(gram, labels, alpha=alpha, balanced=True).item()
    assert -1e-9 <= value <= math.log(len(labels.unique())) + 1e-9


@settings(max_examples=40, deadline=None)
@given(seeds, labellings)
def test_by_share_it_is_non_negative_at_order_one(seed, labels):
    gram = unit_diagonal(len(labels), 3, seed=seed)
    assert gm.jensen_renyi_divergence(gram, torch.tensor(labels), alpha=1).item() >= -1e-9


def test_by_share_it_can_be_negative_at_order_two():
    # Three copies of one point and one of another; the odd label falls on a copy: log 24/25, as for mutual information.
    gram, labels = gm.label_kernel(np.array([0, 0, 0, 1])), np.array([0, 0, 1, 0])
    assert float(gm.jensen_renyi_divergence(gram, labels, alpha=2)) == pytest.approx(math.log(24 / 25), abs=1e-12)
    assert float(gm.jensen_renyi_divergence(gram, labels, alpha=2, balanced=True)) > 0


@pytest.mark.parametrize("alpha", ORDERS)
def test_balanced_weights_are_those_of_the_weighted_form(alpha):
    # sqrt((N + M) / 2N) and sqrt((N + M) / 2M) on the diagonal of D, for groups of 3 and 6 with unit diagonals
    gram, labels = unit_diagonal(9, 20), torch.tensor([0] * 3 + [1] * 6)
    weight = torch.tensor([math.sqrt(9 / 6)] * 3 + [math.sqrt(9 / 12)] * 6, dtype=torch.float64)
    weighted = (gram * weight[:, None] * weight).numpy()
    blocks = weighted * gm.label_kernel(labels.numpy())
    expected = entropy(weighted, alpha) + math.log(2) - entropy(blocks, alpha)
    value = gm.jensen_renyi_divergence(gram, labels, alpha=alpha, balanced=True)
    assert value.item() == pytest.approx(expected, abs=1e-10)


def test_equal_groups_need_no_balancing():
    gram, labels = unit_diagonal(8, 5), torch.tensor([0, 1] * 4)
    for alpha in ORDERS:
        plain = gm.jensen_renyi_divergence(gram, labels, alpha=alpha).item()
        balanced = gm.jensen_renyi_divergence(gram, labels, alpha=alpha, balanced=True).item()
        assert plain == pytest.approx(balanced, abs=1e-10)


def test_a_single_group_has_divergence_zero_but_cannot_be_balanced():
    gram, labels = unit_diagonal(5, 3), torch.zeros(5, dtype=torch.long)
    for alpha in ORDERS:
        assert gm.jensen_renyi_divergence(gram, labels, alpha=alpha).item() == 0.0
    with pytest.raises(ValueError, match="labels: expected at least two groups for balanced=True; got a single group"):
        gm.jensen_renyi_divergence(gram, labels, balanced=True)


def test_a_group_of_zero_vectors_cannot_be_balanced():
    gram = np.diag([1.0, 1.0, 0.0])
    with pytest.raises(ValueError, match="gram: expected a positive trace in every group"):
        gm.jensen_renyi_divergence(gram, np.array([0, 0, 1]), balanced=True)


@pytest.mark.parametrize("alpha", [1.01, 2.0])
def test_labels_may_be_shared_by_the_batch_or_not(alpha):
    grams = torch.stack([unit_diagonal(6, 4, seed=i) for i in range(4)]).reshape(2, 2, 6, 6)
    shared = torch.tensor([0, 0, 1, 1, 1, 2])
    values = gm.jensen_renyi_divergence(grams, shared, alpha=alpha)
    assert values.shape == (2, 2)
    own = shared.repeat(2, 2, 1)
    own[1, 0] = torch.tensor([0, 1, 0, 1, 0, 1])
    each = gm.jensen_renyi_divergence(grams, own, alpha=alpha)
    assert each[0, 1].item() == pytest.approx(values[0, 1].item(), abs=1e-12)
    single = gm.jensen_renyi_divergence(grams[1, 0], own[1, 0], alpha=alpha)
    assert each[1, 0].item() == pytest.approx(single.item(), abs=1e-12)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.array([0.0, 1.0, 1.0]), TypeError, "labels: expected integers; got torch.float64"),
        (np.array([True, False, True]), TypeError, "labels: expected integers; got torch.bool"),
        (np.array([0, 1]), ValueError, r"labels: expected one label a sample, shape \(3,\); got shape \(2,\)"),
        (np.array([[0, 1, 1]]), ValueError, "labels: expected one label a sample"),
        (np.array([], dtype=int), ValueError, "labels: expected one label a sample"),
        (torch.tensor([0, 1, 1]), TypeError, "labels: expected a NumPy array like gram; got a torch tensor"),
        ([0, 1, 1], TypeError, "labels: expected a NumPy array or a torch tensor; got list"),
        (np.array(["a", "b", "b"]), TypeError, "labels: expected a numeric dtype"),
    ],
)
def test_labels_are_checked(labels, error, message):
    with pytest.raises(error, match=message):
        gm.jensen_renyi_divergence(np.eye(3), labels)
