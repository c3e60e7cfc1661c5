"""Joint entropies and what follows from them."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import gramian as gm
from tests.itl._reference import ORDERS, entropy, normal, seeds, sizes, unit_diagonal, wishart

# Two labellings of four samples that differ by where they put the odd one out.
ODD_LAST, ODD_THIRD = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0])


@pytest.mark.parametrize("alpha", ORDERS)
def test_each_quantity_matches_its_definition_in_numpy(alpha):
    a, b, c = (wishart(6, 9, seed=i).numpy() for i in range(3))
    sa, sb, sc = (entropy(k, alpha) for k in (a, b, c))
    assert float(gm.joint_entropy(a, b, alpha=alpha)) == pytest.approx(entropy(a * b, alpha), abs=1e-10)
    assert float(gm.joint_entropy(a, b, c, alpha=alpha)) == pytest.approx(entropy(a * b * c, alpha), abs=1e-10)
    assert float(gm.joint_entropy(a, alpha=alpha)) == pytest.approx(sa, abs=1e-10)
    conditional = entropy(a * b, alpha) - sb
    assert float(gm.conditional_entropy(a, b, alpha=alpha)) == pytest.approx(conditional, abs=1e-10)
    shared = sa + sb - entropy(a * b, alpha)
    assert float(gm.mutual_information(a, b, alpha=alpha)) == pytest.approx(shared, abs=1e-10)
    total = sa + sb + sc - entropy(a * b * c, alpha)
    assert float(gm.total_correlation(a, b, c, alpha=alpha)) == pytest.approx(total, abs=1e-10)


@settings(max_examples=25, deadline=None)
@given(seeds, sizes, sizes, sizes)
def test_unit_diagonal_joint_entropy_is_at_least_each_entropy_at_every_order(seed, n, d, e):
    a, b = unit_diagonal(n, d, seed=seed), unit_diagonal(n, e, seed=seed + 1)
    for alpha in ORDERS:
        joint = gm.joint_entropy(a, b, alpha=alpha)
        for one in (a, b):
            assert gm.matrix_entropy(one, alpha=alpha) <= joint + 1e-9


@settings(max_examples=40, deadline=None)
@given(seeds, sizes, sizes, sizes)
def test_unit_diagonal_joint_entropy_is_at_most_the_sum_at_orders_zero_and_one(seed, n, d, e):
    a, b = unit_diagonal(n, d, seed=seed), unit_diagonal(n, e, seed=seed + 1)
    for alpha in (0.0, 1.0):
        assert gm.mutual_information(a, b, alpha=alpha) >= -1e-9
        assert gm.total_correlation(a, b, a, alpha=alpha) >= -1e-9


def test_mutual_information_can_be_negative_at_order_two():
    # Both have spectrum (3/4, 1/4): exp(-S_2) = 10/16. Jointly (1/2, 1/4, 1/4): exp(-S_2) = 6/16.
    a, b = gm.label_kernel(ODD_LAST), gm.label_kernel(ODD_THIRD)
    expected = 2 * math.log(16 / 10) - math.log(16 / 6)
    assert expected == pytest.approx(math.log(24 / 25))
    assert float(gm.mutual_information(a, b, alpha=2)) == pytest.approx(expected, abs=1e-12)
    assert float(gm.total_correlation(a, b, alpha=2)) == pytest.approx(expected, abs=1e-12)
    assert float(gm.mutual_information(a, b, alpha=1)) > 0


def test_mutual_information_of_labels_is_shannons():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 3, 60), rng.integers(0, 4, 60)
    table = np.zeros((3, 4))
    np.add.at(table, (x, y), 1 / 60)
    outer = table.sum(1)[:, None] * table.sum(0)
    expected = np.sum(table[table > 0] * np.log((table / outer)[table > 0]))
    assert float(gm.mutual_information(gm.label_kernel(x), gm.label_kernel(y))) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("alpha", ORDERS)
def test_a_constant_gram_carries_no_information(alpha):
    a, ones = unit_diagonal(6, 9), torch.ones(6, 6, dtype=torch.float64)
    assert gm.mutual_information(a, ones, alpha=alpha).item() == pytest.approx(0.0, abs=1e-9)
    assert gm.conditional_entropy(a, ones, alpha=alpha).item() == pytest.approx(
        gm.matrix_entropy(a, alpha=alpha).item(), abs=1e-9
    )


def test_scales_of_the_grams_do_not_matter():
    a, b = wishart(6, 9), wishart(6, 7, seed=1)
    for alpha in ORDERS:
        expected = gm.mutual_information(a, b, alpha=alpha).item()
        assert gm.mutual_information(7 * a, b / 5, alpha=alpha).item() == pytest.approx(expected, abs=1e-9)


def test_batches_equal_single_pairs():
    a = torch.stack([wishart(5, 6, seed=i) for i in range(3)])
    b = torch.stack([wishart(5, 6, seed=i + 9) for i in range(3)])
    for quantity in (gm.joint_entropy, gm.conditional_entropy, gm.mutual_information, gm.total_correlation):
        for alpha in (1.0, 2.0):
            values = quantity(a, b, alpha=alpha)
            assert values.shape == (3,)
            assert values[1].item() == pytest.approx(quantity(a[1], b[1], alpha=alpha).item(), abs=1e-12)


def test_float32_differences_keep_their_digits():
    a, b = unit_diagonal(200, 400), unit_diagonal(200, 400, seed=1)
    for alpha in (1.0, 1.01, 2.0):
        exact = gm.mutual_information(a, b, alpha=alpha).item()
        assert gm.mutual_information(a.float(), b.float(), alpha=alpha).item() == pytest.approx(exact, abs=1e-5)


def test_disjoint_diagonals_have_no_joint_entropy():
    a, b = torch.diag(torch.tensor([1.0, 0.0])), torch.diag(torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match="grams: expected a Hadamard product of positive trace; got a zero trace"):
        gm.joint_entropy(a, b)


def test_the_number_of_grams_is_checked():
    with pytest.raises(ValueError, match="grams: expected at least 1 Gram matrices; got 0"):
        gm.joint_entropy()
    with pytest.raises(ValueError, match="grams: expected at least 2 Gram matrices; got 1"):
        gm.total_correlation(normal(2, 2))
