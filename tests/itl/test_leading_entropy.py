"""DiME by leading eigenvalues and two moments of the rest, and order 2 with its gradient in closed form."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

import gramian as gm
from gramian.itl._leading_entropy import _gamma_growth, _parts, joint_entropies
from tests.itl._reference import entropy, normal, unit_diagonal


def _orders(size, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randperm(size, generator=generator) for _ in range(count)]


def _pair(n=60, d=6, dependence=0.9):
    x, noise = normal(n, d), normal(n, d, seed=1)
    y = dependence * x + math.sqrt(1 - dependence**2) * noise
    return gm.gaussian_kernel(x, bandwidth="dimension"), gm.gaussian_kernel(y, bandwidth="dimension")


@pytest.mark.parametrize("alpha", [1.0, 1.01, 1.5, 3.0, math.inf])
def test_products_of_low_rank_have_their_entropy_from_that_many_eigenvalues(alpha):
    a, b = normal(40, 2) @ normal(40, 2).mT, normal(40, 2, seed=3) @ normal(40, 2, seed=3).mT
    exact = gm.dime(a, b, alpha=alpha, seed=0).item()
    assert gm.dime(a, b, alpha=alpha, rank=4, seed=0).item() == pytest.approx(exact, abs=1e-7)


@pytest.mark.parametrize("alpha", [1.0, 1.01, 3.0])
def test_flat_spectra_have_log_n_from_any_number_of_eigenvalues(alpha):
    start = normal(30, 3)
    eye = torch.eye(30, dtype=torch.float64)
    value = joint_entropies(eye, torch.ones_like(eye), [torch.arange(30)], [1.0], alpha, start=start, rank=5, eps=1e-16)
    assert value.item() == pytest.approx(math.log(30), abs=1e-12)


@pytest.mark.parametrize("alpha", [1.0, 1.01, 1.5])
def test_value_is_that_of_ritz_values_and_a_gamma_rest(alpha):
    a, b = (gram.numpy() for gram in _pair())
    product = a * b / np.trace(a * b)
    start = normal(60, 4)
    basis = _parts(torch.as_tensor(product), alpha, start, 8, 1e-16).basis.numpy()
    ritz = np.linalg.eigvalsh(basis.T @ product @ basis)
    rest = (np.eye(60) - basis @ basis.T) @ product @ (np.eye(60) - basis @ basis.T)
    mean, square = np.trace(rest) / 52, np.sum(rest**2) / 52
    shape = 1 / (square / mean**2 - 1)
    law = stats.gamma(shape, scale=mean / shape)
    if alpha == 1:
        expected = -np.sum(ritz * np.log(ritz)) - 52 * law.expect(lambda p: p * np.log(p))
    else:
        power = law.expect(lambda p: p**alpha)
        expected = math.log(np.sum(ritz**alpha) + 52 * power) / (1 - alpha)
    value = joint_entropies(
        torch.as_tensor(a), torch.as_tensor(b), [torch.arange(60)], [1.0], alpha, start=start, rank=8, eps=1e-16
    )
    assert value.item() == pytest.approx(expected, abs=1e-10)
    assert expected != pytest.approx(entropy(a * b, alpha), abs=1e-10)


@pytest.mark.parametrize("excess", [0.0, 1e-9, 1e-4, 0.01, 0.5, 2.0])
@pytest.mark.parametrize("variance", [0.0, 1e-12, 1e-6, 9.99e-4, 1.01e-3, 0.3, 7.0, 900.0])
def test_moments_of_a_gamma_law_at_all_variances(excess, variance):
    given = torch.tensor(variance, dtype=torch.float64, requires_grad=True)
    growth = _gamma_growth(given, excess)
    (slope,) = torch.autograd.grad(growth, given)
    mpmath = pytest.importorskip("mpmath", reason="needs mpmath, which torch brings through sympy")
    mpmath.mp.dps = 60

    def exact(v):
        k = 1 / mpmath.mpf(v)
        if excess == 0:
            return mpmath.digamma(k + 1) - mpmath.log(k)
        return (mpmath.loggamma(k + 1 + excess) - mpmath.loggamma(k + 1)) / excess - mpmath.log(k)

    if variance == 0:
        assert (growth.item(), slope.item()) == (0.0, (excess + 1) / 2)
    else:
        assert growth.item() == pytest.approx(float(exact(variance)), rel=1e-6, abs=1e-10)
        assert slope.item() == pytest.approx(float(mpmath.diff(exact, variance)), rel=1e-5)


def test_a_rest_far_below_the_digits_of_single_precision_keeps_its_value():
    x = normal(300, 3)
    grams = [torch.ones(300, 300, dtype=torch.float64) + 1e-4 * gm.gaussian_kernel(x + shift) for shift in (0.0, 0.5)]
    single = [gram.float() for gram in grams]
    exact = gm.dime(*(gram.double() for gram in single), rank=20, seed=0).item()
    assert gm.dime(*single, rank=20, seed=0).item() == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("alpha", [1.0, 1.01, 3.0])
def test_gradient_is_that_of_the_value_in_fixed_subspaces(alpha):
    left, right = (gram.requires_grad_() for gram in _pair(30, 4))
    orders, weights, start = _orders(30, 2), [0.5, -2.0], normal(30, 3)

    def plain(a, b):
        total = 0.0
        for order, weight in zip(orders, weights, strict=True):
            product = a * b[order][:, order]
            product = product / product.trace()
            basis = _parts(product.detach(), alpha, start, 6, 1e-16).basis
            ritz = torch.linalg.eigvalsh(basis.mT @ product @ basis)
            rest = product - basis @ (basis.mT @ product)
            rest = rest - (rest @ basis) @ basis.mT
            mean, square = rest.trace() / 24, rest.square().sum() / 24
            shape = 1 / (square / mean**2 - 1)
            if alpha == 1:
                value = -(ritz * ritz.log()).sum() - 24 * mean * ((mean / shape).log() + torch.digamma(shape + 1))
            else:
                power = (mean / shape) ** alpha * (torch.lgamma(shape + alpha) - torch.lgamma(shape)).exp()
                value = ((ritz**alpha).sum() + 24 * power).log() / (1 - alpha)
            total = total + weight * value
        return total

    expected = torch.autograd.grad(plain(left, right), (left, right))
    value = joint_entropies(left, right, orders, weights, alpha, start=start, rank=6, eps=1e-16)
    ours = torch.autograd.grad(value, (left, right))
    for got, want in zip(ours, expected, strict=True):
        # Only the part along symmetric changes is asked for.
        torch.testing.assert_close(got + got.mT, want + want.mT, rtol=1e-8, atol=1e-10)


def test_gradient_of_order_2_is_exact():
    left, right = (gram.requires_grad_() for gram in _pair(12, 3))

    def plain(a, b):
        def entropy_of(product):
            return 2 * product.trace().log() - product.square().sum().log()

        shuffled = sum(entropy_of(a * b[order][:, order]) for order in _orders(12, 3))
        return shuffled / 3 - entropy_of(a * b)

    value = gm.dime(left, right, alpha=2, permutations=3, seed=0)
    assert value.item() == pytest.approx(plain(left, right).item(), abs=1e-12)
    for got, want in zip(
        torch.autograd.grad(value, (left, right)), torch.autograd.grad(plain(left, right), (left, right)), strict=True
    ):
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-12)


def test_one_gram_alone_gets_its_gradient():
    left, right = _pair(20, 3)
    both = [gram.clone().requires_grad_() for gram in (left, right)]
    expected = torch.autograd.grad(gm.dime(*both, alpha=2, seed=0), both)
    for place in range(2):
        grams = [left, right]
        grams[place] = grams[place].clone().requires_grad_()
        (got,) = torch.autograd.grad(gm.dime(*grams, alpha=2, seed=0), [grams[place]])
        torch.testing.assert_close(got, expected[place])


@pytest.mark.parametrize(("dependence", "d"), [(0.9, 8), (0.5, 8), (0.99, 4)])
def test_values_and_gradients_are_close_to_exact_ones(dependence, d):
    x, noise = normal(400, d), normal(400, d, seed=1)
    x.requires_grad_()

    def value(rank):
        y = dependence * x.detach() + math.sqrt(1 - dependence**2) * noise
        grams = (gm.gaussian_kernel(points, bandwidth="dimension") for points in (x, y))
        return gm.dime(*grams, permutations=3, rank=rank, seed=0)

    exact, close = value(None), value(96)
    assert close.item() == pytest.approx(exact.item(), rel=0.05)
    slopes = [torch.autograd.grad(given, x)[0].flatten() for given in (exact, close)]
    assert torch.nn.functional.cosine_similarity(*slopes, dim=0) > 0.99


def test_as_many_eigenvalues_as_samples_are_the_exact_computation():
    a, b = unit_diagonal(8, 3), unit_diagonal(8, 3, seed=1)
    assert gm.dime(a, b, rank=8, seed=0).item() == gm.dime(a, b, seed=0).item()


def test_batches_single_precision_and_numpy_are_served():
    pairs = [_pair(30, 4, dependence) for dependence in (0.2, 0.9)]
    a, b = (torch.stack(grams) for grams in zip(*pairs, strict=True))
    values = gm.dime(a, b, rank=10, seed=0)
    assert values.shape == (2,)
    assert values[1].item() == pytest.approx(gm.dime(*pairs[1], rank=10, seed=0).item(), abs=1e-9)
    assert float(gm.dime(a[1].numpy(), b[1].numpy(), rank=10, seed=0)) == pytest.approx(values[1].item(), abs=1e-12)
    single = gm.dime(a[1].float(), b[1].float(), rank=10, seed=0)
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(values[1].item(), abs=1e-4)


def test_second_derivatives_are_refused():
    left, right = (gram.requires_grad_() for gram in _pair(12, 3))
    with pytest.raises(RuntimeError, match="dime: expected one derivative; got create_graph=True"):
        torch.autograd.grad(gm.dime(left, right, alpha=2, seed=0), left, create_graph=True)


@pytest.mark.parametrize(
    ("told", "error", "message"),
    [
        ({"rank": 0}, ValueError, "rank: expected an integer of at least 1; got 0"),
        ({"rank": 2.0}, TypeError, "rank: expected an integer of at least 1"),
        ({"rank": 4, "alpha": 0.5}, ValueError, "rank: expected None at orders below 1; got 4"),
        ({"rank": 4, "alpha": 2}, ValueError, "rank: expected None at order 2; got 4"),
    ],
)
def test_ranks_that_mean_nothing_are_refused(told, error, message):
    with pytest.raises(error, match=message):
        gm.dime(np.eye(6), np.eye(6), **told)


@pytest.mark.parametrize("told", [{"alpha": 2}, {"rank": 3}])
def test_products_of_no_trace_and_indefinite_grams_are_refused(told):
    left, right = np.diag([1.0, 0, 0, 0, 0]), np.diag([0, 1.0, 1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="a Hadamard product of positive trace; got a zero trace"):
        gm.dime(left, right, seed=0, **told)
    wrong = 2 * np.ones((5, 5)) - np.eye(5)
    with pytest.raises(ValueError, match="gram_x: expected a positive semidefinite Gram matrix"):
        gm.dime(wrong, np.eye(5), seed=0, **told)


@pytest.mark.parametrize("told", [{"alpha": 2}, {"rank": 6}])
def test_a_gradient_asked_for_twice_is_the_same_both_times(told):
    grams = [gram.requires_grad_() for gram in _pair(20, 3)]
    value = gm.dime(*grams, seed=0, **told)
    first = [slope.clone() for slope in torch.autograd.grad(3 * value, grams, retain_graph=True)]
    for own, other in zip(first, torch.autograd.grad(3 * value, grams), strict=True):
        torch.testing.assert_close(own, other)


@pytest.mark.parametrize("told", [{"alpha": 2}, {"rank": 6}])
def test_without_recording_no_gradient_is_computed(told):
    grams = [gram.requires_grad_() for gram in _pair(20, 3)]
    with torch.no_grad():
        assert not gm.dime(*grams, seed=0, **told).requires_grad
