"""Gradients against finite differences, repeated eigenvalues and missing rank included."""

import pytest
import torch

import gramian as gm
from gramian.itl import feature_spectrum
from tests.itl._reference import ORDERS, normal, wishart

ABOVE_ONE = [1.01, 1.1, 1.5, 2.0, 3.0, 6.0]


def difference(function, x, direction, step=1e-6):
    return (function(x + step * direction) - function(x - step * direction)).item() / (2 * step)


def slope(function, x, direction):
    x = x.clone().requires_grad_()
    (grad,) = torch.autograd.grad(function(x), x)
    assert torch.isfinite(grad).all()
    return (grad * direction).sum().item()


def symmetric(n, seed):
    direction = normal(n, n, seed=seed)
    return direction + direction.mT


@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.9, 1.0, *ABOVE_ONE, float("inf")])
def test_full_rank_gram_in_all_directions(alpha):
    gram = wishart(5, 8)
    for seed in range(4):
        direction = symmetric(5, seed)
        measured = difference(lambda k: gm.matrix_entropy(k, alpha=alpha), gram, direction)
        assert slope(lambda k: gm.matrix_entropy(k, alpha=alpha), gram, direction) == pytest.approx(measured, abs=1e-7)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 2.0, 3.0])
def test_gradcheck_on_the_gram_itself(alpha):
    assert torch.autograd.gradcheck(lambda k: gm.matrix_entropy(k, alpha=alpha), wishart(4, 6).requires_grad_())


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 1.5, 2.0, 3.0])
def test_repeated_eigenvalues(alpha):
    gram = torch.block_diag(2.0 * torch.eye(3), 0.5 * torch.eye(2)).double()
    for seed in range(4):
        direction = symmetric(5, seed)
        measured = difference(lambda k: gm.matrix_entropy(k, alpha=alpha), gram, direction, step=1e-5)
        assert slope(lambda k: gm.matrix_entropy(k, alpha=alpha), gram, direction) == pytest.approx(measured, abs=1e-7)


@pytest.mark.parametrize("alpha", ORDERS)
def test_the_identity_is_a_stationary_point(alpha):
    gram = torch.eye(6, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(gm.matrix_entropy(gram, alpha=alpha), gram)
    assert torch.isfinite(grad).all()
    if alpha != float("inf"):
        assert grad.abs().max() < 1e-12


@pytest.mark.parametrize("alpha", [1.5, 2.0, 3.0, 6.0])
@pytest.mark.parametrize("seed", range(4))
def test_rank_deficient_gram_in_directions_that_open_the_kernel_above_order_one(alpha, seed):
    gram = wishart(6, 3)
    opening = normal(6, 2, seed=seed + 10)
    direction = opening @ opening.mT
    step = 1e-9 if alpha == 1.5 else 1e-7  # the next term is step^(alpha - 1)
    moved = gm.matrix_entropy(gram + step * direction, alpha=alpha) - gm.matrix_entropy(gram, alpha=alpha)
    computed = slope(lambda k: gm.matrix_entropy(k, alpha=alpha), gram, direction)
    assert computed == pytest.approx(moved.item() / step, rel=2e-2 if alpha == 1.5 else 1e-4, abs=1e-5)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9, 0.99, 1.0, *ABOVE_ONE])
@pytest.mark.parametrize("seed", range(3))
def test_rank_deficient_gram_along_directions_that_keep_the_support(alpha, seed):
    x = normal(6, 3)
    inner = torch.eye(3, dtype=torch.float64) + 0.1 * wishart(3, 5, seed=1)
    direction = symmetric(3, seed)
    tilt = normal(6, 6, seed=seed + 5)
    turn = tilt - tilt.mT  # turns the support without changing its dimension: K(t) = R(t) K R(t)'
    gram = x @ inner @ x.mT

    def entropy(k):
        return gm.matrix_entropy(k, alpha=alpha)

    within = x @ direction @ x.mT
    assert slope(entropy, gram, within) == pytest.approx(difference(entropy, gram, within), abs=1e-6)
    assert slope(entropy, gram, turn @ gram - gram @ turn) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("alpha", [1.01, 1.1, 1.2])
