"""A Gram whose rows and columns are shuffled, a strip at a time, and the gradients of sums over shuffles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "Compute",
    "ShuffledStrips",
    "Slopes",
    "mirror",
    "shuffled_rows",
    "strips_of",
    "symmetrise",
    "with_slopes",
]

Slopes = list[Tensor | None]
Compute = Callable[[Tensor, Tensor, tuple[bool, bool]], tuple[Tensor, Slopes]]


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


class ShuffledStrips:
    """Rows of a shuffled Gram from the diagonal on, one strip after the other in the same memory: it stays in the cache."""

    def __init__(self, gram: Tensor) -> None:
        self._gram = gram
        size = gram[..., :_ROWS, :].numel()
        self._rows, self._strip = gram.new_empty(size), gram.new_empty(size)

    def __call__(self, order: Tensor | None, rows: slice) -> Tensor:
        """The caller's to write to, until the next one is made."""
        *batch, size, _ = self._gram.shape
        height, width = rows.stop - rows.start, size - rows.start
        shape = (*batch, height, width)
        strip = self._strip[: math.prod(shape)].view(shape)
        if order is None:
            return strip.copy_(self._gram[..., rows, rows.start :])
        whole = (*batch, height, size)
        moved = self._rows[: math.prod(whole)].view(whole)
        torch.index_select(self._gram, -2, order[rows], out=moved)
        return torch.index_select(moved, -1, order[rows.start :], out=strip)


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


class _SlopesBesideValue(torch.autograd.Function):
    """A scalar a batch element of two Grams, whose gradient costs little once the value is there and is computed with it.

    ``compute(left, right, wanted)`` gives the value and a list of the two gradients, None where not wanted.
    """

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, compute: Compute) -> Tensor:
        with _denormals_as_zero():
            value, slopes = compute(left, right, ctx.needs_input_grad[:2])
        ctx.save_for_backward(left, right)
        ctx.compute, ctx.slopes = compute, slopes
        return value

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """What was computed beside the value, handed over; asked for a second time, computed again."""
        if torch.is_grad_enabled():
            # It would count as constant, and a penalty on it would silently have no gradient.
            remedy = "Leave out rank and order 2 for two."
            raise RuntimeError(f"dime: expected one derivative; got create_graph=True. {remedy}")
        slopes, ctx.slopes = ctx.slopes, None
        if slopes is None:
            with _denormals_as_zero():
                _, slopes = ctx.compute(*ctx.saved_tensors, ctx.needs_input_grad[:2])
        scaled = [None if slope is None else slope.mul_(gradient.to(slope.dtype)[..., None, None]) for slope in slopes]
        return scaled[0], scaled[1], None


@contextmanager
def _denormals_as_zero() -> Iterator[None]:
    """Products of small entries of Grams fall below the smallest normal number, where a processor takes many times as long.

    The setting is that of this thread, and comes back to what it was.
    """
    already = bool(torch.tensor(torch.finfo(torch.float32).tiny) / 2 == 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(already)


def with_slopes(left: Tensor, right: Tensor, compute: Compute) -> Tensor:
    """The value, with its gradient where one is recorded."""
    if not torch.is_grad_enabled():
        left, right = left.detach(), right.detach()
    value: Tensor = _SlopesBesideValue.apply(left, right, compute)
    return value
