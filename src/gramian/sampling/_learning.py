"""Points learned by gradient, so that they look like a class to the divergence."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.sampling._class_features import ClassFeatures

__all__ = ["learn_points"]


def learn_points(
    features: ClassFeatures, start: Tensor, *, alpha: float, iterations: int, learning_rate: float
) -> Tensor:
    """Points ``(m, d)`` with the lowest divergence from the class met on the way; the start counts.

    Adam, as in the paper, with a rate that falls to zero as a cosine.

    Cost:
        ``m k (d + k) + k^3`` an iteration, with ``k`` landmarks.
    """
    points = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([points], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, iterations))
    best, lowest = start, torch.inf
    for _ in range(iterations):
        loss = _loss(features, points, alpha)
        if loss.item() < lowest:
            best, lowest = points.detach().clone(), loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return points.detach() if _loss(features, points, alpha).item() < lowest else best


def _loss(features: ClassFeatures, points: Tensor, alpha: float) -> Tensor:
    vectors = features(points)
    return features.divergence(vectors.mT @ vectors / len(points), alpha)
