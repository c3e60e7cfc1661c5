"""Loaders: batches of views for pretraining, and images in their order for evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader

from gramian.itl import as_generator
from gramian.itl._errors import type_fault, value_fault
from gramian.ssl._data.batches import SeededBatches
from gramian.ssl._data.image_set import ImageSet
from gramian.ssl._data.view_set import ViewSet, stack_views
from gramian.ssl._views.draws import mixed
from gramian.ssl._views.evaluation import evaluation_view

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["evaluation_loader", "pretraining_loader"]

Build = Callable[["Image"], Sequence[torch.Tensor]]


def pretraining_loader(
    images: ImageSet,
    build: Build,
    *,
    batch: int,
    seed: int,
    rank: int = 0,
    ranks: int = 1,
    workers: int = 0,
    drop_last: bool = True,
    channels_last: bool = False,
    pin_memory: bool = False,
) -> DataLoader[Any]:
    """Shuffled batches of views.

    Which images form a batch, and their views, depend on the seed, the epoch and the step alone: not on the number of
    workers or ranks, nor on what was drawn before. ``loader.batch_sampler`` is a `SeededBatches`.

    Args:
        images: The images; small sets are decoded once, before the first batch (`ImageSet.cached`).
        build: What makes the views: `build_views`.
        batch: Images in a batch, over all ranks together.
        seed: Whole number.
        rank: Which of the ranks this is.
        ranks: How many processes train together.
        workers: Processes that make views; 0 makes them in this one.
        drop_last: Whether an epoch ends before a batch that is not full.
        channels_last: Memory format of the views.
        pin_memory: Whether batches are copied to pinned memory, for a GPU.

    Returns:
        A loader of ``(views, labels)``: a list of tensors ``(N, 3, H, W)`` float32, and ``(N,)`` int64.

    Raises:
        ValueError: As `SeededBatches`.
        DamagedImageError: A file that is no whole image, now or when it is read.
    """
    batches = SeededBatches(len(images), batch=batch, seed=seed, rank=rank, ranks=ranks, drop_last=drop_last)
    return _loader(images, build, batches, seed, workers=workers, channels_last=channels_last, pin_memory=pin_memory)


def evaluation_loader(
    images: ImageSet,
    *,
    build: Build | None = None,
    batch: int = 256,
    seed: int = 0,
    rank: int = 0,
    ranks: int = 1,
    workers: int = 0,
    channels_last: bool = False,
    pin_memory: bool = False,
) -> DataLoader[Any]:
    """Every image once, in order, as the one view that features are evaluated on.

    Args:
        images: The images; small sets are decoded once, before the first batch.
        build: What makes the view; None takes `evaluation_view`.
        batch: Images in a batch, over all ranks together.
        seed: Whole number, for a view that draws.
        rank: Which of the ranks this is.
        ranks: How many processes take part.
        workers: Processes that make views.
        channels_last: Memory format of the views.
        pin_memory: Whether batches are copied to pinned memory, for a GPU.

    Returns:
        A loader of ``([images], labels)``: a list of one tensor ``(N, 3, H, W)`` float32, and ``(N,)`` int64.

    Raises:
        ValueError: As `SeededBatches`.
        DamagedImageError: A file that is no whole image, now or when it is read.
    """
    batches = SeededBatches(len(images), batch=batch, seed=seed, rank=rank, ranks=ranks, shuffle=False, drop_last=False)
    build = evaluation_view(images.facts) if build is None else build
    return _loader(images, build, batches, seed, workers=workers, channels_last=channels_last, pin_memory=pin_memory)


def _loader(
    images: ImageSet,
    build: Build,
    batches: SeededBatches,
    seed: int,
    *,
    workers: int,
    channels_last: bool,
    pin_memory: bool,
) -> DataLoader[Any]:
    if isinstance(workers, bool) or not isinstance(workers, int):
        raise type_fault("workers", "a whole number of processes", type(workers).__name__, "0 makes none.")
    if workers < 0:
        raise value_fault("workers", "0 or more processes", workers, "0 makes views in this one.")
    return DataLoader(
        ViewSet(images.cached(), build, seed),
        batch_sampler=batches,
        num_workers=workers,
        persistent_workers=workers > 0,
        collate_fn=partial(stack_views, channels_last=channels_last),
        pin_memory=pin_memory,
        # Of its own: a loader draws a seed for its workers at every start, by default from the global state.
        generator=as_generator(mixed(seed, len(images))),
    )
