"""The learning rate at every step, and which parameters decay."""

import math

import pytest
import torch

from gramian.ssl import LARS
from gramian.ssl._optimization.optimizers import build_optimizer, build_schedule
from gramian.ssl._optimization.schedule import cosine_between, warmup_cosine, warmup_steps
from gramian.ssl._recipes import load_recipe
from tests.ssl.methods._problem import optimizer_of, small_module


def test_warmup_is_linear_and_the_rest_half_a_cosine():
    rates = [warmup_cosine(t, total=100, warmup=20, peak=2.0, start=0.4, final=0.1) for t in range(101)]
    assert rates[0] == 0.4
    assert rates[10] == pytest.approx(1.2)
    assert rates[20] == 2.0
    assert rates[60] == pytest.approx(1.05)
    assert rates[40] == pytest.approx(0.1 + 1.9 * (1 + math.cos(math.pi / 4)) / 2)
    assert rates[100] == 0.1
    assert warmup_cosine(500, total=100, warmup=20, peak=2.0, start=0.4, final=0.1) == 0.1


def test_without_warmup_the_first_step_is_at_the_peak():
    assert warmup_cosine(0, total=10, warmup=0, peak=3.0, start=0.1, final=0.0) == 3.0


def test_a_cosine_between_two_values_is_halfway_at_half_the_steps():
    assert cosine_between(0.99, 1.0, 50, 100) == pytest.approx(0.995)


@pytest.mark.parametrize(("epochs", "expected"), [(1000, 150), (100, 150), (20, 30), (1, 2)])
def test_warmup_takes_ten_epochs_and_at_most_a_tenth_of_a_run(epochs, expected):
    assert warmup_steps(total=15 * epochs, steps_per_epoch=15, epochs=10, share=0.1) == expected


@pytest.mark.parametrize("name", ["lars", "sgd", "adam", "adamw"])
def test_the_run_s_rates_are_the_recipe_s_scaled_to_its_batch(name):
    overrides = [
        f"optimizer.name={name}",
        "batch_size=512",
        "epochs=10",
        "schedule.warmup_epochs=1",
        "schedule.final_lr=0.01",
    ]
    recipe = load_recipe("frossl", "cifar10", overrides=overrides)
    weight = torch.nn.Parameter(torch.ones(2, 2))
    optimizer = build_optimizer([("weight", weight)], recipe.optimizer, lr=recipe.peak_lr)
    schedule = build_schedule(optimizer, recipe, total=40, steps_per_epoch=4)
    rates = []
    for _ in range(41):
        rates.append(schedule.get_last_lr()[0])
        weight.grad = torch.ones(2, 2)
        optimizer.step()
        schedule.step()
    expected = [warmup_cosine(t, total=40, warmup=4, peak=0.6, start=6e-5, final=0.02) for t in range(41)]
    assert rates == pytest.approx(expected)


def test_a_constant_schedule_stays_at_the_peak_after_its_warmup():
    recipe = load_recipe("frossl", "cifar10", overrides=["schedule.name=constant", "epochs=10"])
    weight = torch.nn.Parameter(torch.ones(2, 2))
    schedule = build_schedule(
        build_optimizer([("weight", weight)], recipe.optimizer, lr=0.3), recipe, total=20, steps_per_epoch=2
    )
    assert [schedule.lr_lambdas[0](t) for t in (0, 1, 2, 19)] == pytest.approx([1e-4, 0.50005, 1.0, 1.0])


def test_biases_and_norms_are_in_a_group_that_does_not_decay():
    module = small_module("frossl")
    optimizer, _ = optimizer_of(module)
    assert isinstance(optimizer, LARS)
    for group in optimizer.param_groups:
        plain = group["weight_decay"] == 0
        assert all((parameter.ndim < 2) == plain for parameter in group["params"])
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in module.parameters()}


def test_everything_decays_where_the_recipe_says_so():
    optimizer, _ = optimizer_of(small_module("moco"))
    assert [group["weight_decay"] for group in optimizer.param_groups] == [1e-4]


def test_the_predictor_of_simsiam_keeps_its_rate():
    module = small_module("simsiam")
    optimizer, schedule = optimizer_of(module)
    fixed = {id(p) for p in module.predictor.parameters()}
    for _ in range(30):
        optimizer.step()
        schedule.step()
    for group in optimizer.param_groups:
        constant = all(id(p) in fixed for p in group["params"])
        assert (group["lr"] == pytest.approx(module.recipe.peak_lr)) == constant
