"""The optimiser and schedule that a recipe states."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import Parameter
from torch.optim.lr_scheduler import LambdaLR

from gramian.ssl._optimization.lars import LARS
from gramian.ssl._optimization.schedule import warmup_cosine, warmup_steps

if TYPE_CHECKING:
    from gramian.ssl._recipes import OptimizerRecipe, Recipe

__all__ = ["build_optimizer", "build_schedule"]


def build_optimizer(
    parameters: Iterable[tuple[str, Parameter]], recipe: OptimizerRecipe, *, lr: float, constant: tuple[str, ...] = ()
) -> torch.optim.Optimizer:
    """The optimiser of the parameters that take gradients, in groups.

    Args:
        parameters: with their names.
        recipe: which optimiser, and its options.
        lr: the highest learning rate.
        constant: prefixes of the names whose learning rate follows no schedule.

    Returns:
        An optimiser whose groups have a key ``scheduled``. With ``exclude_bias_n_norm``, parameters of fewer than two axes are in
        groups of their own without weight decay.
    """
    groups: dict[tuple[bool, bool], list[Parameter]] = {}
    for name, parameter in parameters:
        if parameter.requires_grad:
            plain = recipe.exclude_bias_n_norm and parameter.ndim < 2
            groups.setdefault((plain, not name.startswith(constant) if constant else True), []).append(parameter)
    listed: list[dict[str, Any]] = [
        {"params": held, "weight_decay": 0.0 if plain else recipe.weight_decay, "scheduled": scheduled}
        for (plain, scheduled), held in groups.items()
    ]
    if recipe.name == "lars":
        return LARS(
            listed,
            lr=lr,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov,
            eta=recipe.eta,
            clip_lr=recipe.clip_lr,
            exclude_bias_n_norm=recipe.exclude_bias_n_norm,
        )
    if recipe.name == "sgd":
        return torch.optim.SGD(listed, lr=lr, momentum=recipe.momentum, nesterov=recipe.nesterov)
    kind = torch.optim.Adam if recipe.name == "adam" else torch.optim.AdamW
    return kind(listed, lr=lr, betas=recipe.betas)


def build_schedule(optimizer: torch.optim.Optimizer, recipe: Recipe, *, total: int, steps_per_epoch: int) -> LambdaLR:
    """The recipe's learning rate at every step, as factors of the highest; 1 for groups that are not ``scheduled``."""
    schedule = recipe.schedule
    warmup = warmup_steps(
        total=total, steps_per_epoch=steps_per_epoch, epochs=schedule.warmup_epochs, share=schedule.warmup_share
    )
    peak = recipe.peak_lr
    factor = partial(
        _factor,
        total=total,
        warmup=warmup,
        start=schedule.start_lr * recipe.lr_factor / peak,
        final=1.0 if schedule.name == "constant" else schedule.final_lr * recipe.lr_factor / peak,
    )
    return LambdaLR(optimizer, [factor if group["scheduled"] else _one for group in optimizer.param_groups])


def _factor(step: int, *, total: int, warmup: int, start: float, final: float) -> float:
    return warmup_cosine(step, total=total, warmup=warmup, peak=1.0, start=start, final=final)


def _one(step: int) -> float:
    return 1.0
