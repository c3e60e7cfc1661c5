"""The labellings a permutation test compares: the observed one first, then all others, or a random draw of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

__all__ = ["labellings"]


def labellings(sizes: Sequence[int], permutations: int, generator: torch.Generator) -> tuple[Tensor, bool]:
    """Group numbers of a pooled sample whose groups lie one after the other, under permutations.

    Args:
        sizes: points in each group.
        permutations: how many to draw; where there are no more labellings than that beside the observed one, each of them
            comes once instead.
        generator: advanced by the draw.

    Returns:
        ``(1 + B, n)``, int8 (int16 from 128 groups on), the observed labelling first; and whether they are all there are.
    """
    dtype = torch.int8 if len(sizes) < 128 else torch.int16
    observed = torch.arange(len(sizes), dtype=dtype).repeat_interleave(torch.tensor(sizes))
    others = 1
    left = len(observed)
    for size in sizes:
        others *= math.comb(left, size)
        left -= size
        if others > permutations + 1:
            break
    if others - 1 <= permutations:
        every = torch.tensor(list(_every(list(sizes))), dtype=dtype)
        return every, True  # in lexicographic order: the observed one, which is sorted, comes first
    table = observed.repeat(permutations + 1, 1)
    for row in table[1:]:
        order = torch.randperm(len(observed), generator=generator, device=generator.device)
        row.copy_(observed[order.cpu()])
    return table, False


def _every(left: list[int]) -> Iterator[list[int]]:
    if not any(left):
        yield []
        return
    for group, count in enumerate(left):
        if count:
            rest = [size - (place == group) for place, size in enumerate(left)]
            for tail in _every(rest):
                yield [group, *tail]
