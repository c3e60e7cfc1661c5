"""A loader that knows its epoch and step, so that training goes on in mid-epoch with the batches that are left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from torch.utils.data import DataLoader

from gramian.itl._errors import type_fault, value_fault
from gramian.training._seeding import checked_seed, seed_step

__all__ = ["ResumableBatches", "ResumableLoader"]


@runtime_checkable
class ResumableBatches(Protocol):
    """A batch sampler that can begin an epoch at any step, at no cost."""

    start_step: int

    def set_epoch(self, epoch: int) -> None:
        """The order of the epochs differs; this says which comes next."""


class ResumableLoader:
    """A `DataLoader` as Lightning sees it, with the position kept in checkpoints.

    The order of an epoch is the batch sampler's where that is a `ResumableBatches`. Any other order follows from the seed and
    the epoch, since the global generator that a sampler draws from is started with them; batches before the position are then
    read and dropped.

    Args:
        loader: Gives the batches of one epoch; its length is the number of steps, start or not.
        seed: Of the order and of each step's draws.
        rank: Of this process, whose draws differ from those of others.

    Attributes:
        epoch: The epoch of the next step.
        step: Steps of that epoch already done.
    """

    def __init__(self, loader: DataLoader[Any], *, seed: int, rank: int = 0) -> None:
        if not isinstance(loader, DataLoader):
            raise type_fault("loader", "a DataLoader", type(loader).__name__, "Wrap the data set in one.")
        self.loader = loader
        self.epoch = 0
        self.step = 0
        self._seed = checked_seed(seed)
        self._rank = rank
        batches = loader.batch_sampler
        self._batches = batches if isinstance(batches, ResumableBatches) else None
        if self._batches is not None:
            self._batches.start_step = 0
        self._length = len(loader)
        if self._length < 1:
            rule = "at least one batch an epoch"
            raise value_fault("loader", rule, "none", "Give more samples or a smaller batch size.")

    def __len__(self) -> int:
        return self._length

    @property
    def steps(self) -> int:
        """Steps done in all epochs."""
        return self.epoch * self._length + self.step

    def move_to(self, steps: int) -> None:
        """The next epoch that is begun starts after this many steps."""
        self.epoch, self.step = divmod(steps, self._length)

    def __iter__(self) -> Iterator[Any]:
        if self.step >= self._length:
            self.epoch, self.step = self.epoch + 1, 0
        first = self.step
        seed_step(self._seed, self.epoch, -1 % 2**32, 0)  # the order of an epoch is the same in every process
        if self._batches is not None:
            self._batches.set_epoch(self.epoch)
            self._batches.start_step = first
            batches = iter(self.loader)
        else:
            batches = iter(self.loader)
            for step in range(first):
                seed_step(self._seed, self.epoch, step, self._rank)
                next(batches)
        return self._remaining(batches, first)

    def _remaining(self, batches: Iterator[Any], first: int) -> Iterator[Any]:
        for step in range(first, self._length):
            seed_step(self._seed, self.epoch, step, self._rank)
            batch = next(batches)
            self.step = step + 1
            yield batch
