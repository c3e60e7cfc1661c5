"""DiME of order 2 of Gaussian Grams from their points: the value and gradient of the Grams themselves."""

import math

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.itl import _gaussian_gram, as_generator
from gramian.itl._dime import dime_of_points
from gramian.itl._gaussian_collisions import gaussian_collisions, points_serve
from tests.itl._reference import normal

N = 300
WEIGHTS = [0.5, -1.0, 2.0]
TOLD = {"permutations": 3}


def orders(n=N):
    generator = torch.Generator().manual_seed(0)
    return [torch.arange(n), *(torch.randperm(n, generator=generator) for _ in range(2))]


def points(kind="ordinary", dtype=torch.float64):
    x = normal(N, 4)
    y = x[:, :3] + 0.3 * normal(N, 3, seed=1)
    if kind == "equal points":
        x[10:40] = x[3]
    if kind == "far from the origin":
        x, y = x + 1e4, y - 1e4
    if kind == "clusters far apart":
        x[::2] += 60
    return [view.to(dtype).requires_grad_() for view in (x, y)]


def scaled(view, bandwidth=1.3):
    """Points whose plain Gaussian Gram is that of the view."""
    view = view.double()
    return (view - view.detach().mean(0)) / (math.sqrt(2) * bandwidth)


def by_points(views, **more):
    left, right = (scaled(view, **more) for view in views)
    assert points_serve(left, right)
    return dime_of_points(left, right, generator=as_generator(3), **TOLD)


def both_ways(views, **more):
    """DiME of Gaussian Grams, by the points and by the Grams, each with its gradient."""
    inputs = [*views, *(value for value in more.values() if isinstance(value, torch.Tensor))]
    grams = [gm.gaussian_kernel(view, **{"bandwidth": 1.3, **more}) for view in views]
    values = by_points(views, **more), gm.dime(*grams, alpha=2, seed=3, **TOLD)
    return [(value.detach(), *torch.autograd.grad(value, inputs)) for value in values]


def test_value_and_gradient_are_those_of_the_formula():
    left, right = (0.6 * view.detach() for view in points())
    value = gaussian_collisions(left.requires_grad_(), right.requires_grad_(), orders(), WEIGHTS)
    slopes = torch.autograd.grad(value, (left, right))
    x, y = left.detach().numpy(), right.detach().numpy()
    apart, beside = x[:, None] - x[None], y[:, None] - y[None]
    expected, by_x, by_y = 0.0, np.zeros_like(x), np.zeros_like(y)
    for order, weight in zip(orders(), WEIGHTS, strict=True):
        p = order.numpy()
        each = np.exp(-2 * (apart**2).sum(-1) - 2 * (beside[np.ix_(p, p)] ** 2).sum(-1))
        expected += weight * (2 * math.log(N) - math.log(each.sum()))
        by_x += 8 * weight / each.sum() * np.einsum("ij,ijk->ik", each, apart)
        by_y[p] += 8 * weight / each.sum() * np.einsum("ij,ijk->ik", each, beside[np.ix_(p, p)])
    assert value.item() == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(slopes[0].numpy(), by_x, rtol=1e-9, atol=1e-12 * np.abs(by_x).max())
    np.testing.assert_allclose(slopes[1].numpy(), by_y, rtol=1e-9, atol=1e-12 * np.abs(by_y).max())


@pytest.mark.parametrize("kind", ["ordinary", "equal points", "far from the origin", "clusters far apart"])
def test_dime_by_the_points_is_that_of_the_grams(kind):
    ours, theirs = both_ways(points(kind))
    assert ours[0].item() == pytest.approx(theirs[0].item(), rel=1e-9)
    for own, their in zip(ours[1:], theirs[1:], strict=True):
        torch.testing.assert_close(own, their, rtol=1e-7, atol=1e-9 * float(their.abs().max()))


def test_a_bandwidth_has_its_gradient():
    bandwidth = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    ours, theirs = both_ways(points(), bandwidth=bandwidth)
    assert ours[-1].item() == pytest.approx(theirs[-1].item(), rel=1e-9)
    assert abs(ours[-1].item()) > 1e-3


def test_single_precision_loses_nothing_but_the_rounding_of_the_points():
    single = points(dtype=torch.float32)
    ours, _ = both_ways(single)
    exact, _ = both_ways([view.detach().double().requires_grad_() for view in single])
    assert ours[0].item() == pytest.approx(exact[0].item(), rel=1e-12)
    for own, their in zip(ours[1:], exact[1:], strict=True):
        torch.testing.assert_close(own.double(), their, rtol=2e-7, atol=1e-12)


@pytest.mark.parametrize("elements", [1, N, 7 * N, 10**9])
def test_the_size_of_strips_changes_nothing(elements, monkeypatch):
    expected, _ = both_ways(points())
    monkeypatch.setattr(_gaussian_gram, "_STRIP", elements)
    for own, whole in zip(both_ways(points())[0], expected, strict=True):
        torch.testing.assert_close(own, whole, rtol=1e-10, atol=1e-14)


def test_one_view_alone_has_its_gradient():
    left, right = (view.detach().mul(0.6).requires_grad_() for view in points())
    both = torch.autograd.grad(gaussian_collisions(left, right, orders(), WEIGHTS), (left, right))
    for place, given in enumerate(((left, right.detach()), (left.detach(), right))):
        (own,) = torch.autograd.grad(gaussian_collisions(*given, orders(), WEIGHTS), given[place])
        assert torch.equal(own, both[place])


def test_points_that_would_lose_digits_or_time_do_not_serve():
    plain, outlier = scaled(normal(N, 4)), normal(N, 4)
    outlier[7] = 1e4
    assert points_serve(plain, scaled(normal(N, 60)))
    assert not points_serve(plain, scaled(outlier))
    assert not points_serve(plain, scaled(normal(N, 4), bandwidth=1e-160))
    assert not points_serve(plain, scaled(normal(N, 61)))
    assert not points_serve(plain[:20], plain[:20])
    assert not points_serve(plain.to("meta"), plain.to("meta"))


def test_the_gradient_by_a_gram_is_there_for_those_who_hold_it():
    grams = [gm.gaussian_kernel(view, bandwidth=1.0) for view in points()]
    slopes = torch.autograd.grad(gm.dime(*grams, alpha=2, seed=0), grams)
    assert all(float(slope.abs().max()) > 0 for slope in slopes)


def test_a_second_derivative_is_refused():
    views = points()
    with pytest.raises(RuntimeError, match="dime: expected one derivative; got create_graph=True"):
        torch.autograd.grad(by_points(views), views, create_graph=True)


def test_a_gradient_asked_for_twice_is_the_same():
    views = points()
    value = by_points(views)
    first, second = (torch.autograd.grad(value, views, retain_graph=True) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-14, atol=0)
