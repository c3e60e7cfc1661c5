"""Order 2 of many shuffles, strip by strip: the value and gradient of the products themselves."""

import pytest
import torch

import gramian as gm
from gramian.itl import _shuffled_grams
from gramian.itl._leading_entropy import joint_entropies
from gramian.itl._shuffled_collisions import collision_entropies
from tests.itl._reference import normal

WEIGHTS = [0.5, -1.0, 2.0, 0.25]


def grams(*batch, n=150):
    """Grams whose diagonals vary and whose traces are not n."""
    return [
        (x @ x.mT / n).requires_grad_()
        for x in (normal(*batch, n, 7, seed=seed) + torch.linspace(0, 2, 7, dtype=torch.float64) for seed in (0, 1))
    ]


def plainly(left, right, orders, weights):
    total = 0.0
    for order, weight in zip(orders, weights, strict=True):
        product = left * right[..., order, :][..., :, order]
        trace = product.diagonal(dim1=-2, dim2=-1).sum(-1)
        total = total + weight * (2 * trace.log() - product.square().sum((-2, -1)).log())
    return total


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_value_and_gradient_are_those_of_the_products(batch):
    left, right = grams(*batch)
    generator = torch.Generator().manual_seed(0)
    orders = [torch.arange(150), *(torch.randperm(150, generator=generator) for _ in range(3))]
    value, expected = (
        collision_entropies(left, right, orders, WEIGHTS[: len(orders)]),
        plainly(left, right, orders, WEIGHTS),
    )
    assert value.detach().numpy() == pytest.approx(expected.detach().numpy(), rel=1e-12)
    weights = torch.arange(1.0, 1 + value.numel(), dtype=torch.float64).reshape(value.shape)
    ours, theirs = (torch.autograd.grad((weights * one).sum(), (left, right)) for one in (value, expected))
    for own, their in zip(ours, theirs, strict=True):
        assert torch.allclose(own, their, rtol=1e-9, atol=1e-12 * float(their.abs().max()))


def test_one_gram_alone_has_its_gradient():
    left, right = grams(n=70)
    orders = [torch.randperm(70, generator=torch.Generator().manual_seed(1))]
    both = torch.autograd.grad(collision_entropies(left, right, orders, WEIGHTS[: len(orders)]), (left, right))
    for place, given in enumerate(((left, right.detach()), (left.detach(), right))):
        (own,) = torch.autograd.grad(collision_entropies(*given, orders, WEIGHTS[: len(orders)]), given[place])
        assert torch.equal(own, both[place])


def test_single_precision_keeps_six_digits():
    left, right = (gram.detach() for gram in grams(n=300))
    orders = [torch.randperm(300, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    exact = float(collision_entropies(left, right, orders, WEIGHTS[: len(orders)]))
    assert float(collision_entropies(left.float(), right.float(), orders, WEIGHTS[: len(orders)])) == pytest.approx(
        exact, rel=1e-6
    )


@pytest.mark.parametrize("batch", [(), (2,)])
def test_leading_eigenvalues_of_shuffles_in_strips_are_those_of_whole_grams(batch, monkeypatch):
    left, right = grams(*batch)
    orders = [torch.randperm(150, generator=torch.Generator().manual_seed(seed)) for seed in range(2)]
    start = normal(150, 9, seed=5)

    def found():
        value = joint_entropies(left, right, orders, [0.5, 0.5], 1.01, start=start, rank=18, eps=1e-16)
        return value.detach(), *torch.autograd.grad(value.sum(), (left, right))

    strips = found()
    monkeypatch.setattr(_shuffled_grams, "_ROWS", 150)
    for own, whole in zip(strips, found(), strict=True):
        assert torch.allclose(own, whole, rtol=1e-12, atol=1e-15)
    # And of grams that are shuffled before: the same entropy from another order.
    moved = [right[..., order, :][..., :, order] for order in orders]
    told = {"start": start, "rank": 18, "eps": 1e-16}
    plain = sum(joint_entropies(left, one, [torch.arange(150)], [0.5], 1.01, **told) for one in moved)
    assert torch.allclose(strips[0], plain.detach(), rtol=1e-12)
    for own, their in zip(strips[1:], torch.autograd.grad(plain.sum(), (left, right)), strict=True):
        assert torch.allclose(own, their, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("already", [False, True])
@pytest.mark.parametrize("told", [{"alpha": 2}, {"rank": 6}])
def test_how_a_thread_treats_denormal_numbers_stays_what_it_was(told, already):
    def flushed():
        return float(torch.tensor(torch.finfo(torch.float32).tiny) / 2) == 0

    if not torch.set_flush_denormal(already):
        pytest.skip("this processor has no such setting")
    try:
        gm.dime(*(gram.detach() for gram in grams(n=20)), seed=0, **told)
        assert flushed() is already
    finally:
        torch.set_flush_denormal(False)
