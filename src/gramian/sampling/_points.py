"""What a class looks like to the kernel: columns on one scale, a bandwidth, a few points that stand for all."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gramian.itl._errors import type_fault, value_fault
from gramian.sampling._collision_kernel import CollisionKernel, Floats

__all__ = ["RULES", "Scale", "class_bandwidth", "collision_kernel"]

RULES = ("median", "mean", "dimension")
# Points whose pairwise distances a rule reads, and points on which the mean of a large class is projected.
_READ_BY_RULES = 2**11
_LANDMARKS = 2**11
# Up to here the means over all pairs of a class take a second or two.
_ALL_PAIRS = 2**14


@dataclass(frozen=True)
class Scale:
    """An affine map of every column, and back; constant columns stay where they are.

    Attributes:
        centre: ``(d,)``.
        width: ``(d,)``, positive.
    """

    centre: npt.NDArray[np.float64]
    width: npt.NDArray[np.float64]

    @classmethod
    def of(cls, x: npt.NDArray[Any], *, standardize: bool) -> Scale:
        """Means and standard deviations of the columns, or the map that changes nothing."""
        wide = np.asarray(x, dtype=np.float64)
        if not standardize:
            return cls(np.zeros(wide.shape[1]), np.ones(wide.shape[1]))
        centre = wide.mean(0)
        largest = np.abs(wide - centre).max(0)
        # Divided first, so that squares of very large or very small columns stay in range.
        width = largest * np.sqrt(np.square((wide - centre) / np.where(largest > 0, largest, 1)).mean(0))
        constant = largest <= 1e-13 * np.abs(centre)
        return cls(centre, np.where(constant | (width == 0), 1.0, width))

    def apply(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        scaled: npt.NDArray[np.float64] = (np.asarray(x, dtype=np.float64) - self.centre) / self.width
        return scaled

    def restore(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return points * self.width + self.centre


def class_bandwidth(points: Floats, bandwidth: str | float, factor: float, *, draws: np.random.RandomState) -> float:
    """The bandwidth for a class: a rule read off its points (2,048 drawn of more), or a number; times the factor.

    Where most pairs coincide, as in data with many duplicates, the rules read pairs of different points only. A class
    without two different points gets 1: every choice among them is as good as any.
    """
    if isinstance(bandwidth, str):
        if bandwidth not in RULES:
            remedy = "The default is 'median'; any positive number works too."
            raise value_fault("bandwidth", f"one of {', '.join(RULES)}, or a number", repr(bandwidth), remedy)
        return factor * _by_rule(points, bandwidth, draws)
    if isinstance(bandwidth, bool) or not isinstance(bandwidth, numbers.Real):
        remedy = "The default is 'median'."
        raise type_fault("bandwidth", f"a number or one of {', '.join(RULES)}", type(bandwidth).__name__, remedy)
    if not 0 < float(bandwidth) < np.inf:
        remedy = "The rule 'median' adapts to the sample."
        raise value_fault("bandwidth", "a positive, finite length", bandwidth, remedy)
    return factor * float(bandwidth)


def collision_kernel(points: Floats, bandwidth: float, *, draws: np.random.RandomState) -> CollisionKernel:
    """The squared kernel of a class: its means over all pairs up to 16,384 points, projected on 2,048 landmarks beyond."""
    if len(points) <= _ALL_PAIRS:
        return CollisionKernel(points, bandwidth)
    landmarks = np.sort(draws.choice(len(points), _LANDMARKS, replace=False))
    return CollisionKernel(points, bandwidth, landmarks)


def _by_rule(points: Floats, rule: str, draws: np.random.RandomState) -> float:
    if rule == "dimension":
        return float(np.sqrt(points.shape[1] / 2))
    if len(points) > _READ_BY_RULES:
        points = points[draws.choice(len(points), _READ_BY_RULES, replace=False)]
    distances = _pairwise_distances(points)
    length = _middle(distances, rule)
    if length > 0:
        return length
    apart = distances[distances > 0]
    return _middle(apart, rule) if len(apart) else 1.0


def _middle(distances: Floats, rule: str) -> float:
    if not len(distances):
        return 0.0
    return float(np.median(distances) if rule == "median" else distances.mean())


def _pairwise_distances(points: Floats) -> Floats:
    from scipy.spatial.distance import pdist

    distances: Floats = pdist(np.asarray(points, dtype=np.float64))
    return distances
