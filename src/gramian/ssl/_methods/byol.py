"""BYOL: predict what an average of the network says of the other view."""

from __future__ import annotations

from typing import Any, ClassVar

from lightly.loss import NegativeCosineSimilarity  # type: ignore[import-untyped]
from torch import Tensor, nn

from gramian.ssl._methods.heads import head
from gramian.ssl._methods.momentum import MomentumPretraining
from gramian.ssl._recipes import HeadRecipe

__all__ = ["BYOL"]


class BYOL(MomentumPretraining):
    """The sum over both views of ``2 - 2 cos``, within ``[0, 8]``: the released learning rates belong to the sum.

    Source: [grill2020], as in solo-learn. lightly's example takes a quarter of it.
    """

    method: ClassVar[str] = "byol"

    def build_projector(self) -> nn.Module:
        return head(self.backbone.features, self.recipe.projector)

    def build_more(self) -> None:
        super().build_more()
        own: Any = self.settings
        output = self.recipe.projector.output
        self.predictor = head(output, HeadRecipe(own.predictor_hidden, output, layers=2))
        self.criterion = NegativeCosineSimilarity()

    def objective(self, views: list[Tensor], embeddings: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        predictions = [self.predictor(embedding) for embedding in embeddings]
        targets = self.slow_embeddings(views)
        with self.full_precision():
            (p, q), (a, b) = self.wide(predictions), self.wide(targets)
            loss: Tensor = 4 + 2 * (self.criterion(p, b) + self.criterion(q, a))
        return loss, {}
