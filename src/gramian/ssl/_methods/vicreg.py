"""VICReg: equal views, each feature's variance at one or more, no covariance between features."""

from __future__ import annotations

from typing import Any, ClassVar

from lightly.loss import VICRegLoss  # type: ignore[import-untyped]
from torch import Tensor, nn

from gramian.ssl._methods.heads import head
from gramian.ssl._methods.pretraining import Pretraining

__all__ = ["VICReg"]


class VICReg(Pretraining):
    """lightly's loss, the paper's; solo-learn's has twice its variance term. Source: [bardes2022]."""

    method: ClassVar[str] = "vicreg"

    def build_projector(self) -> nn.Module:
        return head(self.backbone.features, self.recipe.projector)

    def build_more(self) -> None:
        own: Any = self.settings
        self.criterion = VICRegLoss(
            lambda_param=own.invariance_weight,
            mu_param=own.variance_weight,
            nu_param=own.covariance_weight,
            gather_distributed=True,
        )

    def objective(self, views: list[Tensor], embeddings: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        with self.full_precision():
            return self.criterion(*self.wide(embeddings)), {}
