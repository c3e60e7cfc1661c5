"""One statistic from those of all processes: sums are added, and rows gathered while there are fewer than dimensions.

What a process holds depends on how much it has seen, so the processes first tell each other their counts, and all take
the same route. Added up are the scatters about the mean of all, which costs a large mean no digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from gramian.itl._errors import value_fault
from gramian.quality import Moments, ViewScatter

__all__ = ["merged_counts", "merged_moments", "merged_views", "several_ranks"]


def several_ranks(group: Any = None) -> bool:
    """Whether there is anybody to exchange with."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size(group) > 1


def merged_counts(count: int, group: Any = None) -> int:
    """The sum of a count over the processes."""
    return int(_summed(torch.tensor([count], dtype=torch.int64), group)[0])


def merged_moments(moments: Moments, group: Any = None) -> Moments:
    """Moments of the embeddings of all processes, the same on each.

    Raises:
        ValueError: the processes have embeddings of different width.

    Cost: ``d^2`` numbers between processes, or the rows where all together are fewer than ``d``.
    """
    shapes = _shapes([moments.count, moments.width], group)
    eps = float(_gathered(torch.tensor([moments.eps], dtype=torch.float64), group).max())
    total, width = _total(shapes), int(shapes[:, -1].max())
    if total == 0:
        return Moments()
    if total < width:
        merged = Moments.from_state({"eps": np.array(eps), "rows": np.zeros((0, width))})
        merged.update(_gathered_rows(moments.rows().double().reshape(-1, width), shapes[:, 0], group))
        return merged
    own_mean = moments.mean if moments.count else torch.zeros(width, dtype=torch.float64)
    own_scatter = moments.scatter if moments.count else torch.zeros(width, width, dtype=torch.float64)
    mean = _summed(own_mean * (moments.count / total), group)
    gap = own_mean - mean
    scatter = _summed(own_scatter + moments.count * torch.outer(gap, gap), group)
    directions, zero_rows = moments.direction_sum if moments.count else (torch.zeros_like(mean), 0)
    return Moments.from_state(
        {
            "eps": np.array(eps),
            "count": np.array(total),
            "mean": mean.numpy(),
            "scatter": scatter.numpy(),
            "directions": _summed(directions, group).numpy(),
            "zero_rows": np.array(merged_counts(zero_rows, group)),
        }
    )


def merged_views(scatter: ViewScatter, group: Any = None) -> ViewScatter:
    """Scatter of the views of all processes, the same on each.

    Raises:
        ValueError: the processes have views of different number or width.

    Cost: ``2 d^2`` numbers between processes, or the views where all together are fewer than ``d``.
    """
    shapes = _shapes([scatter.count, scatter.views, scatter.width], group)
    total, views, width = _total(shapes), *(int(size) for size in shapes[:, 1:].max(0).values)
    if total == 0:
        return ViewScatter()
    if total * views < width:
        merged = ViewScatter()
        own = scatter.rows().double().reshape(-1, views * width)
        merged.update(_gathered_rows(own, shapes[:, 0], group).reshape(-1, views, width))
        return merged
    own_within = scatter.within * (scatter.count * views) if scatter.count else torch.zeros(width, width).double()
    within = _summed(own_within, group)
    means = merged_moments(scatter.means, group)
    return ViewScatter.from_state(
        {
            "count": np.array(total),
            "shape": np.array([views, width]),
            "within": within.numpy(),
            **{f"means.{name}": value for name, value in means.state().items()},
        }
    )


def _device(group: Any) -> torch.device:
    return (
        torch.device("cuda", torch.cuda.current_device()) if dist.get_backend(group) == "nccl" else torch.device("cpu")
    )


def _summed(tensor: Tensor, group: Any) -> Tensor:
    moved = tensor.detach().to(_device(group), copy=True)
    dist.all_reduce(moved, group=group)
    return moved.cpu()


def _gathered(tensor: Tensor, group: Any) -> Tensor:
    """``(size, ...)`` to ``(ranks, size, ...)``."""
    moved = tensor.detach().to(_device(group)).contiguous()
    parts = [torch.empty_like(moved) for _ in range(dist.get_world_size(group))]
    dist.all_gather(parts, moved, group=group)
    return torch.stack(parts).cpu()


def _gathered_rows(rows: Tensor, counts: Tensor, group: Any) -> Tensor:
    """The rows of all processes, in their order."""
    most = int(counts.max())
    filled = torch.cat([rows, rows.new_zeros(most - len(rows), rows.shape[1])])  # collectives want equal shapes
    parts = _gathered(filled, group)
    return torch.cat([part[: int(count)] for part, count in zip(parts, counts, strict=True)])


def _shapes(own: list[int], group: Any) -> Tensor:
    """``(ranks, entries)``: the count first; what comes after must be alike where anything was seen."""
    shapes = _gathered(torch.tensor(own, dtype=torch.int64), group)
    seen = shapes[shapes[:, 0] > 0, 1:]
    if len(seen) and bool((seen != seen[0]).any()):
        got = ", ".join(f"rank {rank}: {row[1:]}" for rank, row in enumerate(shapes.tolist()))
        raise value_fault(
            "embeddings", "as many features and views on every rank", got, "Monitor the same module on all."
        )
    return shapes


def _total(shapes: Tensor) -> int:
    return int(shapes[:, 0].sum())
