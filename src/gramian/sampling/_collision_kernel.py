"""The squared Gaussian kernel of a class, and how close every point of it lies to all the others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CollisionKernel", "Floats", "Indices"]

Floats = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.intp]

# Entries of the kernel held at once: 64 MB in float32.
_CHUNK = 2**24
# Up to here everything is in float64; beyond, float32 halves the time. The exponent then carries an error of
# 1e-7 |x - mean|^2 / bandwidth^2, far below the differences that selections are made of.
_SMALL = 2**12


@dataclass(frozen=True)
class CollisionKernel:
    r"""The square of the Gaussian kernel, :math:`\kappa(x, y) = \exp(-|x - y|^2 / \sigma^2)`, on the points of a class.

    At order 2 the divergence depends on a class and a subset through means of :math:`\kappa` alone; see
    ``docs/design/sampling.md``.

    Attributes:
        points: ``(n, d)``, one vector a row.
        bandwidth: :math:`\sigma` of the Gaussian kernel whose square this is, positive.
        landmarks: indices of points on whose span in feature space the mean of the class is projected; None computes
            the means over all pairs.
    """

    points: Floats
    bandwidth: float
    landmarks: Indices | None = None

    @property
    def size(self) -> int:
        return len(self.points)

    @cached_property
    def _scaled(self) -> Floats:
        wide = np.asarray(self.points, dtype=np.float64)
        scaled: Floats = (wide - wide.mean(0)) / self.bandwidth
        return scaled if self.size <= _SMALL else scaled.astype(np.float32)

    @cached_property
    def _squares(self) -> Floats:
        squares: Floats = np.square(self._scaled).sum(1)
        return squares

    def between(self, rows: Indices | slice, columns: Indices | slice) -> Floats:
        """Kernel values of some points with others, ``(len(rows), len(columns))``; one for equal points."""
        exponent = self._scaled[rows] @ self._scaled[columns].T
        exponent *= 2
        exponent -= self._squares[columns]
        exponent -= self._squares[rows][:, None]
        np.minimum(exponent, 0, out=exponent)  # equal points, after rounding
        values: Floats = np.exp(exponent, out=exponent)
        return values

    def sums(
        self, rows: Indices | slice, columns: Indices | slice, weights: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float64]:
        """Sums of the kernel of each row's point with the columns' points, weighted if asked, in pieces and in float64."""
        places = np.arange(self.size)
        chosen, others = places[rows], places[columns]
        total = np.zeros(len(chosen))
        height = max(1, _CHUNK // _SMALL)
        for top in range(0, len(chosen), height):
            part = chosen[top : top + height]
            for left in range(0, len(others), _SMALL):
                values = self.between(part, others[left : left + _SMALL])
                if weights is None:
                    total[top : top + height] += values.sum(1, dtype=np.float64)
                else:
                    total[top : top + height] += values @ weights[left : left + _SMALL]
        return total

    @cached_property
    def closeness(self) -> npt.NDArray[np.float64]:
        r"""Mean kernel value of each point with the class, ``(n,)``: :math:`p_i = \frac{1}{n}\sum_j \kappa(x_i, x_j)`.

        With landmarks, the mean of the class in feature space is replaced by its projection on their span: ``n r``
        kernel values, twice, in place of ``n^2``.
        """
        return self.closeness_of(self, slice(None))

    @cached_property
    def purity(self) -> float:
        r"""Mean of the kernel over all pairs of the class: :math:`a = \operatorname{tr}\rho_P^2`.

        With landmarks, the squared norm of the projected mean: the one that fits :attr:`closeness`, so that no
        discrepancy from it comes out negative.
        """
        if self.landmarks is None:
            return math.fsum(self.closeness) / self.size
        among = self.between(self.landmarks, self.landmarks).astype(np.float64)
        return float(self._weights @ among @ self._weights)

    def closeness_of(self, other: CollisionKernel, rows: Indices | slice) -> npt.NDArray[np.float64]:
        """Mean kernel value with this class of points of another kernel, whose first points are those of this class."""
        if self.landmarks is None:
            return other.sums(rows, slice(0, self.size)) / self.size
        return other.sums(rows, self.landmarks, self._weights)

    @cached_property
    def _weights(self) -> npt.NDArray[np.float64]:
        """Of the landmarks in the projected mean of the class."""
        chosen = np.asarray(self.landmarks)
        means = self.sums(chosen, slice(None)) / self.size
        among = self.between(chosen, chosen).astype(np.float64)
        # Rounding of the kernel values, in float32, must not be taken for structure.
        ridge = len(chosen) * float(np.finfo(self._scaled.dtype).eps)
        return np.asarray(np.linalg.solve(among + ridge * np.eye(len(chosen)), means), dtype=np.float64)
