"""What the ranks of a distributed run exchange: sums and rows, with the derivatives that make them one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from gramian.itl._errors import value_fault

__all__ = ["Ranks", "ranks_of", "summed_over_ranks"]


@dataclass(frozen=True)
class Ranks:
    """The processes whose batches together are the batch of the loss.

    Attributes:
        group: their process group; None is the default one.
        sizes: samples of each rank in this step, in the order of the ranks.
        rank: which of them this process is.
    """

    group: Any
    sizes: tuple[int, ...]
    rank: int

    @property
    def samples(self) -> int:
        return sum(self.sizes)

    @property
    def offset(self) -> int:
        """Samples of the ranks before this one."""
        return sum(self.sizes[: self.rank])

    def sum(self, tensor: Tensor) -> Tensor:
        """The tensor, now holding the sum over ranks."""
        dist.all_reduce(tensor, group=self.group)
        return tensor

    def gather(self, stacked: Tensor) -> Tensor:
        """``(V, n, D)`` of this rank to ``(V, N, D)`` of all, in the order of the ranks."""
        views, own, width = stacked.shape
        most = max(self.sizes)
        if own < most:  # collectives want equal shapes: shorter batches are filled up
            stacked = torch.cat([stacked, stacked.new_zeros(views, most - own, width)], dim=1)
        parts = [torch.empty_like(stacked) for _ in self.sizes]
        dist.all_gather(parts, stacked.contiguous(), group=self.group)
        return torch.cat([part[:, :size] for part, size in zip(parts, self.sizes, strict=True)], dim=1)


def ranks_of(views: Sequence[Tensor], group: Any = None) -> Ranks | None:
    """The ranks that share this batch, or None where there is one process.

    One small blocking exchange: which samples a rank holds may differ from rank to rank and from step to step, and a
    rank that took another route than the rest would wait for ever.

    Raises:
        ValueError: the ranks disagree on the number of views or features.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size(group) == 1:
        return None
    samples, width = views[0].shape
    mine = torch.tensor([len(views), samples, width], device=views[0].device)
    parts = [torch.empty_like(mine) for _ in range(dist.get_world_size(group))]
    dist.all_gather(parts, mine, group=group)
    shapes = torch.stack(parts).tolist()
    if any((row[0], row[2]) != (len(views), width) for row in shapes):
        got = ", ".join(f"rank {rank}: {row[0]} views of {row[2]}" for rank, row in enumerate(shapes))
        remedy = "Ranks may differ in the number of samples only."
        raise value_fault("views", "as many views and features on every rank", got, remedy)
    return Ranks(group, tuple(row[1] for row in shapes), dist.get_rank(group))


def summed_over_ranks(tensor: Tensor, ranks: Ranks | None) -> Tensor:
    """Sum over ranks that gradients pass: its derivative is the sum of the ranks' derivatives.

    ``torch.distributed.all_reduce`` alone has the right value and, silently, the gradient of one rank.
    """
    return tensor if ranks is None else _SummedOverRanks.apply(tensor, ranks)  # type: ignore[no-any-return,no-untyped-call]


class _SummedOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return ranks.sum(tensor.clone(memory_format=torch.contiguous_format))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return ctx.ranks.sum(grads[0].clone(memory_format=torch.contiguous_format)), None
