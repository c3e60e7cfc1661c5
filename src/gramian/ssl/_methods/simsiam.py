"""SimSiam: predict the other view's embedding, which takes no gradient."""

from __future__ import annotations

from typing import Any, ClassVar

from lightly.loss import NegativeCosineSimilarity  # type: ignore[import-untyped]
from torch import Tensor, nn

from gramian.ssl._methods.heads import head
from gramian.ssl._methods.pretraining import Pretraining
from gramian.ssl._recipes import HeadRecipe

__all__ = ["SimSiam"]


class SimSiam(Pretraining):
    """Minus the mean cosine of predictions and embeddings, within ``[-1, 1]``. Source: [chen2021]."""

    method: ClassVar[str] = "simsiam"

    def build_projector(self) -> nn.Module:
        return head(self.backbone.features, self.recipe.projector, last_norm=True)

    def build_more(self) -> None:
        own: Any = self.settings
        output = self.recipe.projector.output
        self.predictor = head(output, HeadRecipe(own.predictor_hidden, output, layers=2))
        self.criterion = NegativeCosineSimilarity()

    def constant_lr(self) -> tuple[str, ...]:
        own: Any = self.settings
        return ("predictor.",) if own.constant_predictor_lr else ()

    def objective(self, views: list[Tensor], embeddings: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        predictions = [self.predictor(embedding) for embedding in embeddings]
        with self.full_precision():
            (p, q), (a, b) = self.wide(predictions), self.wide(embeddings)
            loss: Tensor = (self.criterion(p, b.detach()) + self.criterion(q, a.detach())) / 2
        return loss, {}
