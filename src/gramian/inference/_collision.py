"""Order 2 under many labellings: quadratic forms of the squared kernel, all labellings in one matrix product.

With ``Q = K o K`` and ``z_a`` the indicator of group ``a``, ``z_a' Q z_b`` is the squared norm of a block of the Gram, and the
divergence is a ratio of sums of them: docs/design/order-two-and-mmd.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from gramian.inference._form import check_masses

__all__ = ["Labelled", "SquaredTiles", "block_forms", "collision_divergence", "embedding_forms"]

# Side of a tile: tile and labels of its columns stay in the cache, and memory does not grow with the square of n. Half that
# for few points, where whole tiles on the diagonal would be much of the work.
_TILE = 512
# Elements of labellings kept as numbers, 256 MB in float32; beyond, they are made tile by tile.
_KEPT = 2**26


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

    def __init__(self, table: Tensor, weights: Tensor, sizes: tuple[int, ...], dtype: torch.dtype) -> None:
        """Labellings ``(count, n)``, the observed one first; products with them are to be taken in ``dtype``."""
        self.labels = table.mT.contiguous().to(weights.device)
        self.weights = weights
        self.dtype = dtype
        self.sizes = sizes
        self.shares = [size / len(weights) for size in sizes]
        self.count = len(table)
        self._weighted = bool((weights != weights[0]).any())
        self._kept: Tensor | None = None
        if self.labels.numel() * self.inner <= _KEPT:
            self._kept = self._planes(slice(None))

    @property
    def inner(self) -> int:
        """Groups but the last, which the others determine."""
        return len(self.sizes) - 1

    def centred(self, rows: slice) -> Tensor:
        """``(rows, inner, count)``: ``w (z_a - share_a)`` of every group but the last."""
        return self._planes(rows) if self._kept is None else self._kept[rows]

    def _planes(self, rows: slice) -> Tensor:
        labels = self.labels[rows]
        planes = torch.empty(len(labels), self.inner, self.count, dtype=self.dtype, device=labels.device)
        for group, share in enumerate(self.shares[:-1]):
            planes[:, group] = labels == group
            planes[:, group] -= share
        return planes.mul_(self.weights[rows, None, None].to(self.dtype)) if self._weighted else planes

    def sums(self, values: Tensor) -> Tensor:
        """``(scales, n)`` to ``(scales, groups, count)``: weighted sums over the members of each group, in float64."""
        total = values @ self.weights
        level = total / self.weights.sum()
        found = torch.zeros(len(values), self.inner, self.count, dtype=values.dtype, device=values.device)
        # About their mean the values are small and so is what rounding takes from them.
        centred = (values - level[:, None]).to(self.dtype)
        if bool(centred.any()):
            for rows in _slices(values.shape[-1]):
                found += (centred[:, rows] @ self.centred(rows).flatten(1)).unflatten(1, (self.inner, self.count))
        found += level[:, None, None] * self.weight_sums()[:-1]
        return torch.cat([found, (total[:, None] - found.sum(1))[:, None]], dim=1)

    def weight_sums(self) -> Tensor:
        """``(groups, count)``: the weight in each group."""
        wide = self.weights.dtype
        if not self._weighted:
            sizes = torch.tensor(self.sizes, dtype=wide, device=self.weights.device)
            return (sizes * self.weights[0])[:, None].expand(-1, self.count)
        found = [self.weights @ (self.labels == group).to(wide) for group in range(len(self.sizes))]
        return torch.stack(found)


def block_forms(tiles: SquaredTiles, labelled: Labelled) -> Tensor:
    """``(scales, groups, groups, count)``, float64: sums of the squared kernel over the blocks of every labelling.

    Only tiles on and above the diagonal are visited.
    """
    weights, inner = labelled.weights, labelled.inner
    n, wide = len(weights), weights.dtype
    forms = torch.zeros(tiles.scales, inner, inner, labelled.count, dtype=wide, device=weights.device)
    degrees = torch.zeros(tiles.scales, n, dtype=wide, device=weights.device)
    for rows in _slices(n):
        left = labelled.centred(rows)
        for columns in _slices(n, start=rows.start):
            mirrored = columns.start > rows.start
            right = labelled.centred(columns).flatten(1)
            for scale, tile in enumerate(tiles.tile(rows, columns, labelled.dtype)):
                images = (tile @ right).unflatten(1, (inner, labelled.count))
                for a in range(inner):
                    for b in range(inner):
                        part = (left[:, a] * images[:, b]).sum(0)
                        forms[scale, a, b] += part
                        if mirrored:
                            forms[scale, b, a] += part
                degrees[scale, rows] += (tile @ weights[columns].to(tile.dtype)).to(wide)
                if mirrored:
                    degrees[scale, columns] += (weights[rows].to(tile.dtype) @ tile).to(wide)
    return _completed(forms, labelled.sums(degrees), labelled)


def embedding_forms(sums: Tensor, rest: Tensor, labelled: Labelled) -> Tensor:
    """As :func:`block_forms` for one scale, ``(groups, groups, count)``, from features of the squared kernel.

    Args:
        sums: ``(units, m)``: what each unit that is labelled adds to its group's sum of features.
        rest: ``(groups, m)``: what is in the groups' sums whatever the labels.
        labelled: the labellings of the units, unweighted.
    """
    inner = labelled.inner
    embedded = torch.zeros(sums.shape[1], inner * labelled.count, dtype=sums.dtype, device=sums.device)
    for rows in _slices(len(sums), tiles=4):
        embedded += sums[rows].to(labelled.dtype).mT @ labelled.centred(rows).flatten(1)
    planes = embedded.unflatten(1, (inner, labelled.count))
    # Sums over features of products of planes: as a batched product it would be a thousand tiny ones.
    forms = torch.stack([(planes[:, a, None] * planes).sum(0) for a in range(inner)])
    total = sums.sum(0)
    shares = torch.tensor(labelled.shares[:-1], dtype=sums.dtype, device=sums.device)
    first = (total @ embedded).unflatten(0, (inner, labelled.count)) + shares[:, None] * total.square().sum()
    last = total.square().sum() - first.sum(0, keepdim=True)
    whole = _completed(forms[None], torch.cat([first, last])[None], labelled)[0]
    if bool(rest.any()):
        cross = labelled.sums(rest @ sums.mT)  # (groups with a rest, groups of units, count)
        whole = whole + cross + cross.transpose(0, 1) + (rest @ rest.mT)[:, :, None]
    return whole


def _completed(forms: Tensor, sums: Tensor, labelled: Labelled) -> Tensor:
    """Forms of indicators from forms of centred ones, and those of the last group from the others."""
    inner = labelled.inner
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


def collision_divergence(forms: Tensor, masses: Tensor, weights: Tensor, balanced: bool) -> Tensor:
    """Order-2 divergence from block forms, in nats.

    Args:
        forms: ``(scales, groups, groups, count)``.
        masses: ``(scales, groups, count)``, traces of the groups' blocks.
        weights: ``(groups, count)``, the weight in each group.
        balanced: whether every group counts the same.

    Returns:
        ``(scales, count)``.
    """
    if balanced:
        check_masses(masses)
        forms = forms / (masses[:, :, None] * masses[:, None])
        label_entropy: float | Tensor = math.log(forms.shape[1])
    else:
        label_entropy = -(weights / weights.sum(0)).square().sum(0).log()
    within = forms.diagonal(dim1=1, dim2=2).sum(-1)
    return label_entropy + (within / forms.sum((1, 2))).log()


def _slices(n: int, *, start: int = 0, tiles: int = 1) -> Iterator[slice]:
    step = tiles * (_TILE if n > 4 * _TILE else _TILE // 2)
    return (slice(at, min(at + step, n)) for at in range(start, n, step))
