"""Images as views, drawn from the seed, the epoch and the image alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from gramian.itl._errors import value_fault
from gramian.ssl._data.image_set import ImageSet
from gramian.ssl._views.building import ViewBuilder
from gramian.ssl._views.draws import mixed
from gramian.ssl._views.evaluation import EvaluationView

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Batch", "ViewSet", "isolated_randomness", "stack_views"]

Batch = tuple[list[torch.Tensor], torch.Tensor]


class ViewSet(Dataset[tuple[list[torch.Tensor], int]]):
    """A data set for torch's `DataLoader`: its items are views of images, its keys ``(epoch, index)``.

    What is drawn depends on the seed, the epoch and the index alone: the same in any worker process, in any order and after
    a restart. The process's random states (of torch, NumPy and Python) are left as they were, also by transforms that
    draw from them.

    Args:
        images: The images.
        build: What `build_views` or `evaluation_view` made; or any transform of a Pillow image to a list of tensors, such as
            those of lightly, which then draws from global states seeded for each image and restored after it.
        seed: Whole number.
    """

    def __init__(self, images: ImageSet, build: Callable[[Image], Sequence[torch.Tensor]], seed: int) -> None:
        self.images = images
        self.build = build
        self.seed = seed

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: tuple[int, int]) -> tuple[list[torch.Tensor], int]:
        epoch, index = key
        image, label = self.images[index]
        seed = mixed(self.seed, epoch, index)
        if isinstance(self.build, ViewBuilder | EvaluationView):
            return self.build(image, seed=seed), label
        with isolated_randomness(seed):
            views = self.build(image)
        if isinstance(views, torch.Tensor) or not all(isinstance(view, torch.Tensor) for view in views):
            got = type(views).__name__ if isinstance(views, torch.Tensor) else "other entries"
            raise value_fault("build", "a list of tensors for an image", got, "Put a single view into a list.")
        return list(views), label


@contextmanager
def isolated_randomness(seed: int) -> Iterator[None]:
    """Seed the random states of torch (on the CPU), NumPy and Python, and put them back afterwards."""
    # NumPy's legacy state is what foreign transforms draw from.
    kept: tuple[Any, ...] = (torch.get_rng_state(), np.random.get_state(), random.getstate())  # noqa: NPY002
    # The generator's own method: torch.manual_seed would seed every accelerator as well.
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002
        random.setstate(kept[2])


def stack_views(items: Sequence[tuple[list[torch.Tensor], int]], *, channels_last: bool = False) -> Batch:
    """Items as a batch: one tensor ``(N, 3, H, W)`` a view, and the labels ``(N,)`` int64.

    Args:
        items: What a `ViewSet` gives.
        channels_last: Whether a pixel's channels lie side by side in memory.
    """
    views = [torch.stack(view) for view in zip(*(views for views, _ in items), strict=True)]
    if channels_last:
        views = [view.contiguous(memory_format=torch.channels_last) for view in views]
    return views, torch.tensor([label for _, label in items], dtype=torch.int64)
