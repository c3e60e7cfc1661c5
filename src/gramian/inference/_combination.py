"""From the divergences of all labellings at all scales to one statistic, and to p-values."""

from __future__ import annotations

import sys

import torch
from torch import Tensor

__all__ = ["combined", "pvalues", "rounding"]


def rounding(values: Tensor, eps: float, size: int) -> Tensor:
    """How far apart statistics that are equal may come out, ``(..., labellings)`` to ``(..., 1)``.

    Args:
        values: divergences or scores of all labellings.
        eps: precision of the products they were computed with; sums and logarithms are float64.
        size: points in the pooled sample.
    """
    largest = values.abs().amax(-1, keepdim=True)
    spread = values.std(-1, correction=0, keepdim=True)
    slack: Tensor = 64 * sys.float_info.epsilon * (1 + largest) + 4 * eps / size**0.5 + eps**0.5 * spread
    return slack


# Scores below this count as this: samples more alike than chance makes them are not evidence that they differ.
_LEAST = -1.0
# Added to the variances of the scores, which are one: neighbouring scales tell nearly the same.
_RIDGE = 0.03


def combined(divergences: Tensor, eps: float, size: int) -> Tensor:
    """One number a labelling, ``(scales, labellings)`` to ``(labellings,)``: larger where the groups differ more.

    Divergences become scores by the mean and standard deviation over all labellings; the number is the mean square of the scores
    in coordinates in which the labellings' scores are uncorrelated. What one scale tells beyond its neighbours then
    counts as much as what they tell together [chatterjee2025].

    Whatever is done to one labelling is done to all, and means and correlations are of all together: the statistic is
    the same function of each, so the level is exact.
    """
    if len(divergences) == 1:
        return divergences[0]
    spread = divergences.std(-1, correction=0, keepdim=True)
    centred = divergences - divergences.mean(-1, keepdim=True)
    # A scale at which all labellings are equal tells nothing, not even its rounding.
    told = spread > rounding(divergences, eps, size)
    scores = torch.where(told, centred / torch.where(told, spread, 1.0), 0.0)
    correlation = scores @ scores.mT / scores.shape[-1]
    correlation.diagonal().add_(_RIDGE)
    scores = scores.clamp(min=_LEAST)
    combination: Tensor = (scores * torch.linalg.solve(correlation, scores)).mean(0)
    return combination


def pvalues(values: Tensor, eps: float, size: int) -> Tensor:
    """``(b + 1) / (B + 1)`` of the first labelling among all, ties within rounding counted: ``(..., 1 + B)`` to ``(...,)``."""
    reached = values[..., 1:] >= values[..., :1] - rounding(values, eps, size)
    return (reached.sum(-1, dtype=torch.float64) + 1) / values.shape[-1]
