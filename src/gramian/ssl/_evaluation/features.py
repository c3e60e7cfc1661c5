"""An encoder's features of a data set, in main memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

__all__ = ["Features", "read_features"]


@dataclass(frozen=True)
class Features:
    """Features of images.

    Attributes:
        vectors: ``(n, d)`` float32, on the CPU.
        labels: ``(n,)`` int64; -1 where there is none.
    """

    vectors: Tensor
    labels: Tensor


@torch.no_grad()
def read_features(
    encode: Callable[[Tensor], Tensor],
    loader: DataLoader[Any],
    *,
    device: torch.device | str = "cpu",
    after_batch: Callable[[int], None] | None = None,
) -> Features:
    """The features of every image of a loader, in its order.

    Args:
        encode: Images ``(n, 3, h, w)`` to features ``(n, d)``, in evaluation mode.
        loader: Batches ``([images], labels)``, as `evaluation_loader` gives them.
        device: Where ``encode`` wants its images.
        after_batch: Called with the number of images of each batch.
    """
    vectors, labels = [], []
    for views, marks in loader:
        vectors.append(encode(views[0].to(device, non_blocking=True)).float().cpu())
        labels.append(marks)
        if after_batch is not None:
            after_batch(len(marks))
    return Features(torch.cat(vectors), torch.cat(labels))
