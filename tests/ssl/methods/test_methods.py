"""Every method: what takes gradients, that it learns, what it leaves for callbacks, and that seeds decide everything."""

import copy

import pytest
import torch

from gramian.ssl._methods import METHODS
from gramian.ssl._methods.pretraining import drawn_from
from gramian.ssl._recipes import SETTINGS
from tests.ssl.methods._problem import Clock, optimizer_of, small_module, small_recipe, views_of

ALL = sorted(METHODS)
MULTI = ["frossl", "swav", "dino", "wmse", "mmcr"]
# Networks that are averages, and the part of DINO's last layer that weight normalisation keeps at one.
SLOW = ("slow_backbone.", "slow_projector.")
FIXED = {"dino": {"projector.last_layer.weight_g"}}


def step(module, batch):
    module.advance()
    loss, outputs = module.compute_loss(*batch)
    module.zero_grad()
    loss.backward()
    return loss, outputs


def test_there_are_eleven_and_each_has_settings():
    assert set(METHODS) == set(SETTINGS)
    assert len(METHODS) == 11


@pytest.mark.parametrize("method", ALL)
def test_one_step_gives_gradients_to_what_learns_and_to_nothing_else(method):
    module = small_module(method)
    step(module, views_of(module))
    for name, parameter in module.named_parameters():
        learns = not name.startswith(SLOW) and name not in FIXED.get(method, ())
        assert parameter.requires_grad == learns, name
        assert (parameter.grad is not None) == learns, name
        if learns:
            assert parameter.grad.isfinite().all(), name
    moving = [p.grad.abs().max() for n, p in module.named_parameters() if p.grad is not None and p.ndim > 1]
    assert min(moving) > 0


@pytest.mark.parametrize("method", ALL)
def test_a_few_steps_lower_the_loss(method, monkeypatch):
    # DINO's loss is against a target that moves, and rises at first; against one that stays it falls.
    still = (
        ("settings.momentum=1", "settings.final_momentum=1", "settings.center_momentum=1", "optimizer.lr=0.001")
        if method == "dino"
        else ()
    )
    module = small_module(method, "optimizer.name=adam", "optimizer.lr=0.02", "schedule.warmup_epochs=0", *still)
    clock = Clock(monkeypatch, module)
    clock.epoch = 3  # past the epochs in which prototypes are frozen
    optimizer, _ = optimizer_of(module)
    losses = []
    for number in range(10):
        loss, _ = step(module, views_of(module, seed=number % 2))
        optimizer.step()
        clock.step += 1
        losses.append(float(loss.detach()))
    # A queue of random negatives is easier than one of images: MoCo's loss is compared from where its queues are full.
    first = 2 if method == "moco" else 0
    assert sum(losses[-3:]) / 3 < losses[first], losses


@pytest.mark.parametrize("method", ALL)
def test_outputs_are_those_of_each_view_without_gradients(method):
    module = small_module(method)
    views, labels = views_of(module)
    loss, outputs = module.compute_loss(views, labels)
    assert loss.shape == ()
    assert loss.dtype == torch.float32
    assert len(outputs.features) == len(outputs.embeddings) == len(views)
    assert all(feature.shape == (32, module.backbone.features) for feature in outputs.features)
    kept = [*outputs.features, *outputs.embeddings, *outputs.terms.values()]
    assert not any(tensor.requires_grad for tensor in kept)
    assert outputs.labels is labels
    width = module.settings.prototypes if method == "dino" else 8
    assert outputs.embeddings[0].shape == (32, width)


