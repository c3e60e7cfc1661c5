"""Exchanges under the divergence of any order, from a choice that is already good at order 2."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gramian.sampling._class_features import ClassFeatures
from gramian.sampling._collision_kernel import Indices

__all__ = ["refine"]

# Of the points that should leave, and of those that should enter: how many are tried in all pairs.
_TRIED = 5


def refine(features: ClassFeatures, chosen: Indices, alpha: float) -> Indices:
    """Exchange chosen points while that lowers the divergence of order ``alpha``; indices, ascending.

    The derivative of the divergence by the subset's operator says which points weigh on it and which are missing; pairs
    of the first of both are tried, and the best exchange is made. Ends when none of those tried helps, or after two
    exchanges a point.

    Cost:
        ``n k^2 + k^3`` an exchange, with ``k`` landmarks.
    """
    vectors = features.of_class
    taken = torch.zeros(len(vectors), dtype=torch.bool)
    taken[torch.from_numpy(chosen)] = True
    operator = _operator(vectors[taken])
    best = features.divergence(operator, alpha)
    for _ in range(2 * len(chosen)):
        weight = _weights(features, operator, alpha, 1 / (len(chosen) + 1))
        leaving = torch.where(taken, weight, -torch.inf).topk(min(_TRIED, len(chosen))).indices
        entering = (
            torch.where(taken, torch.inf, weight).topk(min(_TRIED, len(vectors) - len(chosen)), largest=False).indices
        )
        without, added = (_outer(vectors[which]) / len(chosen) for which in (leaving, entering))
        tried = features.divergence(operator + added[None] - without[:, None], alpha)
        if not bool(tried.min() < best - 1e-12):
            break
        row, column = divmod(int(tried.argmin()), len(entering))
        taken[leaving[row]], taken[entering[column]] = False, True
        operator, best = _operator(vectors[taken]), tried.min()
    return np.flatnonzero(taken.numpy())


def _weights(features: ClassFeatures, operator: Tensor, alpha: float, mixed: float) -> Tensor:
    """What each point of the class adds to the divergence to first order, where some of the class is mixed in.

    At the subset's own operator the derivative by directions that it lacks is infinite up to order 1: a share of the
    class, as large as one point's, makes it say what an exchange would bring.
    """
    at = torch.lerp(operator, features.class_operator, mixed).requires_grad_()
    (slope,) = torch.autograd.grad(features.divergence(at, alpha), at)
    return ((features.of_class @ slope) * features.of_class).sum(1)


def _operator(vectors: Tensor) -> Tensor:
    return vectors.mT @ vectors / len(vectors)


def _outer(vectors: Tensor) -> Tensor:
    return vectors[:, :, None] * vectors[:, None, :]
