"""LARS against the formula in NumPy, lightly's optimiser, SGD and its own restart."""

import copy

import numpy as np
import pytest
import torch

from gramian.ssl import LARS

OPTIONS = [
    {"lr": 0.3, "weight_decay": 1e-4, "eta": 0.02, "clip_lr": True, "exclude_bias_n_norm": True},  # FroSSL's recipe
    {"lr": 0.001, "weight_decay": 1e-2, "eta": 0.02, "clip_lr": True},  # so small a rate that it is clipped
    {"lr": 0.3, "weight_decay": 0.0, "eta": 0.001},
    {"lr": 0.3, "weight_decay": 1e-2, "momentum": 0.0, "exclude_bias_n_norm": True},
    {"lr": 0.3, "weight_decay": 1e-2, "momentum": 0.8, "nesterov": True},
]


def parameters():
    generator = torch.Generator().manual_seed(0)
    shapes = [(4, 3), (4,), (2, 3, 3, 3), (), (5, 2), (5, 2)]
    made = [torch.nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64)) for shape in shapes]
    made[4].data.zero_()  # a weight of zeros; the last has a gradient of zeros
    return made


def gradients(step):
    generator = torch.Generator().manual_seed(10 + step)
    found = [torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in parameters()]
    found[5].zero_()
    return found


def train(optimizer, weights, steps):
    for step in steps:
        for weight, gradient in zip(weights, gradients(step), strict=True):
            weight.grad = gradient
        optimizer.step()


def by_formula(steps, *, lr, weight_decay, momentum=0.9, nesterov=False, eta=1e-3, clip_lr=False, exclude=False):
    weights = [p.detach().numpy().copy() for p in parameters()]
    buffers = [None] * len(weights)
    for step in range(steps):
        for number, gradient in enumerate(gradients(step)):
            w, g = weights[number], gradient.numpy()
            length, slope = np.sqrt((w**2).sum()), np.sqrt((g**2).sum())
            d = g
            if length > 0 and slope > 0 and not (exclude and w.ndim < 2):
                rate = eta * length / (slope + weight_decay * length + 1e-8)
                if clip_lr:
                    rate = min(rate / lr, 1)
                d = rate * (g + weight_decay * w)
            buffers[number] = d if buffers[number] is None else momentum * buffers[number] + d
            move = d + momentum * buffers[number] if nesterov else buffers[number]
            weights[number] = w - lr * (move if momentum else d)
    return weights


@pytest.mark.parametrize("options", OPTIONS)
def test_steps_are_those_of_the_formula(options):
    weights = parameters()
    train(LARS(weights, **options), weights, range(4))
    renamed = {("exclude" if name == "exclude_bias_n_norm" else name): value for name, value in options.items()}
    for weight, expected in zip(weights, by_formula(4, **renamed), strict=True):
        np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("nesterov", [False, True])
def test_without_flags_it_is_the_optimiser_of_lightly(nesterov):
    lars = pytest.importorskip("lightly.utils.lars")
    ours, theirs = parameters(), parameters()
    options = {"lr": 0.3, "momentum": 0.9, "weight_decay": 1e-3, "nesterov": nesterov}
    train(LARS(ours, eta=0.01, **options), ours, range(4))
    train(lars.LARS(theirs, trust_coefficient=0.01, **options), theirs, range(4))
    kept = [0, 1, 2, 3, 5]  # on a weight of zeros lightly's second step differs: it has moved by then
    for number in kept:
        torch.testing.assert_close(ours[number], theirs[number], rtol=1e-12, atol=0)


def test_excluded_parameters_move_as_under_sgd_without_decay():
    ours, plain = parameters(), parameters()
    train(LARS(ours, lr=0.1, weight_decay=0.1, eta=0.02, exclude_bias_n_norm=True), ours, range(3))
    train(torch.optim.SGD(plain, lr=0.1, momentum=0.9), plain, range(3))
    for number in (1, 3):
        torch.testing.assert_close(ours[number], plain[number])
    assert not torch.equal(ours[0], plain[0])


def test_clipped_weights_never_move_faster_than_under_sgd():
    """With a rate of nothing the ratio has no bound, and the clip is 1: decayed SGD."""
    ours, plain = parameters()[:4], parameters()[:4]
    for optimizer, weights in (
        (LARS(ours, lr=1e-6, momentum=0.0, weight_decay=0.1, eta=10.0, clip_lr=True), ours),
        (torch.optim.SGD(plain, lr=1e-6, weight_decay=0.1), plain),
    ):
        for weight, gradient in zip(weights, gradients(0)[:4], strict=True):
            weight.grad = gradient
        optimizer.step()
    for mine, theirs in zip(ours, plain, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-14, atol=0)


def test_a_warmup_that_starts_at_zero_moves_nothing():
    weights = parameters()
    train(LARS(weights, lr=0.0, eta=0.02, clip_lr=True), weights, range(1))
    for weight, before in zip(weights, parameters(), strict=True):
        assert torch.equal(weight, before)


def test_a_restart_from_its_state_goes_on_as_if_undisturbed():
    straight = parameters()
    train(LARS(straight, **OPTIONS[0]), straight, range(5))
    weights = parameters()
    first = LARS(weights, **OPTIONS[0])
    train(first, weights, range(2))
    state = copy.deepcopy(first.state_dict())
    again = [torch.nn.Parameter(weight.detach().clone()) for weight in weights]
    second = LARS(again, lr=9.0)
    second.load_state_dict(state)
    train(second, again, range(2, 5))
    for mine, expected in zip(again, straight, strict=True):
        assert torch.equal(mine, expected)


def test_groups_have_their_own_options_and_parameters_without_gradient_stay():
    weights = parameters()
    optimizer = LARS([{"params": weights[:2], "lr": 0.5}, {"params": weights[2:], "weight_decay": 0.3}], lr=0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1]
    weights[0].grad = gradients(0)[0]
    optimizer.step()
    for weight, before in zip(weights[1:], parameters()[1:], strict=True):
        assert torch.equal(weight, before)


def test_a_closure_is_called_with_gradients_on():
    weight = torch.nn.Parameter(torch.tensor([[3.0]]))
    optimizer = LARS([weight], lr=0.1, momentum=0.0)

    def closure():
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 9.0
