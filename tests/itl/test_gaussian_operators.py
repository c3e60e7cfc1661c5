"""Gaussian data under a Gaussian kernel: closed forms against quadrature, moments and each other."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gramian as gm
from gramian.itl import gaussian_operator_divergence, gaussian_operator_spectrum, spectral_entropy
from tests.itl._reference import normal, renyi, wishart


def quadrature(means, deviations, shares=None, nodes=120):
    """Points and weights of a mixture of one-dimensional Gaussians, exact to rounding for smooth functions."""
    at, weight = np.polynomial.hermite_e.hermegauss(nodes)
    shares = np.full(len(means), 1 / len(means)) if shares is None else np.asarray(shares)
    points = np.concatenate([m + s * at for m, s in zip(means, deviations, strict=True)])
    return points, np.concatenate([p * weight / weight.sum() for p in shares])


def operator(points, weights, bandwidth):
    """The integral operator of a Gaussian kernel under a discrete distribution."""
    squared = (points[:, None] - points) ** 2
    root = np.sqrt(weights)
    return np.exp(-squared / (2 * bandwidth**2)) * root[:, None] * root


@pytest.mark.parametrize(("variance", "bandwidth"), [(1.0, 1.0), (4.0, 1.5), (0.25, 2.0)])
def test_the_spectrum_is_that_of_the_operator_by_quadrature(variance, bandwidth):
    expected = np.linalg.eigvalsh(operator(*quadrature([3.0], [math.sqrt(variance)]), bandwidth))[::-1]
    values = gaussian_operator_spectrum(np.array([variance]), bandwidth=bandwidth)
    assert values == pytest.approx(expected[: len(values)], abs=1e-12)


def test_the_spectrum_by_hand():
    # v = 2: the root of 1 + 4 v is 3, so b = (3 - 1) / (3 + 1) = 1/2 and the eigenvalues are 1/2, 1/4, 1/8, ...
    values = gaussian_operator_spectrum(np.array([2.0 * 9]), bandwidth=3.0, tail=1e-6)
    assert values == pytest.approx(0.5 ** np.arange(1, len(values) + 1), rel=1e-14)
    # Two such directions: 1/4 once, 1/8 twice, 1/16 three times, ...
    values = gaussian_operator_spectrum(np.array([2.0, 2.0]), bandwidth=1.0)
    assert values[:6] == pytest.approx([1 / 4, 1 / 8, 1 / 8, 1 / 16, 1 / 16, 1 / 16], rel=1e-14)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=3), st.floats(0.5, 3.0), st.floats(1e-8, 0.9))
def test_spectra_descend_and_leave_no_more_than_the_tail_with_the_fewest_eigenvalues(variances, bandwidth, tail):
    values = gaussian_operator_spectrum(np.array(variances), bandwidth=bandwidth, tail=tail)
    assert np.all(np.diff(values) <= 0)
    assert -1e-12 <= 1 - values.sum() <= tail + 1e-12
    assert 1 - values[:-1].sum() > tail - 1e-12


def test_spectra_of_several_directions_are_all_products():
    variances = np.array([0.3, 1.0, 2.5])
    single = [gaussian_operator_spectrum(variances[i : i + 1], bandwidth=1.2, tail=1e-12) for i in range(3)]
    expected = np.sort([math.prod(values) for values in product(*single)])[::-1]
    values = gaussian_operator_spectrum(variances, bandwidth=1.2, tail=1e-6)
    assert values == pytest.approx(expected[: len(values)], rel=1e-10)


def test_the_smallest_tail_is_kept_too():
    values = gaussian_operator_spectrum(np.array([1.0, 2.0]), bandwidth=1.0, tail=1e-12)
    assert abs(1 - math.fsum(values)) <= 1.1e-12


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 2.0, 3.0])
def test_entropies_of_directions_add(alpha):
    both = gaussian_operator_spectrum(np.array([0.5, 2.0]), bandwidth=1.0, tail=1e-10)
    parts = [gaussian_operator_spectrum(np.array([v]), bandwidth=1.0, tail=1e-12) for v in (0.5, 2.0)]
    total = sum(float(spectral_entropy(values, alpha=alpha)) for values in parts)
    tolerance = 1e-4 if alpha < 1 else 1e-8  # the tail counts for more at low orders
    assert float(spectral_entropy(both, alpha=alpha)) == pytest.approx(total, abs=tolerance)


def test_directions_without_spread_add_nothing():
    values = gaussian_operator_spectrum(np.array([0.0, 2.0, 0.0]), bandwidth=1.0)
    assert values == pytest.approx(gaussian_operator_spectrum(np.array([2.0]), bandwidth=1.0), rel=1e-15)
    assert gaussian_operator_spectrum(np.zeros(2), bandwidth=1.0).tolist() == [1.0]


def test_spectra_keep_kind_dtype_and_gradient():
    variances = torch.tensor([0.7, 1.3], dtype=torch.float64, requires_grad=True)
    length = torch.tensor(1.1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda v, b: gaussian_operator_spectrum(v, bandwidth=b, tail=1e-3), (variances, length), eps=1e-7
    )
    single = gaussian_operator_spectrum(variances.detach().float(), bandwidth=1.1)
    assert single.dtype == torch.float32


@pytest.mark.parametrize("alpha", [2, 3, 4, 5])
@pytest.mark.parametrize("shares", [None, [0.2, 0.8]])
def test_the_divergence_is_that_of_the_operators_by_quadrature(alpha, shares):
    means, deviations, bandwidth = [0.0, 1.5], [1.0, 0.6], 0.8
    weights = np.array(shares or [0.5, 0.5])
    mixture = operator(*quadrature(means, deviations, weights), bandwidth)
    parts = [
        weight * np.linalg.eigvalsh(operator(*quadrature([m], [s]), bandwidth))
        for weight, m, s in zip(weights, means, deviations, strict=True)
    ]
    expected = (
        renyi(np.clip(np.linalg.eigvalsh(mixture), 0, None), alpha)
        + renyi(weights, alpha)
        - renyi(np.clip(np.concatenate(parts), 0, None), alpha)
    )
    value = gaussian_operator_divergence(
        np.array(means)[:, None],
        np.array(deviations)[:, None, None] ** 2,
        bandwidth=bandwidth,
        alpha=alpha,
        shares=None if shares is None else np.array(shares),
    )
    assert float(value) == pytest.approx(expected, abs=1e-10)


def test_order_two_by_hand_in_one_dimension():
    # E k(X, Y)^2 = (1 + 2 s / sigma^2)^(-1/2) exp(-m^2 / (sigma^2 + 2 s)), s the sum of the variances: here sigma = 1
    def mean_square(s, m):
        return (1 + 2 * s) ** -0.5 * math.exp(-(m**2) / (1 + 2 * s))

    within = (mean_square(2.0, 0.0) + mean_square(8.0, 0.0)) / 4
    expected = math.log(within / (within + mean_square(5.0, 1.0) / 2)) + math.log(2)
    value = gaussian_operator_divergence(np.array([[0.0], [1.0]]), np.array([[[1.0]], [[4.0]]]), bandwidth=1.0)
    assert float(value) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("alpha", [2, 3, 6])
def test_one_population_traces_are_power_sums_of_the_spectrum(alpha):
    # Two populations, the second infinitely far: the mixture is the direct sum, so D = S(L); and with itself D = 0.
    covariance = wishart(2, 5).numpy() / 5
    far = gaussian_operator_divergence(
        np.array([[0.0, 0.0], [1e4, 0.0]]), np.stack([covariance] * 2), bandwidth=1.0, alpha=alpha
    )
    assert float(far) == pytest.approx(math.log(2), abs=1e-12)
    same = gaussian_operator_divergence(
        np.array([[1.0, 2.0]] * 3), np.stack([covariance] * 3), bandwidth=1.0, alpha=alpha
    )
    assert float(same) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("alpha", [2, 3, 5])
def test_traces_of_powers_are_power_sums_of_the_closed_spectrum(alpha):
    from gramian.itl._gaussian_operators import _log_traces

    variances = torch.tensor([0.5, 2.0], dtype=torch.float64)
    spectrum = gaussian_operator_spectrum(variances, bandwidth=1.3, tail=1e-10)
    cycle = torch.zeros(1, alpha, dtype=torch.long)
    trace = _log_traces(normal(1, 2), torch.diag(variances)[None], cycle, torch.tensor(1.69, dtype=torch.float64))
    assert trace.exp().item() == pytest.approx(spectrum.pow(alpha).sum().item(), rel=1e-9)


def test_three_populations_and_a_rotation():
    means, spreads = normal(3, 2), torch.stack([wishart(2, 4, seed=i) / 8 for i in range(3)])
    turn = torch.linalg.qr(normal(2, 2, seed=9))[0]
    shares = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)
    plain = gaussian_operator_divergence(means, spreads, bandwidth=1.0, alpha=3, shares=shares)
    turned = gaussian_operator_divergence(
        means @ turn.mT + 7.0, turn @ spreads @ turn.mT, bandwidth=1.0, alpha=3, shares=shares / 8
    )
    assert plain.item() == pytest.approx(turned.item(), abs=1e-12)
    assert 0 < plain.item() < renyi([1 / 8, 2 / 8, 5 / 8], 3)


@pytest.mark.parametrize("alpha", [2, 3])
def test_divergences_are_differentiable(alpha):
    inputs = (
        normal(2, 2).requires_grad_(),
        torch.stack([wishart(2, 4, seed=i) / 8 for i in range(2)]).requires_grad_(),
        torch.tensor(1.2, dtype=torch.float64, requires_grad=True),
        torch.tensor([0.4, 0.6], dtype=torch.float64, requires_grad=True),
    )

    def divergence(means, spreads, bandwidth, shares):
        return gaussian_operator_divergence(means, spreads, bandwidth=bandwidth, alpha=alpha, shares=shares)

    assert torch.autograd.gradcheck(divergence, inputs, eps=1e-7)


@pytest.mark.parametrize("alpha", [2, 3, 5])
@pytest.mark.parametrize("balanced", [False, True])
def test_sample_divergences_come_close_to_the_population(alpha, balanced):
    generator = torch.Generator().manual_seed(0)
    sizes, means, deviations = (900, 300), torch.tensor([0.0, 1.0]), torch.tensor([1.0, 2.0])
    labels = torch.arange(2).repeat_interleave(torch.tensor(sizes))
    draws = torch.randn(1200, generator=generator, dtype=torch.float64)
    x = (means[labels] + deviations[labels] * draws)[:, None]
    shares = None if balanced else np.array([0.75, 0.25])
    expected = gaussian_operator_divergence(
        means.double().numpy()[:, None],
        deviations.double().numpy()[:, None, None] ** 2,
        bandwidth=1.0,
        alpha=alpha,
        shares=shares,
    )
    gram = gm.gaussian_kernel(x, bandwidth=1.0)
    value = gm.jensen_renyi_divergence(gram, labels, alpha=alpha, balanced=balanced).item()
    assert value == pytest.approx(float(expected), abs=0.03)


@pytest.mark.parametrize(
    ("variances", "arguments", "error", "message"),
    [
        (np.array([-1.0]), {}, ValueError, "variances: expected non-negative values; got -1"),
        (np.eye(2), {}, ValueError, r"variances: expected one a direction, \(d,\); got shape \(2, 2\)"),
        (np.array([1]), {}, TypeError, "variances: expected a floating dtype"),
        (np.array([np.nan]), {}, ValueError, "variances: expected finite values"),
        ([1.0], {}, TypeError, "variances: expected a NumPy array or a torch tensor"),
        (np.ones(1), {"bandwidth": 0.0}, ValueError, "bandwidth: expected a positive, finite length"),
        (np.ones(1), {"bandwidth": "median"}, TypeError, "bandwidth: expected a number; got 'median'"),
        (np.ones(1), {"tail": 0.0}, ValueError, "tail: expected a number from 1e-12 to below 1; got 0.0"),
        (np.ones(1), {"tail": 1.0}, ValueError, "tail: expected a number from 1e-12 to below 1; got 1.0"),
        (np.ones(1), {"tail": "small"}, TypeError, "tail: expected a number"),
        (np.ones(400), {}, ValueError, "tail: expected a tail that 2,000,000 eigenvalues reach"),
        (np.ones(1), {"bandwidth": 1e-9}, ValueError, "tail: expected a tail that 2,000,000 eigenvalues reach"),
        (np.ones(1), {"bandwidth": 1e-100}, ValueError, "tail: expected a tail that 2,000,000 eigenvalues reach"),
    ],
)
def test_arguments_of_spectra_are_checked(variances, arguments, error, message):
    with pytest.raises(error, match=message):
        gaussian_operator_spectrum(variances, **{"bandwidth": 1.0} | arguments)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"means": np.zeros(2)}, ValueError, r"means: expected one a population, \(g, d\); got shape \(2,\)"),
        ({"covariances": np.ones((2, 1))}, ValueError, r"covariances: .* shape \(2, 1, 1\); got shape \(2, 1\)"),
        ({"covariances": -np.ones((2, 1, 1))}, ValueError, "covariances: expected positive semidefinite matrices"),
        ({"covariances": torch.ones(2, 1, 1)}, TypeError, "covariances: expected a NumPy array like means"),
        ({"alpha": 1.0}, ValueError, "alpha: expected an integer from 2 on; got 1.0"),
        ({"alpha": 2.5}, ValueError, "alpha: expected an integer from 2 on; got 2.5"),
        ({"alpha": math.inf}, ValueError, "alpha: expected an integer from 2 on; got inf"),
        ({"alpha": 40}, ValueError, "alpha: expected an order for which 2 groups have at most 100,000 terms; got 40"),
        ({"alpha": "2"}, TypeError, "alpha: expected a number"),
        ({"shares": np.array([1.0])}, ValueError, r"shares: expected one a population, shape \(2,\); got shape \(1,\)"),
        ({"shares": np.array([1.0, 0.0])}, ValueError, "shares: expected positive numbers; got 0"),
        ({"bandwidth": -1.0}, ValueError, "bandwidth: expected a positive, finite length"),
    ],
)
def test_arguments_of_divergences_are_checked(change, error, message):
    arguments = {"means": np.zeros((2, 1)), "covariances": np.ones((2, 1, 1)), "bandwidth": 1.0} | change
    means, covariances = arguments.pop("means"), arguments.pop("covariances")
    with pytest.raises(error, match=message):
        gaussian_operator_divergence(means, covariances, **arguments)


def test_covariances_are_symmetric():
    with pytest.raises(ValueError, match="covariances: expected symmetric matrices; got an asymmetric one"):
        gaussian_operator_divergence(np.zeros((1, 2)), np.array([[[1.0, 0.5], [0.0, 1.0]]]), bandwidth=1.0)
