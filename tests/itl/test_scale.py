"""Neither the scale of a Gram nor that of the points changes an entropy; close points keep their distance."""

import math

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.itl import _distances
from tests.itl._reference import normal, unit_diagonal, wishart

LABELS = torch.tensor([0, 0, 1, 1, 2, 2])
QUANTITIES = {
    "matrix_entropy": lambda k, alpha: gm.matrix_entropy(k, alpha=alpha),
    "joint_entropy": lambda k, alpha: gm.joint_entropy(k, k, k, alpha=alpha),
    "conditional_entropy": lambda k, alpha: gm.conditional_entropy(k, k, alpha=alpha),
    "mutual_information": lambda k, alpha: gm.mutual_information(k, k, alpha=alpha),
    "total_correlation": lambda k, alpha: gm.total_correlation(k, k, k, alpha=alpha),
    "dime": lambda k, alpha: gm.dime(k, k, alpha=alpha, seed=0),
    "divergence": lambda k, alpha: gm.jensen_renyi_divergence(k, LABELS, alpha=alpha),
    "balanced divergence": lambda k, alpha: gm.jensen_renyi_divergence(k, LABELS, alpha=alpha, balanced=True),
}


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 2.0, math.inf])
@pytest.mark.parametrize(
    ("dtype", "scale"),
    [(torch.float64, s) for s in (1e307, 1e160, 1e-170, 1e-307)] + [(torch.float32, s) for s in (1e37, 1e20, 1e-30)],
)
def test_quantities_do_not_depend_on_the_scale_of_their_grams(quantity, alpha, dtype, scale):
    gram = unit_diagonal(6, 9)
    expected = QUANTITIES[quantity](gram, alpha).item()
    value = QUANTITIES[quantity](gram.to(dtype) * scale, alpha).item()
    assert value == pytest.approx(expected, abs=1e-9 if dtype == torch.float64 else 1e-4)


def test_a_trace_beyond_the_dtype_is_no_obstacle():
    assert float(gm.matrix_entropy(1e308 * np.eye(3))) == pytest.approx(math.log(3))
    assert gm.spectrum(1e308 * np.eye(3)) == pytest.approx(np.full(3, 1 / 3))
    assert float(gm.matrix_entropy(5e-324 * np.eye(3), alpha=2)) == pytest.approx(math.log(3))


def test_each_gram_of_a_batch_has_its_own_scale():
    grams = torch.stack([wishart(5, 7, seed=i) for i in range(3)])
    scales = torch.tensor([1e200, 1.0, 1e-200], dtype=torch.float64)[:, None, None]
    for alpha in (1.0, 2.0):
        assert torch.allclose(gm.matrix_entropy(grams * scales, alpha=alpha), gm.matrix_entropy(grams, alpha=alpha))


def test_products_of_small_diagonals_do_not_vanish():
    a, b = np.diag([1.0, 1e-30]).astype(np.float32), np.diag([1e-30, 1.0]).astype(np.float32)
    assert float(gm.joint_entropy(a, b, a, b)) == pytest.approx(math.log(2), abs=1e-6)


@pytest.mark.parametrize("alpha", [1.0, 1.01, 2.0])
def test_gradients_scale_inversely_with_the_gram(alpha):
    def gradient(gram):
        gram = gram.clone().requires_grad_()
        return torch.autograd.grad(gm.matrix_entropy(gram, alpha=alpha), gram)[0]

    gram = wishart(5, 8)
    assert torch.allclose(gradient(gram * 1e160) * 1e160, gradient(gram), atol=1e-10)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("scale", [1e307, 1e160, 1e100, 1e-100, 1e-170])
def test_feature_entropy_does_not_depend_on_the_scale(center, alpha, scale):
    x = normal(6, 3)
    expected = gm.feature_entropy(x, alpha=alpha, center=center).item()
    assert gm.feature_entropy(x * scale, alpha=alpha, center=center).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kernel", [gm.gaussian_kernel, gm.laplacian_kernel])
