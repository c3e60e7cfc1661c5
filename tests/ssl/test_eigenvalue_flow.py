"""The eigenvalue flows of `docs/design/why-frossl-is-fast.md` are those of gradient descent on the losses themselves."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch

from gramian.ssl import frossl_loss
from tests.studies._eigenvalue_flow import BarlowTwins, FroSSL, VICReg, descend, steps_until_alike

WIDTH, SAMPLES = 16, 64


def vicreg(views):
    first, second = views
    loss = 25 * (first - second).square().mean()
    for view in views:
        covariance = torch.cov(view.T)
        deviations = (covariance.diagonal() + 1e-4).sqrt()
        loss = loss + 25 * (1 - deviations).relu().mean() / 2
        loss = loss + (covariance - covariance.diagonal().diag()).square().sum() / view.shape[1]
    return loss


def barlow_twins(views):
    first, second = ((view - view.mean(0)) / view.std(0, correction=0) for view in views)
    correlations = first.T @ second / len(first)
    diagonal = correlations.diagonal()
    return (1 - diagonal).square().sum() + 5e-3 * (correlations - diagonal.diag()).square().sum()


LOSSES = {
    "FroSSL, 2 views": (frossl_loss, FroSSL(2, SAMPLES), 2),
    "FroSSL, 4 views": (frossl_loss, FroSSL(4, SAMPLES), 4),
    "VICReg": (vicreg, VICReg(SAMPLES), 2),
    "Barlow Twins": (barlow_twins, BarlowTwins(), 2),
}


def views_with_exact_moments(variance, share, count):
    """Views of a centred signal with noise of their own: all their second moments are what was asked for, to rounding."""
    width, generator = len(variance), np.random.default_rng(0)
    samples = max(SAMPLES, (count + 1) * width + 1)
    block = generator.normal(size=(samples, (count + 1) * width))
    columns = np.linalg.qr(np.concatenate([np.ones((samples, 1)), block], axis=1))[0][:, 1:] * samples**0.5
    signal = columns[:, :width] * np.sqrt(share * variance)
    noises = (columns[:, width * n : width * (n + 1)] for n in range(1, count + 1))
    return [signal + noise * np.sqrt((1 - share) * variance) for noise in noises], samples


def simulated(loss, variance, share, start, rate, steps, count):
    """Eigenvalues of the first view's covariance while a linear encoder, drawn at random but for its symmetry, is trained."""
    images, samples = views_with_exact_moments(variance, share, count)
    axes = scipy.linalg.hadamard(len(variance)) / len(variance) ** 0.5
    rotation = scipy.stats.ortho_group.rvs(len(variance), random_state=0)
    views = [torch.from_numpy(image @ rotation.T) for image in images]
    encoder = torch.from_numpy(rotation @ np.diag(np.sqrt(start / variance)) @ axes.T).requires_grad_()
    path = []
    for _ in range(steps + 1):
        embeddings = [view @ encoder for view in views]
        path.append(torch.linalg.eigvalsh(embeddings[0].detach().T @ embeddings[0].detach() / samples).numpy())
        (slope,) = torch.autograd.grad(loss(embeddings), encoder)
        encoder = (encoder - rate * slope).detach().requires_grad_()
    return np.stack(path), samples


@pytest.mark.parametrize("name", LOSSES)
def test_predicted_eigenvalues_are_those_of_a_trained_linear_encoder(name):
    loss, slope, count = LOSSES[name]
    k = np.arange(1, WIDTH + 1)
    variance, share, start = 2.0 / k, 1 / (1 + 0.05 * k), 0.4 / k
    rate, steps = 0.01 if name != "VICReg" else 0.005, 60
    found, samples = simulated(loss, variance, share, start, rate, steps, count)
    fields = {"samples": samples} if hasattr(slope, "samples") else {}
    predicted = descend(type(slope)(**(vars(slope) | fields)), variance, share, start, rate, steps)
    np.testing.assert_allclose(found, np.sort(predicted, axis=1), rtol=1e-6)
    moved = np.abs(np.log(found[-1] / found[0])).max()
    assert moved > 0.2, "a prediction that nothing moves would pass"


@pytest.mark.parametrize("name", LOSSES)
def test_ratios_of_eigenvalues_shrink_by_their_difference(name):
    """Where variances and shares are alike: d log(c_1 / c_k) / dt is minus a positive number times c_1 - c_k."""
    _, slope, _ = LOSSES[name]
    c = np.array([4.0, 2.0, 1.0, 0.5, 0.1, 0.1])
    found = slope(c, np.full(6, 0.8))
    coefficients = (found[0] - found[1:]) / (c[0] - c[1:])
    np.testing.assert_allclose(coefficients, coefficients[0], rtol=1e-12)
    assert coefficients[0] > 0


def test_views_do_not_change_the_number_of_steps_when_the_weight_is_balanced():
    """V views have V times the slope of the entropies; with the weight of two views divided by V - 1, of everything."""
    k = np.arange(1, 33)
    c, share = 1.0 / k, 1 / (1 + 0.1 * k)
    two, eight = FroSSL(2, SAMPLES)(c, share), FroSSL(8, SAMPLES, weight=1 / 7)(c, share)
    np.testing.assert_allclose(eight, 4 * two, rtol=1e-12)


def test_steps_are_counted_from_where_the_largest_stay_alike():
    alike, apart = np.ones(20), np.r_[9.0, np.ones(19)]
    path = np.stack([apart, alike, apart, *[alike] * 60])
    assert steps_until_alike(path) == 3
    assert steps_until_alike(np.stack([apart] * 60)) is None
