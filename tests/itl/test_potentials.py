"""Difference of information potentials: its expectation is that over all permutations."""

import itertools

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.itl import difference_of_potentials
from tests.itl._reference import normal, unit_diagonal


def test_the_expectation_is_over_all_permutations():
    a, b = unit_diagonal(5, 3).numpy(), 3 * unit_diagonal(5, 4, seed=1).numpy()

    def potential(gram):
        return np.sum(gram**2) / np.trace(gram) ** 2

    every = [potential(a * b[np.ix_(p, p)]) for p in itertools.permutations(range(5))]
    assert float(difference_of_potentials(a, b)) == pytest.approx(potential(a * b) - np.mean(every), abs=1e-12)


def test_it_is_what_the_potentials_of_dime_at_order_2_tend_to():
    a, b = unit_diagonal(6, 3), unit_diagonal(6, 2, seed=1)
    paired = torch.exp(-gm.joint_entropy(a, b, alpha=2))
    exact = difference_of_potentials(a, b)
    # Jensen: the mean of logarithms is below the logarithm of the mean.
    assert gm.dime(a, b, alpha=2, permutations=4000, seed=0) >= torch.log(paired / (paired - exact)) - 0.02


def test_constant_grams_and_the_identity_give_zero():
    a = unit_diagonal(6, 4)
    for other in (torch.ones_like(a), torch.eye(6, dtype=torch.float64)):
        assert difference_of_potentials(a, other).item() == pytest.approx(0.0, abs=1e-14)


def test_gradient_and_batch():
    x = normal(5, 2).requires_grad_()
    other = gm.gaussian_kernel(normal(5, 3, seed=2), bandwidth=1.0)
    assert torch.autograd.gradcheck(lambda z: difference_of_potentials(gm.gaussian_kernel(z, bandwidth=1.0), other), x)
    stacked = difference_of_potentials(torch.stack([other, other]), torch.stack([other, torch.ones_like(other)]))
    assert stacked.shape == (2,)
    assert stacked[1].item() == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize(
    ("gram", "message"),
    [
        (np.diag([1.0, 2.0]), "gram_x: expected a constant diagonal; got one from 1 to 2"),
        (np.ones((1, 1)), "gram_x: expected at least two samples; got 1"),
        (np.array([[1.0, 3.0], [3.0, 1.0]]), "gram_x: expected a positive semidefinite Gram matrix"),
    ],
)
def test_grams_it_has_no_answer_for_are_refused(gram, message):
    with pytest.raises(ValueError, match=message):
        difference_of_potentials(gram, np.ones_like(gram))
