"""Gaussian Grams of large samples, made in strips: those of whole matrices, and their gradients."""

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.itl import _gaussian_gram, _kernels
from tests.itl._reference import normal

N = 300


def points(kind):
    x = normal(N, 4)
    if kind == "close pairs":  # far from the centre, nearer to one another than rounding there
        x = x * 1e3
        x[1::2] = x[::2] + 1e-6 * normal(N // 2, 4, seed=1)
    if kind == "an outlier":
        x = 1e-4 * x
        x[7] = 1e4
    if kind == "equal points":
        x[10:40] = x[3]
    return x


KINDS = {"ordinary": 2.0, "close pairs": 1e-6, "an outlier": 1e-4, "equal points": 1.0}


def whole(x, bandwidth, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_kernels, "in_strips", lambda _: False)
        return gm.gaussian_kernel(x, bandwidth=bandwidth)


@pytest.mark.parametrize("kind", list(KINDS))
def test_value_and_gradient_are_those_of_the_whole_matrix(kind, monkeypatch):
    x = points(kind).requires_grad_()
    bandwidth = torch.tensor(KINDS[kind], dtype=torch.float64, requires_grad=True)
    weights = normal(N, N, seed=3)  # not symmetric: both roles of a point count
    strips, plain = gm.gaussian_kernel(x, bandwidth=bandwidth), whole(x, bandwidth, monkeypatch)
    torch.testing.assert_close(strips, plain, rtol=1e-12, atol=0)
    ours, theirs = (torch.autograd.grad((weights * gram).sum(), (x, bandwidth)) for gram in (strips, plain))
    for own, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, their, rtol=1e-8, atol=1e-9 * float(their.abs().max()))


def test_entries_are_those_of_the_formula():
    x = points("ordinary").numpy()
    squared = ((x[:, None] - x[None]) ** 2).sum(-1)
    np.testing.assert_allclose(gm.gaussian_kernel(x, bandwidth=1.5), np.exp(-squared / (2 * 1.5**2)), rtol=1e-11)


def test_the_gradient_is_that_of_the_formula():
    x, weights = points("ordinary").requires_grad_(), normal(N, N, seed=3)
    (ours,) = torch.autograd.grad((gm.gaussian_kernel(x, bandwidth=1.5) * weights).sum(), x)
    plain, w = x.detach().numpy(), weights.numpy()
    between = plain[:, None] - plain[None]
    each = w * np.exp(-(between**2).sum(-1) / (2 * 1.5**2))
    expected = -((each + each.T)[..., None] * between).sum(1) / 1.5**2
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("elements", [1, N, 7 * N, 10**9])
def test_the_size_of_strips_changes_nothing(elements, monkeypatch):
    x = points("equal points").requires_grad_()
    expected = torch.autograd.grad(gm.gaussian_kernel(x, bandwidth=1.0).square().sum(), x)[0]
    monkeypatch.setattr(_gaussian_gram, "_STRIP", elements)
    torch.testing.assert_close(torch.autograd.grad(gm.gaussian_kernel(x, bandwidth=1.0).square().sum(), x)[0], expected)


def test_single_and_half_precision_keep_their_digits():
    x = points("ordinary")
    exact = gm.gaussian_kernel(x.float().double(), bandwidth="dimension")
    single = gm.gaussian_kernel(x.float(), bandwidth="dimension")
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), exact, rtol=6e-8, atol=1e-38)
    assert gm.gaussian_kernel(x.half(), bandwidth="dimension").dtype == torch.float32


def test_second_derivatives_are_there():
    x = points("ordinary").requires_grad_()
    bandwidth = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)

    def penalty(gram):
        slopes = torch.autograd.grad(gram.square().mean(), (x, bandwidth), create_graph=True)
        return sum(slope.square().sum() for slope in slopes)

    ours = torch.autograd.grad(penalty(gm.gaussian_kernel(x, bandwidth=bandwidth)), (x, bandwidth))
    squared = (x.unsqueeze(1) - x).square().sum(-1)
    theirs = torch.autograd.grad(penalty(torch.exp(-squared / (2 * bandwidth**2))), (x, bandwidth))
    for own, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, their, rtol=1e-8, atol=1e-12)


def test_a_bandwidth_is_checked_as_ever():
    with pytest.raises(ValueError, match="bandwidth: expected a positive, finite length"):
        gm.gaussian_kernel(points("ordinary"), bandwidth=0.0)