@pytest.mark.parametrize("scale", [1e307, 1e160, 1e-170, 1e-300])
def test_distance_kernels_follow_the_scale_of_the_points(kernel, scale):
    x, y = normal(6, 3).numpy(), normal(4, 3, seed=1).numpy()
    assert kernel(x * scale) == pytest.approx(kernel(x), abs=1e-9)
    assert kernel(x * scale, y * scale, bandwidth="mean") == pytest.approx(kernel(x, y, bandwidth="mean"), abs=1e-9)
    assert kernel(x * scale, bandwidth=scale) == pytest.approx(kernel(x, bandwidth=1.0), abs=1e-9)


@pytest.mark.parametrize("scale", [1e307, 1e160, 1e-170, 1e-307])
def test_cosines_do_not_depend_on_the_scale(scale):
    x = normal(6, 3).numpy()
    assert gm.cosine_kernel(x * scale) == pytest.approx(gm.cosine_kernel(x), abs=1e-12)


def test_inner_products_beyond_the_dtype_are_an_error():
    x = normal(4, 3, dtype=torch.float32)
    for y in (None, x * 1e20):
        with pytest.raises(ValueError, match=r"x: expected inner products within the range .*float32; got an overflow"):
            gm.linear_kernel(x * 1e20, y)


@pytest.mark.parametrize(
    ("points", "bandwidth"),
    [([[0.0], [1e-9], [1.0]], 1e-9), ([[0.0], [1.0], [1e9]], 1.0), ([[0.0], [1.0], [1e15]], 1.0)],
)
def test_close_points_keep_their_distance_beside_far_ones(points, bandwidth):
    x = np.array(points)
    assert gm.laplacian_kernel(x, bandwidth=bandwidth)[0, 1] == pytest.approx(math.exp(-1.0), rel=1e-12)
    assert gm.gaussian_kernel(x, bandwidth=bandwidth)[0, 1] == pytest.approx(math.exp(-0.5), rel=1e-12)
    assert gm.gaussian_kernel(x, x.copy(), bandwidth=bandwidth)[0, 1] == pytest.approx(math.exp(-0.5), rel=1e-12)


def test_close_points_keep_their_gradient_beside_far_ones():
    x = torch.tensor([[0.0], [1.0], [1e9]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(gm.gaussian_kernel(x, bandwidth=1.0)[0, 1], x)
    slope = math.exp(-0.5)  # d exp(-(x1 - x0)^2 / 2) / d x0 at distance 1
    assert gradient.flatten().tolist() == pytest.approx([slope, -slope, 0.0], rel=1e-12)


@pytest.mark.parametrize("chunk", [6, 2**22])
def test_close_pairs_have_first_and_second_derivatives_in_pieces_too(chunk, monkeypatch):
    monkeypatch.setattr(_distances, "_CHUNK", chunk)
    x = normal(2, 5, 3)
    x[:, 1], x[:, 3] = x[:, 0] + 1e-5, x[:, 2]
    assert torch.autograd.gradcheck(lambda z: gm.gaussian_kernel(z, bandwidth=1.0), x.requires_grad_())
    assert torch.autograd.gradgradcheck(lambda z: gm.gaussian_kernel(z, bandwidth=1.0), x)


def test_close_pairs_of_a_batch_are_its_own():
    x = torch.tensor([[[0.0], [1e-9], [1.0]], [[5.0], [5.0], [7.0]]], dtype=torch.float64)
    together = gm.laplacian_kernel(x, bandwidth=1e-9)
    for element, block in zip(x, together, strict=True):
        assert torch.equal(gm.laplacian_kernel(element, bandwidth=1e-9), block)
    assert together[0, 0, 1].item() == pytest.approx(math.exp(-1.0))


def test_no_input_is_changed():
    for n in (1, 5, 257, 300):  # 257 leaves a tile of one column
        gram = unit_diagonal(n, 4)
        kept = gram.clone()
        gm.matrix_entropy(gram, alpha=2)
        gm.spectrum(gram)
        assert torch.equal(gram, kept)
