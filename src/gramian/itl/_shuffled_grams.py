"""A Gram whose rows and columns are shuffled, a strip at a time, and the gradients of sums over shuffles."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["given_slopes", "mirror", "shuffled_rows", "strips_of", "symmetrise"]

# Rows of a Gram that are shuffled at a time. They stay in the cache: a whole shuffled Gram takes four times as long.
_ROWS = 64
# A square of this side and its mirror image stay in the cache.
_TILE = 256


def strips_of(size: int) -> list[slice]:
    """All rows of a Gram, so many at a time as stay in the cache when they are shuffled."""
    return [slice(top, min(top + _ROWS, size)) for top in range(0, size, _ROWS)]


def shuffled_rows(matrix: Tensor, order: Tensor | None, rows: slice, *, first: int = 0) -> Tensor:
    """Some rows of a matrix whose rows and columns are put in this order, or stay; its columns from ``first`` on."""
    if order is None:
        return matrix[..., rows, first:]
    return matrix.index_select(-2, order[rows]).index_select(-1, order[first:])


def symmetrise(matrix: Tensor) -> None:
    """A matrix becomes the mean of itself and its transpose, in place."""
    for tile, mirrored in _tiles(matrix):
        mean = (tile + mirrored.mT).div_(2)
        tile.copy_(mean)
        mirrored.copy_(mean.mT)


def mirror(matrix: Tensor) -> None:
    """What is above the diagonal comes to be below it, in place."""
    for tile, mirrored in _tiles(matrix):
        if tile.data_ptr() == mirrored.data_ptr():
            tile.copy_(tile.triu() + tile.triu(1).mT)
        else:
            mirrored.copy_(tile.mT)


def _tiles(matrix: Tensor) -> list[tuple[Tensor, Tensor]]:
    sides = [slice(low, low + _TILE) for low in range(0, matrix.shape[-1], _TILE)]
    return [
        (matrix[..., rows, columns], matrix[..., columns, rows])
        for place, rows in enumerate(sides)
        for columns in sides[place:]
    ]


def given_slopes(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Gradients by two Grams that were computed beside the value, as saved, times that of the value.

    Raises:
        RuntimeError: a second derivative is asked for.
    """
    if torch.is_grad_enabled():
        # It would count as constant, and a penalty on it would silently have no gradient.
        raise RuntimeError("dime: expected one derivative; got create_graph=True. Leave out rank and order 2 for two.")
    saved = iter(ctx.saved_tensors)
    by: list[Tensor | None] = []
    for there in ctx.given:
        slope = next(saved) if there else None
        by.append(None if slope is None else slope * gradient.to(slope.dtype)[..., None, None])
    return by[0], by[1]
