"""What moves without a gradient: averaged networks, queues, centres, frozen layers, temperatures."""

import copy
import math

import pytest
import torch
from torch.nn.functional import normalize

from tests.ssl.methods._problem import Clock, small_module, views_of


@pytest.mark.parametrize("method", ["moco", "byol", "dino"])
def test_the_averaged_network_starts_equal_and_follows_by_its_momentum(method, monkeypatch):
    module = small_module(method, "settings.momentum=0.9", "settings.final_momentum=1.0")
    clock = Clock(monkeypatch, module)
    for fast, slow in zip(module.backbone.parameters(), module.slow_backbone.parameters(), strict=True):
        assert torch.equal(fast, slow)
        assert not slow.requires_grad
    before = copy.deepcopy(module.slow_projector.state_dict())
    for parameter in module.parameters():
        if parameter.requires_grad:
            parameter.data.add_(1.0)
    clock.step = 20  # of 40: half a cosine from 0.9 to 1 is at 0.95
    module.advance()
    assert module.momentum_at(20) == pytest.approx(0.95)
    moved = dict(module.slow_projector.named_parameters())
    fast = dict(module.projector.named_parameters())
    for name, parameter in moved.items():
        expected = before[name] + 0.05 if fast[name].requires_grad else before[name]
        torch.testing.assert_close(parameter, expected)


def test_momentum_ends_at_its_final_value():
    module = small_module("byol", "settings.momentum=0.9", "settings.final_momentum=0.99")
    assert module.momentum_at(module.total_steps) == 0.99
    expected = 0.99 - 0.09 * (1 + math.cos(math.pi / 4)) / 2
    assert module.momentum_at(10) == pytest.approx(expected)


def test_moco_s_queues_hold_the_keys_of_the_last_batches():
    module = small_module("moco")
    views, labels = views_of(module)
    keys = [normalize(key) for key in module.slow_embeddings(views)]
    module.compute_loss(views, labels)
    for criterion, key in zip(module.criteria, keys[::-1], strict=True):
        bank = criterion.memory_bank
        torch.testing.assert_close(bank.bank[:32], key)
        assert int(bank.bank_ptr) == 32
        assert bank.bank.shape == (64, 8)
    assert "criteria.0.memory_bank.bank" in module.state_dict()


def test_swav_s_queues_fill_from_the_start_and_count_from_their_epoch(monkeypatch):
    module = small_module("swav", "settings.queue_from_epoch=2")
    clock = Clock(monkeypatch, module)
    batch = views_of(module)
    _, outputs = module.compute_loss(*batch)
    for queue, embedding in zip(module.queues, outputs.embeddings, strict=True):
        torch.testing.assert_close(queue.bank[:32], normalize(embedding))
    assert "queues.1.bank" in module.state_dict()
    state = copy.deepcopy(module.state_dict())
    other = views_of(
        module, seed=5
    )  # the queue holds another batch: copies of the same would not change the assignment
    early = float(module.compute_loss(*other)[0].detach())
    module.load_state_dict(state)
    clock.epoch = 2
    assert float(module.compute_loss(*other)[0].detach()) != early


def test_swav_without_a_queue_keeps_none():
    module = small_module("swav", "settings.queue=0")
    assert len(module.queues) == 0
    assert module.compute_loss(*views_of(module))[0].isfinite()


def test_dino_s_centre_moves_towards_the_teacher_s_mean():
    module = small_module("dino")
    views, labels = views_of(module)
    mean = torch.stack(module.slow_embeddings(views)).mean(dim=(0, 1))
    module.compute_loss(views, labels)
    torch.testing.assert_close(module.criterion.center.flatten(), 0.1 * mean)


def test_dino_s_teacher_warms_up_linearly(monkeypatch):
    module = small_module("dino", "settings.teacher_warmup_epochs=3")
    clock = Clock(monkeypatch, module)
    seen = []
    for clock.epoch in range(5):
        seen.append(module.teacher_temperature())
    assert seen == pytest.approx([0.04, 0.05, 0.06, 0.07, 0.07])


@pytest.mark.parametrize(("method", "part"), [("swav", "prototypes"), ("dino", "projector.last_layer")])
def test_the_last_layer_stays_as_drawn_in_its_frozen_epochs(method, part, monkeypatch):
    module = small_module(method, "settings.freeze_epochs=1")
    clock = Clock(monkeypatch, module)
    for clock.epoch in (0, 1):
        module.compute_loss(*views_of(module))[0].backward()
        module.on_after_backward()
        held = [p.grad is not None for p in module.get_submodule(part).parameters() if p.requires_grad]
        assert held == [clock.epoch == 1]
        module.zero_grad()
