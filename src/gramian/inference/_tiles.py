"""Blocks of squared kernels, computed where they are needed or read from Grams that are there already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from gramian.inference._scales import Scale
from gramian.itl._distances import scaled_points, squared_distances

__all__ = ["GramTiles", "PointTiles"]


class GramTiles:
    """Blocks of given Grams ``(scales, n, n)``, squared, with the points in the order asked for."""

    def __init__(self, grams: Tensor, order: Tensor) -> None:
        self.grams = grams
        self.order = order

    @property
    def scales(self) -> int:
        return len(self.grams)

    @property
    def diagonals(self) -> Tensor:
        return self.grams.diagonal(dim1=1, dim2=2).double()[:, self.order]

    def tile(self, rows: slice, columns: slice, dtype: torch.dtype) -> Iterator[Tensor]:
        """See :class:`gramian.inference._collision.SquaredTiles`."""
        left, right = self.order[rows, None], self.order[columns]
        return (gram[left, right].to(dtype).square() for gram in self.grams)


class PointTiles:
    """Blocks of Gaussian and Laplacian kernels, squared: distances once for all scales, no Gram kept.

    The square of either kernel is the kernel at another bandwidth, so nothing is squared either.
    """

    def __init__(self, points: Tensor, scales: Sequence[Scale]) -> None:
        self.points, _, unit = scaled_points(points, points)
        self.kernels = [
            (scale.kernel, float(scale.bandwidth / unit)) for scale in scales if scale.bandwidth is not None
        ]

    @property
    def scales(self) -> int:
        return len(self.kernels)

    @property
    def diagonals(self) -> Tensor:
        return torch.ones(self.scales, len(self.points), dtype=self.points.dtype, device=self.points.device)

    def tile(self, rows: slice, columns: slice, dtype: torch.dtype) -> Iterator[Tensor]:
        """See :class:`gramian.inference._collision.SquaredTiles`."""
        left = self.points[rows]
        squared = squared_distances(left, left if rows == columns else self.points[columns])
        needed = {kernel for kernel, _ in self.kernels}
        powers: dict[object, Tensor] = {"gaussian": squared.to(dtype)} if "gaussian" in needed else {}
        if "laplacian" in needed:
            powers["laplacian"] = squared.clamp(min=0).sqrt().to(dtype)
        place = torch.empty_like(squared, dtype=dtype)
        for kernel, bandwidth in self.kernels:
            factor = -1 / bandwidth**2 if kernel == "gaussian" else -2 / bandwidth
            yield torch.mul(powers[kernel], factor, out=place).exp_()
