"""Batches of paired rows, in an order that follows from the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

__all__ = ["paired_loader"]


class SeededBatches(Sampler[list[int]]):
    """Full batches alone, which may begin an epoch at any step: what `gramian.training` goes on with after a kill."""

    def __init__(self, count: int, size: int, *, seed: int) -> None:
        self.count, self.size, self.seed = count, min(size, count), seed
        self.epoch, self.start_step = 0, 0

    def set_epoch(self, epoch: int) -> None:
        """The order of the epochs differs."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count // self.size - self.start_step

    def __iter__(self) -> Iterator[list[int]]:
        start = np.random.SeedSequence((self.seed, self.epoch)).generate_state(1, dtype=np.uint32)[0]
        order = torch.randperm(self.count, generator=torch.Generator().manual_seed(int(start))).tolist()
        for step in range(self.start_step, self.count // self.size):
            yield order[step * self.size : (step + 1) * self.size]


class PairedRows(Dataset[Any]):
    """Rows of all views together, a batch at a time."""

    def __init__(self, views: Sequence[Tensor]) -> None:
        self.views = list(views)

    def __len__(self) -> int:
        return len(self.views[0])

    def __getitems__(self, rows: list[int]) -> list[Tensor]:
        """torch asks for a whole batch by this name."""
        return [view[rows] for view in self.views]

    def __getitem__(self, row: int) -> list[Tensor]:
        return [view[row] for view in self.views]


def paired_loader(views: Sequence[Tensor], *, batch_size: int, seed: int) -> DataLoader[Any]:
    """Batches of all views; rows beyond the last full batch are left out of an epoch, others in each."""
    batches = SeededBatches(len(views[0]), batch_size, seed=seed)
    return DataLoader(PairedRows(views), batch_sampler=batches, collate_fn=_as_it_is)


def _as_it_is(batch: list[Tensor]) -> list[Tensor]:
    return batch
