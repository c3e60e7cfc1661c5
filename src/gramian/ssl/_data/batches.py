"""Which images form which batch: an order that the seed and the epoch decide, for any number of ranks."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler

from gramian.itl import as_generator
from gramian.itl._errors import type_fault, value_fault
from gramian.ssl._views.draws import mixed

__all__ = ["SeededBatches"]

Key = tuple[int, int]


class SeededBatches(Sampler[list[Key]]):
    """A batch sampler whose items are ``(epoch, index)``.

    The order of an epoch depends on the seed and the epoch alone. It is cut into batches of ``batch`` images over all ranks
    together, and of each batch every rank has a part: step s sees the same images with any number of ranks.

    Lightning calls ``set_epoch`` at the start of each epoch, and must be told to leave the sampler as it is
    (``use_distributed_sampler=False``).

    Attributes:
        epoch: The epoch whose order comes next.
        start_step: Batches that the next iteration leaves out, to go on in the middle of an epoch; then 0 again.

    Example:
        >>> list(SeededBatches(5, batch=2, seed=0, shuffle=False, drop_last=False))
        [[(0, 0), (0, 1)], [(0, 2), (0, 3)], [(0, 4)]]
    """

    def __init__(
        self,
        n: int,
        *,
        batch: int,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
        shuffle: bool = True,
        drop_last: bool = True,
    ) -> None:
        """Args:
            n: Number of images.
            batch: Images in a batch, over all ranks together.
            seed: Whole number that decides the order.
            rank: Which of the ranks this is, from 0 on.
            ranks: How many there are; they divide ``batch``.
            shuffle: Whether the order is drawn; without, it is that of the images.
            drop_last: Whether an epoch ends before a batch that is not full.

        Raises:
            ValueError: A batch that the ranks do not divide, a batch larger than the data where an incomplete one is
                dropped, or a last batch in which a rank has no image.
            TypeError: A number that is not whole.
        """
        for name, value, least in (("n", n, 1), ("batch", batch, 1), ("ranks", ranks, 1), ("rank", rank, 0)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise type_fault(name, "a whole number", type(value).__name__, f"Give {least} or more.")
            if value < least:
                raise value_fault(name, f"{least} or more", value, "Give another.")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise type_fault("seed", "a whole number", type(seed).__name__, "Give for example 0.")
        if rank >= ranks:
            raise value_fault("rank", f"a rank from 0 to {ranks - 1}", rank, "Ranks are counted from 0.")
        if batch % ranks:
            remedy = "The batch is that of all ranks together: make it a multiple of their number."
            raise value_fault("batch", f"a multiple of {ranks} ranks", batch, remedy)
        if drop_last and n < batch:
            raise value_fault("batch", f"at most the {n:,} images there are", f"{batch:,}", "Take a smaller batch.")
        if not drop_last and 0 < n % batch < ranks:
            got = f"a last batch of {n % batch}"
            raise value_fault("batch", f"an image for each of {ranks} ranks in every batch", got, "Take another batch.")
        self.n, self.batch, self.seed = n, batch, seed
        self.rank, self.ranks = rank, ranks
        self.shuffle, self.drop_last = shuffle, drop_last
        self.epoch = 0
        self.start_step = 0

    @property
    def sampler(self) -> SeededBatches:
        """Itself: where Lightning looks for what has ``set_epoch``."""
        return self

    @property
    def batch_size(self) -> int:
        """Images in a batch of this rank."""
        return self.batch // self.ranks

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Steps of a whole epoch, whatever ``start_step`` leaves out."""
        return self.n // self.batch if self.drop_last else -(-self.n // self.batch)

    def __iter__(self) -> Iterator[list[Key]]:
        epoch, first = self.epoch, self.start_step
        if not 0 <= first <= len(self):
            raise value_fault("start_step", f"a step from 0 to {len(self)}", first, "Set the epoch too.")
        self.start_step = 0
        order = self.order(epoch)
        for step in range(first, len(self)):
            whole = order[step * self.batch : (step + 1) * self.batch]
            own = whole.tensor_split(self.ranks)[self.rank]
            yield [(epoch, index) for index in own.tolist()]

    def order(self, epoch: int) -> torch.Tensor:
        """All images in the order of an epoch, ``(n,)`` int64, over all ranks."""
        if not self.shuffle:
            return torch.arange(self.n)
        return torch.randperm(self.n, generator=as_generator(mixed(self.seed, epoch)))
