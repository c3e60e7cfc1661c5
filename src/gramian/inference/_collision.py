"""Order 2 under many labellings: quadratic forms of the squared kernel, all labellings in one matrix product.

With ``Q = K o K`` and ``z_a`` the indicator of group ``a``, ``z_a' Q z_b`` is the squared norm of a block of the Gram, and the
divergence is a ratio of sums of them: docs/design/order-two-and-mmd.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from gramian.inference._form import check_masses

__all__ = ["Labelled", "SquaredTiles", "block_forms", "collision_divergence", "embedding_forms"]

# Side of a tile: tile and labels of its columns stay in the cache, and memory does not grow with the square of n.
_TILE = 1024


class SquaredTiles(Protocol):
    """Blocks of the squared kernel under several scales."""

    @property
    def scales(self) -> int:
        """How many kernels and bandwidths."""

    @property
    def diagonals(self) -> Tensor:
        """``(scales, n)``, float64: what the kernel, not squared, gives for a point and itself."""

    def tile(self, rows: slice, columns: slice, dtype: torch.dtype) -> Iterator[Tensor]:
        """``(rows, columns)`` of the squared kernel for each scale, in this dtype; valid until the next is asked for."""


class Labelled:
    """Labellings as numbers that can be multiplied: indicators about their mean, times the weights.

    Sums of many terms of both signs lose fewer digits than sums of ones: what the mean carries is added back in float64.
    """

    def __init__(self, table: Tensor, weights: Tensor, sizes: tuple[int, ...]) -> None:
        self.labels = table.mT.contiguous().to(weights.device)
        self.weights = weights
        self.shares = [size / len(weights) for size in sizes]
        self.groups = len(sizes)
        self.count = len(table)

    def centred(self, rows: slice, dtype: torch.dtype) -> Tensor:
        """``(rows, groups - 1, count)``: ``w (z_a - share_a)`` of every group but the last, which the others determine."""
        labels = self.labels[rows]
        planes = [(labels == group).to(dtype) - share for group, share in enumerate(self.shares[:-1])]
        return torch.stack(planes, dim=1) * self.weights[rows, None, None].to(dtype)

    def sums(self, values: Tensor) -> Tensor:
        """``(scales, n)`` to ``(scales, groups, count)``: sums over the members of each group, weighted, in float64."""
        scales = values.shape[0]
        weighted = values * self.weights
        total = weighted.sum(-1)
        found = torch.zeros(scales, self.groups, self.count, dtype=values.dtype, device=values.device)
        for rows in _slices(values.shape[-1]):
            planes = self.centred(rows, values.dtype).flatten(1)
            found[:, :-1] += (values[:, rows] @ planes).unflatten(-1, (self.groups - 1, self.count))
        shares = torch.tensor(self.shares[:-1], dtype=values.dtype, device=values.device)
        found[:, :-1] += shares[:, None] * total[:, None, None]
        found[:, -1] = total[:, None] - found[:, :-1].sum(1)
        return found

    def shares_of_weight(self) -> Tensor:
        """``(groups, count)``: what part of all weight lies in each group."""
        return self.sums(torch.ones_like(self.weights)[None])[0] / self.weights.sum()


def block_forms(tiles: SquaredTiles, labelled: Labelled, dtype: torch.dtype) -> Tensor:
    """``(scales, groups, groups, count)``, float64: sums of the squared kernel over the blocks of every labelling.

    Products are taken in ``dtype``. Only tiles on and above the diagonal are visited.
    """
    n, wide = len(labelled.weights), labelled.weights.dtype
    inner = labelled.groups - 1
    forms = torch.zeros(tiles.scales, inner, inner, labelled.count, dtype=wide, device=labelled.weights.device)
    degrees = torch.zeros(tiles.scales, n, dtype=wide, device=labelled.weights.device)
    weights = labelled.weights
    for rows in _slices(n):
        left = labelled.centred(rows, dtype)
        for columns in _slices(n, start=rows.start):
            mirrored = columns.start > rows.start
            right = labelled.centred(columns, dtype) if mirrored else left
            flat = right.flatten(1)
            for scale, tile in enumerate(tiles.tile(rows, columns, dtype)):
                images = (tile @ flat).unflatten(1, (inner, labelled.count))
                for a in range(inner):
                    for b in range(inner):
                        part = (left[:, a] * images[:, b]).sum(0, dtype=wide)
                        forms[scale, a, b] += part
                        if mirrored:
                            forms[scale, b, a] += part
                precise = tile.to(wide)
                degrees[scale, rows] += precise @ weights[columns]
                if mirrored:
                    degrees[scale, columns] += weights[rows] @ precise
    return _completed(forms, labelled.sums(degrees), labelled)


def embedding_forms(features: Callable[[slice], Tensor], labelled: Labelled, width: int, dtype: torch.dtype) -> Tensor:
    """As :func:`block_forms` for one scale, ``(groups, groups, count)``, from features of the squared kernel.

    Linear in the number of points.

    Args:
        features: ``(rows, width)`` of the points in a slice.
        labelled: the labellings.
        width: number of features.
        dtype: of the products.
    """
    weights = labelled.weights
    inner = labelled.groups - 1
    sums = torch.zeros(width, inner * labelled.count, dtype=weights.dtype, device=weights.device)
    total = torch.zeros(width, dtype=weights.dtype, device=weights.device)
    for rows in _slices(len(weights), step=4 * _TILE):
        part = features(rows)
        sums += part.to(dtype).mT @ labelled.centred(rows, dtype).flatten(1)
        total += weights[rows] @ part
    means = sums.unflatten(1, (inner, labelled.count))
    forms = torch.einsum("mac,mbc->abc", means, means)
    shares = torch.tensor(labelled.shares[:-1], dtype=weights.dtype, device=weights.device)
    first = torch.einsum("m,mac->ac", total, means) + shares[:, None] * total.square().sum()
    last = total.square().sum() - first.sum(0, keepdim=True)
    return _completed(forms[None], torch.cat([first, last])[None], labelled)[0]


def _completed(forms: Tensor, sums: Tensor, labelled: Labelled) -> Tensor:
    """Forms of indicators from forms of centred ones, and those of the last group from the others."""
    inner = labelled.groups - 1
    shares = torch.tensor(labelled.shares[:-1], dtype=forms.dtype, device=forms.device)
    total = sums.sum(1)  # (scales, count), the same for every labelling
    # z_a' Q z_b = f_a' Q f_b + p_b z_a' Q w + p_a z_b' Q w - p_a p_b w' Q w, with z_a = f_a + p_a w.
    first = sums[:, :inner]
    whole = torch.zeros(forms.shape[0], inner + 1, inner + 1, forms.shape[-1], dtype=forms.dtype, device=forms.device)
    mixed = shares[:, None] * first[:, :, None]
    corner = forms + mixed + mixed.transpose(1, 2) - shares[:, None, None] * shares[:, None] * total[:, None, None]
    whole[:, :inner, :inner] = corner
    border = first - corner.sum(2)
    whole[:, :inner, inner] = border
    whole[:, inner, :inner] = border
    whole[:, inner, inner] = sums[:, inner] - border.sum(1)
    return whole


def collision_divergence(forms: Tensor, masses: Tensor, shares: Tensor, balanced: bool) -> Tensor:
    """Order-2 divergence from block forms, in nats.

    Args:
        forms: ``(scales, groups, groups, count)``.
        masses: ``(scales, groups, count)``, traces of the groups' blocks.
        shares: ``(groups, count)``, shares of the groups' weights.
        balanced: whether every group counts the same.

    Returns:
        ``(scales, count)``.
    """
    groups = forms.shape[1]
    if balanced:
        check_masses(masses)
        forms = forms / (masses[:, :, None] * masses[:, None])
        label_entropy: float | Tensor = math.log(groups)
    else:
        label_entropy = -shares.square().sum(0).log()
    within = forms.diagonal(dim1=1, dim2=2).sum(-1)
    return label_entropy + (within / forms.sum((1, 2))).log()


def _slices(n: int, *, start: int = 0, step: int = _TILE) -> Iterator[slice]:
    return (slice(at, min(at + step, n)) for at in range(start, n, step))