@pytest.mark.parametrize("method", ALL)
def test_weights_and_losses_depend_on_the_seed_alone_and_leave_no_trace(method):
    before = torch.get_rng_state()
    losses = []
    for seed in (0, 0, 1):
        module = small_module(method, f"seed={seed}")
        losses.append(float(module.compute_loss(*views_of(module))[0].detach()))
    assert torch.equal(torch.get_rng_state(), before)
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("method", ALL)
def test_a_module_from_a_checkpoint_goes_on_as_the_first_would_have(method, monkeypatch, tmp_path):
    """Momentum networks, queues, prototypes and centres are in the checkpoint: the next losses are equal."""
    module = small_module(method)
    clock = Clock(monkeypatch, module)
    optimizer, _ = optimizer_of(module)
    for number in range(3):
        step(module, views_of(module, seed=number))
        optimizer.step()
        clock.step += 1
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    other = small_module(method, "seed=7")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    other.recipe = module.recipe  # the seed of W-MSE's slices
    for number in range(3, 5):
        batch = views_of(module, seed=number)
        assert step(module, batch)[0] == step(other, batch)[0]


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_is_close_to_float32_and_its_loss_is_float32(method, dtype):
    module = small_module(method)
    batch = views_of(module)
    state = copy.deepcopy(module.state_dict())
    full, _ = module.compute_loss(*batch)
    module.load_state_dict(state)  # queues and centres have moved
    with torch.autocast("cpu", dtype=dtype):
        mixed, _ = module.compute_loss(*batch)
    assert mixed.dtype == torch.float32
    assert float(mixed.detach()) == pytest.approx(float(full.detach()), rel=0.05, abs=0.05)


@pytest.mark.parametrize("method", ALL)
def test_double_precision_stays_double(method):
    module = small_module(method).double()
    loss, _ = module.compute_loss(*views_of(module, dtype=torch.float64))
    assert loss.dtype == torch.float64


@pytest.mark.parametrize("method", MULTI)
def test_more_views_are_taken(method):
    module = small_module(method, "number_of_views=4")
    loss, outputs = step(module, views_of(module))
    assert loss.isfinite()
    assert len(outputs.embeddings) == 4


@pytest.mark.parametrize("method", ["swav", "dino"])
def test_small_views_follow_the_large_ones(method):
    module = small_module(method, "views.small_views=3")
    views, labels = views_of(module)
    views[2:] = [view[:, :, :8, :8].contiguous() for view in views[2:]]
    loss, outputs = step(module, (views, labels))
    assert loss.isfinite()
    assert len(outputs.embeddings) == 5
    assert all(p.grad is not None for p in module.backbone.parameters())


@pytest.mark.parametrize(("method", "count"), [("frossl", 9), ("frossl", 1), ("byol", 3), ("mmcr", 9), ("dino", 9)])
def test_a_number_of_views_that_a_method_does_not_take(method, count):
    with pytest.raises(ValueError, match=rf"number_of_views: expected 2.* for {method}; got {count}"):
        small_module(method, f"number_of_views={count}")


def test_small_views_where_a_method_takes_none():
    with pytest.raises(ValueError, match=r"views\.small_views: expected 0 for vicreg; got 6"):
        small_module("vicreg", "views.small_views=6")


def test_a_batch_with_another_number_of_views():
    module = small_module("frossl")
    views, labels = views_of(module)
    with pytest.raises(ValueError, match="views: expected 2 of each image; got 3"):
        module.compute_loss([*views, views[0]], labels)


def test_a_recipe_of_another_method():
    with pytest.raises(ValueError, match="recipe: expected one of byol; got one of frossl"):
        METHODS["byol"](small_recipe("frossl"), steps_per_epoch=1)
    with pytest.raises(TypeError, match="recipe: expected a Recipe; got dict"):
        METHODS["byol"]({}, steps_per_epoch=1)
    with pytest.raises(ValueError, match="steps_per_epoch: expected at least 1; got 0"):
        METHODS["byol"](small_recipe("byol"), steps_per_epoch=0)


def test_embedding_for_evaluation_changes_nothing():
    module = small_module("vicreg")
    (view, _), _ = views_of(module)
    state = copy.deepcopy(module.state_dict())
    features = module.embed(view)
    assert module.backbone.training
    assert not features.requires_grad
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    torch.testing.assert_close(features, module.eval()(view).detach())
    torch.testing.assert_close(module.embed(view[:3]), features[:3])


@pytest.mark.parametrize("value", ["true", "false"])
def test_memory_layout_changes_rounding_alone(value):
    module = small_module("frossl", f"channels_last={value}")
    assert module.backbone.conv1.weight.is_contiguous(memory_format=torch.channels_last) == (value == "true")
    loss, _ = module.compute_loss(*views_of(module))
    other = small_module("frossl", "channels_last=true").compute_loss(*views_of(module))[0]
    assert float(loss.detach()) == pytest.approx(float(other.detach()), rel=1e-4)


def test_draws_inside_are_the_seed_s_and_outside_as_if_nothing_had_happened():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    with drawn_from(11):
        inside = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with drawn_from(11):
        assert torch.equal(torch.rand(2), inside)
