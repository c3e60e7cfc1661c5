"""Feature vectors of unit length in which the kernel of a class is nearly an inner product."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from gramian.itl import nystrom_map
from gramian.itl._spectral_entropy import renyi_entropy
from gramian.sampling._collision_kernel import Floats
from gramian.sampling._points import collision_kernel
from gramian.sampling._selection import select_covering

__all__ = ["ClassFeatures"]

# The share of a unit vector below which its part outside the landmarks' span counts as none: its root has no gradient.
_NOTHING_LEFT = 1e-12
_ROWS = 2**13


class ClassFeatures:
    """Nyström features of a class, completed to unit length, and divergences in them.

    Landmarks are points of the class that cover it. What a vector has outside their span is one further coordinate, so
    that every point has the unit length that the Gaussian kernel gives it, and a point that leaves the class does not
    simply vanish. Exact for points that are landmarks: for a class no larger than ``count``.

    Args:
        points: ``(n, d)``, the class.
        bandwidth: of the Gaussian kernel, positive.
        count: of landmarks.
        draws: for classes beyond 4,096 points.
    """

    def __init__(self, points: Floats, bandwidth: float, *, count: int, draws: np.random.RandomState) -> None:
        chosen = select_covering(collision_kernel(points, bandwidth, draws=draws), count, draws=draws, thorough=False)
        landmarks = np.unique(np.asarray(points[chosen], dtype=np.float64), axis=0)
        self._map = nystrom_map(torch.from_numpy(landmarks), bandwidth=bandwidth)
        rows = torch.from_numpy(np.asarray(points, dtype=np.float64))
        self.of_class = torch.cat([self(part) for part in rows.split(_ROWS)])
        self.class_operator = self.of_class.mT @ self.of_class / len(points)
        self._class_spectrum = torch.linalg.eigvalsh(self.class_operator)

    def __call__(self, points: Tensor) -> Tensor:
        """``(m, d)`` to ``(m, k + 1)``, rows of unit length; differentiable."""
        within = self._map.map(points)
        left = 1 - within.square().sum(1, keepdim=True)
        outside = torch.where(left > _NOTHING_LEFT, left.clamp(min=_NOTHING_LEFT).sqrt(), 0.0)
        return torch.cat([within, outside], dim=1)

    def divergence(self, operator: Tensor, alpha: float) -> Tensor:
        """Balanced divergence between the class and groups of these operators, ``(..., k + 1, k + 1)``, in nats."""
        mixture = torch.linalg.eigvalsh((self.class_operator + operator) / 2)
        own = torch.linalg.eigvalsh(operator)
        both = torch.cat([self._class_spectrum.expand_as(own), own], dim=-1) / 2
        return _entropy(mixture, alpha) + math.log(2) - _entropy(both, alpha)


def _entropy(values: Tensor, alpha: float) -> Tensor:
    # The public function checks its input each time, which would cost a third of every step of learning.
    clipped = values.clamp(min=0)
    cutoff = values.shape[-1] * torch.finfo(values.dtype).eps
    entropy: Tensor = renyi_entropy(clipped / clipped.sum(-1, keepdim=True), alpha, cutoff)
    return entropy
