"""What a permutation moves: single points, or, of very many, blocks of points of one sample.

Permutations of blocks are a subgroup of those of points: where points are exchangeable so are blocks, and the level is as
exact. A few thousand blocks lose next to no power [domingoenrich2025], and what is computed of a labelling no longer grows with the
number of points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Units", "block_size", "units_of"]

# Points of the smallest sample that are still moved by themselves.
_FEWEST = 128


@dataclass(frozen=True, eq=False)
class Units:
    """Places of the points in the pooled sample, by what is moved together.

    Attributes:
        places: ``(units, block)``, the units of a group one after the other.
        sizes: units in each group.
        rest: places of the points of each group that fill no unit, and stay where they are.
    """

    places: Tensor
    sizes: tuple[int, ...]
    rest: tuple[Tensor, ...]

    @property
    def block(self) -> int:
        """Points in a unit."""
        return self.places.shape[1]


def block_size(sizes: Sequence[int], units: int) -> int:
    """Points to move together, so that about so many units remain and the smallest sample still has enough."""
    return max(1, min(sum(sizes) // units, min(sizes) // _FEWEST))


def units_of(sizes: Sequence[int], block: int, generator: torch.Generator) -> Units:
    """Units of ``block`` points of one group each, drawn at random; of single points in order, without a draw."""
    places, rest, start = [], [], 0
    for size in sizes:
        order = torch.arange(size)
        if block > 1:
            order = torch.randperm(size, generator=generator, device=generator.device).cpu()
        filled = size // block * block
        places.append(start + order[:filled].reshape(-1, block))
        rest.append(start + order[filled:])
        start += size
    return Units(torch.cat(places), tuple(len(part) for part in places), tuple(rest))