def test_the_gradient_off_the_support_does_not_depend_on_how_zero_eigenvalues_round(alpha):
    def gradient(gram):
        gram = gram.clone().requires_grad_()
        return torch.autograd.grad(gm.matrix_entropy(gram, alpha=alpha), gram)[0]

    x = normal(6, 2)
    gram = x @ x.mT
    off = torch.linalg.qr(torch.cat([x, normal(6, 4, seed=1)], dim=-1)).Q[:, 2:]
    values = torch.linalg.eigvalsh(gram)[-2:]
    exact = gradient(torch.diag(torch.cat([values, torch.zeros(4, dtype=torch.float64)])))
    within = off.mT @ gradient(gram) @ off
    assert torch.allclose(within, exact[2, 2] * torch.eye(4, dtype=torch.float64), rtol=1e-9, atol=1e-9)
    assert exact[2:, 2:].diagonal().tolist() == pytest.approx([exact[2, 2].item()] * 4)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 2.0])
@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (4, 4)])
@pytest.mark.parametrize("center", [False, True])
def test_features(alpha, shape, center):
    x = normal(*shape).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: gm.feature_entropy(z, alpha=alpha, center=center), x)


def test_feature_spectrum():
    assert torch.autograd.gradcheck(feature_spectrum, normal(6, 3).requires_grad_())


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 2.0])
@pytest.mark.parametrize("kernel", [gm.gaussian_kernel, gm.laplacian_kernel, gm.linear_kernel, gm.cosine_kernel])
def test_entropies_through_kernels(alpha, kernel):
    x = normal(5, 7).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: gm.matrix_entropy(kernel(z), alpha=alpha), x)


@pytest.mark.parametrize("alpha", [1.0, 1.01, 2.0])
@pytest.mark.parametrize(
    "quantity",
    [
        gm.joint_entropy,
        gm.conditional_entropy,
        gm.mutual_information,
        gm.total_correlation,
        lambda a, b, alpha: gm.dime(a, b, alpha=alpha, permutations=2, seed=3),
    ],
)
def test_dependence(alpha, quantity):
    x, y = normal(4, 6).requires_grad_(), normal(4, 6, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: quantity(a @ a.mT, b @ b.mT, alpha=alpha), (x, y))


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 2.0])
@pytest.mark.parametrize("balanced", [False, True])
def test_divergence(alpha, balanced):
    labels = torch.tensor([0, 1, 0, 2, 0])
    x = normal(5, 7).requires_grad_()

    def divergence(z):
        return gm.jensen_renyi_divergence(gm.linear_kernel(z), labels, alpha=alpha, balanced=balanced)

    assert torch.autograd.gradcheck(divergence, x)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 1.5, 2.0, 5.0])
@pytest.mark.parametrize("balanced", [False, True])
def test_divergence_where_eigenvalues_repeat(alpha, balanced):
    # Pooled and within both groups every eigenvalue occurs twice or more.
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    gram = torch.block_diag(torch.eye(2), 0.5 * torch.eye(2), torch.eye(2)).double()
    for seed in range(4):
        direction = symmetric(6, seed)

        def divergence(k):
            return gm.jensen_renyi_divergence(k, labels, alpha=alpha, balanced=balanced)

        measured = difference(divergence, gram, direction, step=1e-5)
        assert slope(divergence, gram, direction) == pytest.approx(measured, abs=1e-7)


@pytest.mark.parametrize("alpha", [1.0, 1.01, 2.0, 5.0])
@pytest.mark.parametrize("kernel", [gm.gaussian_kernel, gm.laplacian_kernel])
def test_divergence_reaches_points_and_bandwidth(alpha, kernel):
    labels = torch.tensor([0, 1, 0, 1, 1])
    sigma = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)

    def divergence(x, s):
        return gm.jensen_renyi_divergence(kernel(x, bandwidth=s), labels, alpha=alpha)

    assert torch.autograd.gradcheck(divergence, (normal(5, 2).requires_grad_(), sigma))


def test_divergence_descends_with_equal_points():
    # Two copies of one sample: repeated rows, a rank-deficient Gram, and a minimum of the divergence.
    x = normal(4, 2).repeat(2, 1).requires_grad_()
    labels = torch.tensor([0] * 4 + [1] * 4)
    value = gm.jensen_renyi_divergence(gm.gaussian_kernel(x, bandwidth=1.0), labels)
    (grad,) = torch.autograd.grad(value, x)
    assert value.item() == pytest.approx(0.0, abs=1e-9)
    assert grad.abs().max() < 1e-6


def test_gradient_reaches_a_learned_bandwidth():
    x = normal(5, 2)
    sigma = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: gm.matrix_entropy(gm.gaussian_kernel(x, bandwidth=s)), sigma)
