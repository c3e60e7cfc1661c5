"""A linear classifier on features, trained as the papers do: mini-batches, a rate that falls in steps, nothing chosen on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from gramian.ssl._data import SeededBatches
from gramian.ssl._evaluation.features import Features
from gramian.ssl._recipes import ProbeRecipe

__all__ = ["Batches", "feature_batches", "fit_linear", "view_batches"]

Batches = Callable[[int], Iterator[tuple[Tensor, Tensor]]]
"""The batches of an epoch: features ``(n, d)`` and labels ``(n,)``."""


def feature_batches(known: Features, *, batch: int, seed: int) -> Batches:
    """Batches of features that were kept, in an order that the seed and the epoch decide."""
    sampler = SeededBatches(len(known.labels), batch=batch, seed=seed, drop_last=False)

    def epoch_batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        for part in sampler.order(epoch).split(batch):
            yield known.vectors[part], known.labels[part]

    return epoch_batches


def view_batches(loader: DataLoader[Any], encode: Callable[[Tensor], Tensor], device: str) -> Batches:
    """Batches of new views, each read through the encoder."""

    def epoch_batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        sampler: Any = loader.batch_sampler
        sampler.set_epoch(epoch)
        for views, labels in loader:
            yield encode(views[0].to(device, non_blocking=True)).float().cpu(), labels

    return epoch_batches


def fit_linear(
    batches: Batches,
    *,
    features: int,
    classes: int,
    settings: ProbeRecipe,
    after_epoch: Callable[[int], None] | None = None,
) -> nn.Linear:
    """The classifier after its last epoch.

    It starts at zero: the problem is convex, so a random start would add nothing but its noise.

    Args:
        batches: Of an epoch, by its number from 0.
        features: Width of the features.
        classes: Number of classes.
        settings: Optimiser, rate, epochs.
        after_epoch: Called with the number of epochs done.
    """
    layer = _zero_layer(features, classes)
    optimizer: torch.optim.Optimizer
    if settings.optimizer == "adam":
        optimizer = torch.optim.Adam(layer.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    else:
        optimizer = torch.optim.SGD(
            layer.parameters(), lr=settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay
        )
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, list(settings.decay_epochs), gamma=settings.decay)
    for epoch in range(settings.epochs):
        for vectors, labels in batches(epoch):
            loss = cross_entropy(layer(vectors), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        if after_epoch is not None:
            after_epoch(epoch + 1)
    return layer.requires_grad_(False)


def _zero_layer(features: int, classes: int) -> nn.Linear:
    layer = nn.Linear(features, classes, device="meta").to_empty(device="cpu")  # no draw from the global generator
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
