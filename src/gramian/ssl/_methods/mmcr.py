"""MMCR: centroids of an image's views spread over all directions, by their nuclear norm."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from lightly.utils import dist  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn.functional import normalize

from gramian.ssl._methods.heads import head
from gramian.ssl._methods.momentum import MomentumPretraining

__all__ = ["MMCR", "mmcr_loss"]


def mmcr_loss(views: list[Tensor], *, local_weight: float = 0.0) -> Tensor:
    r"""Minus the nuclear norm of the centroids, plus the mean one of each sample's views.

    .. math:: L = -\|C\|_* + \frac{\lambda}{N} \sum_i \|Z_i\|_*, \quad C = \frac1V \sum_v Z_v

    with rows of length one; at least :math:`-\sqrt{N \min(N, d)}`. The centroids are of all processes.

    Source: [yerxa2023], in the form of FroSSL's released code (``local_weight=0``). ``lightly.loss.MMCRLoss`` is the same value for
    rows of length one; it takes full singular value decompositions of every sample even where their weight is zero, which makes a
    step several times slower, and needs a momentum network.

    Args:
        views: ``(N, d)`` each.
        local_weight: :math:`\lambda`.
    """
    unit = [normalize(view) for view in views]
    centroids = torch.stack(unit).mean(dim=0)
    if dist.world_size() > 1:
        centroids = torch.cat(dist.gather(centroids))
    loss: Tensor = -torch.linalg.matrix_norm(centroids, ord="nuc")
    if local_weight:
        loss = loss + local_weight * torch.linalg.matrix_norm(torch.stack(unit, dim=1), ord="nuc").mean()
    return loss


class MMCR(MomentumPretraining):
    """:func:`mmcr_loss`; with ``settings.momentum``, views of a momentum network join those of the network. Source: [yerxa2023]."""

    method: ClassVar[str] = "mmcr"
    most_views: ClassVar[int] = 8

    def build_projector(self) -> nn.Module:
        return head(self.backbone.features, self.recipe.projector)

    def build_more(self) -> None:
        own: Any = self.settings
        if own.momentum is not None:
            super().build_more()

    def momentum_at(self, step: int) -> float:
        own: Any = self.settings
        return float(own.momentum)

    def advance(self) -> None:
        own: Any = self.settings
        if own.momentum is not None:
            super().advance()

    def objective(self, views: list[Tensor], embeddings: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        own: Any = self.settings
        slow = self.slow_embeddings(views) if own.momentum is not None else []
        with self.full_precision():
            return mmcr_loss(self.wide([*embeddings, *slow]), local_weight=own.local_weight), {}
