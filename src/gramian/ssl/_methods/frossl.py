"""FroSSL: flat covariances and equal views, with two to eight views."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from gramian.ssl._loss.frossl import FroSSLLoss
from gramian.ssl._methods.heads import head
from gramian.ssl._methods.pretraining import Pretraining

__all__ = ["FroSSL"]


class FroSSL(Pretraining):
    """:func:`gramian.ssl.frossl_loss` behind a projector with batch normalisation. Source: [frossl2024]."""

    method: ClassVar[str] = "frossl"
    most_views: ClassVar[int] = 8

    def build_projector(self) -> nn.Module:
        return head(self.backbone.features, self.recipe.projector)

    def build_more(self) -> None:
        own: Any = self.settings
        self.criterion = FroSSLLoss(
            invariance_weight=own.invariance_weight,
            alpha=own.alpha,
            normalization=own.normalization,
            invariance=own.invariance,
            batch=own.batch,
        )

    def objective(self, views: list[Tensor], embeddings: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        terms = self.criterion.terms(embeddings)
        return terms.loss, {"invariance": terms.invariance, "entropy": terms.entropies.mean()}
