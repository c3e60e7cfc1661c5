"""Barlow Twins: the cross-correlation of two views as the identity."""

from __future__ import annotations

from typing import Any, ClassVar

from lightly.loss import BarlowTwinsLoss  # type: ignore[import-untyped]
from torch import Tensor, nn

from gramian.ssl._methods.heads import head
from gramian.ssl._methods.pretraining import Pretraining

__all__ = ["BarlowTwins"]


class BarlowTwins(Pretraining):
    """lightly's loss times ``settings.scale``, which the released learning rates belong to. Source: [zbontar2021]."""

    method: ClassVar[str] = "barlow"

    def build_projector(self) -> nn.Module:
        return head(self.backbone.features, self.recipe.projector)

    def build_more(self) -> None:
        own: Any = self.settings
        self.criterion = BarlowTwinsLoss(lambda_param=own.off_diagonal_weight, gather_distributed=True)

    def objective(self, views: list[Tensor], embeddings: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        own: Any = self.settings
        with self.full_precision():
            return own.scale * self.criterion(*self.wide(embeddings)), {}
