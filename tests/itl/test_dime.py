"""The difference of entropies against shuffled pairs, and its seeds."""

import itertools
import math

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.itl import as_generator
from tests.itl._reference import entropy, normal, unit_diagonal, wishart


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 2.0, 3.0])
def test_it_is_the_mean_over_the_drawn_permutations(alpha):
    a, b = wishart(7, 9).numpy(), wishart(7, 9, seed=1).numpy()
    generator = torch.Generator().manual_seed(11)
    draws = [torch.randperm(7, generator=generator).numpy() for _ in range(4)]
    shuffled = np.mean([entropy(a * b[np.ix_(p, p)], alpha) for p in draws])
    expected = shuffled - entropy(a * b, alpha)
    assert float(gm.dime(a, b, alpha=alpha, permutations=4, seed=11)) == pytest.approx(expected, abs=1e-10)


def test_many_permutations_approach_the_mean_over_all():
    a, b = unit_diagonal(4, 3), unit_diagonal(4, 3, seed=1)
    every = [list(p) for p in itertools.permutations(range(4))]
    joint = [gm.joint_entropy(a, b[p][:, p], alpha=2).item() for p in every]
    expected = np.mean(joint) - gm.joint_entropy(a, b, alpha=2).item()
    spread = np.std(joint) / math.sqrt(2000)
    assert gm.dime(a, b, alpha=2, permutations=2000, seed=0).item() == pytest.approx(expected, abs=5 * spread)


def test_dependent_samples_score_above_independent_ones():
    x, noise = normal(80, 3), normal(80, 3, seed=1)
    gram = gm.gaussian_kernel(x)
    dependent = gm.dime(gram, gm.gaussian_kernel(x + 0.1 * noise), seed=0).item()
    independent = gm.dime(gram, gm.gaussian_kernel(noise), seed=0).item()
    assert dependent > 0.1
    assert abs(independent) < 0.05


@pytest.mark.parametrize("alpha", [1.0, 1.01, 2.0])
def test_a_constant_gram_and_the_identity_score_zero(alpha):
    a = unit_diagonal(6, 4)
    for other in (torch.ones_like(a), torch.eye(6, dtype=torch.float64)):
        assert gm.dime(a, other, alpha=alpha, seed=0).item() == pytest.approx(0.0, abs=1e-10)


def test_one_seed_gives_one_value_and_a_generator_advances():
    a, b = unit_diagonal(8, 3), unit_diagonal(8, 3, seed=1)
    assert gm.dime(a, b, seed=5).item() == gm.dime(a, b, seed=5).item()
    assert gm.dime(a, b, seed=5).item() == gm.dime(a, b, seed=torch.Generator().manual_seed(5)).item()
    generator = torch.Generator().manual_seed(5)
    first, second = gm.dime(a, b, seed=generator).item(), gm.dime(a, b, seed=generator).item()
    assert first != second
    assert len({gm.dime(a, b).item() for _ in range(5)}) > 1


@pytest.mark.parametrize("seed", [None, 3])
def test_the_global_random_state_is_left_alone(seed):
    a, b = unit_diagonal(8, 3), unit_diagonal(8, 3, seed=1)
    before, before_numpy = torch.random.get_rng_state(), np.random.get_state()
    gm.dime(a, b, seed=seed)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], before_numpy[1])


def test_the_batch_shares_its_permutations():
    a = torch.stack([unit_diagonal(6, 3, seed=i) for i in range(3)])
    b = torch.stack([unit_diagonal(6, 3, seed=i + 9) for i in range(3)])
    values = gm.dime(a, b, seed=2)
    assert values.shape == (3,)
    assert values[2].item() == pytest.approx(gm.dime(a[2], b[2], seed=2).item(), abs=1e-12)


@pytest.mark.parametrize("permutations", [0, -3])
def test_at_least_one_permutation_is_needed(permutations):
    with pytest.raises(ValueError, match=f"permutations: expected an integer of at least 1; got {permutations}"):
        gm.dime(np.eye(3), np.eye(3), permutations=permutations)


@pytest.mark.parametrize("permutations", [2.0, True, "5"])
def test_permutations_are_integers(permutations):
    with pytest.raises(TypeError, match="permutations: expected an integer of at least 1"):
        gm.dime(np.eye(3), np.eye(3), permutations=permutations)


@pytest.mark.parametrize("seed", [1.5, "0", True, np.random.default_rng(0)])
def test_seeds_of_other_kinds_are_refused(seed):
    with pytest.raises(TypeError, match=r"seed: expected an integer, a torch.Generator or None"):
        gm.dime(np.eye(3), np.eye(3), seed=seed)


def test_integers_beyond_64_bits_are_refused():
    with pytest.raises(ValueError, match="seed: expected an integer of 64 bits"):
        as_generator(2**63)
    assert isinstance(as_generator(np.int64(3)), torch.Generator)
