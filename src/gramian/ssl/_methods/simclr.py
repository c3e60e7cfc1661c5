"""SimCLR: tell the other view of an image from all other images of the batch."""

from __future__ import annotations

from typing import Any, ClassVar

from lightly.loss import NTXentLoss  # type: ignore[import-untyped]
from torch import Tensor, nn

from gramian.ssl._methods.heads import head
from gramian.ssl._methods.pretraining import Pretraining

__all__ = ["SimCLR"]


class SimCLR(Pretraining):
    """lightly's NT-Xent over the batches of all processes. Source: [chen2020]; the projector without normalisation, as in solo-learn."""

    method: ClassVar[str] = "simclr"

    def build_projector(self) -> nn.Module:
        return head(self.backbone.features, self.recipe.projector, norm=False)

    def build_more(self) -> None:
        own: Any = self.settings
        self.criterion = NTXentLoss(temperature=own.temperature, gather_distributed=True)

    def objective(self, views: list[Tensor], embeddings: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        with self.full_precision():
            return self.criterion(*self.wide(embeddings)), {}
