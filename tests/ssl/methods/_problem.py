"""A problem small enough for tests: noisy copies of eight patterns, a narrow network, a recipe of few numbers."""

import torch

from gramian.ssl._methods import METHODS
from gramian.ssl._recipes import load_recipe

SMALL = (
    "backbone.width=4",
    "batch_size=32",
    "epochs=4",
    "projector.hidden=32",
    "projector.output=8",
    "precision=32-true",
)
# Sizes that a method has of its own; DINO's and MoCo's are those of their published recipes otherwise.
OWN = {
    "moco": ("settings.queue=64",),
    "byol": ("settings.predictor_hidden=32",),
    "simsiam": ("settings.predictor_hidden=16",),
    "swav": ("settings.prototypes=12", "settings.queue=64"),
    "dino": ("settings.prototypes=24",),
    "wmse": ("settings.whitening_size=16",),
}


def small_recipe(method, *overrides):
    return load_recipe(method, "cifar10", overrides=[*SMALL, *OWN.get(method, ()), *overrides])


def small_module(method, *overrides, steps_per_epoch=10):
    return METHODS[method](small_recipe(method, *overrides), steps_per_epoch=steps_per_epoch)


def views_of(module, seed=0, samples=32, size=16, noise=0.3, dtype=torch.float32):
    """Views of patterns, as many as the module's recipe says, and their numbers as labels."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.randn(8, 3, size, size, generator=torch.Generator().manual_seed(99), dtype=dtype)
    labels = torch.randint(8, (samples,), generator=generator)
    count = module.recipe.number_of_views + module.recipe.views.small_views
    draws = [torch.randn(samples, 3, size, size, generator=generator, dtype=dtype) for _ in range(count)]
    return [patterns[labels] + noise * draw for draw in draws], labels


class Clock:
    """Stands for the trainer's counters where a test takes the steps itself."""

    def __init__(self, monkeypatch, module):
        self.step = self.epoch = 0
        monkeypatch.setattr(type(module), "global_step", property(lambda _: self.step))
        monkeypatch.setattr(type(module), "current_epoch", property(lambda _: self.epoch))


def optimizer_of(module):
    configured = module.configure_optimizers()
    return configured["optimizer"], configured["lr_scheduler"]["scheduler"]
