"""MoCo v2: tell the other view from a queue of earlier images, as an average of the network sees them."""

from __future__ import annotations

from typing import Any, ClassVar

from lightly.loss import NTXentLoss  # type: ignore[import-untyped]
from torch import Tensor, nn

from gramian.ssl._methods.heads import head
from gramian.ssl._methods.momentum import MomentumPretraining
from gramian.ssl._methods.queues import persistent

__all__ = ["MoCo"]


class MoCo(MomentumPretraining):
    """The mean over both views as queries, with one queue of keys a view; no batch normalisation in the projector.

    Source: [chen2020moco], as in solo-learn: both views are queries, and batches are not shuffled between processes. The queues
    take the keys of all processes, so they are the same on each.
    """

    method: ClassVar[str] = "moco"

    def build_projector(self) -> nn.Module:
        return head(self.backbone.features, self.recipe.projector, norm=False)

    def build_more(self) -> None:
        super().build_more()
        own: Any = self.settings
        size = (own.queue, self.recipe.projector.output)
        criteria = [NTXentLoss(own.temperature, memory_bank_size=size, gather_distributed=True) for _ in range(2)]
        for criterion in criteria:
            persistent(criterion.memory_bank)
        self.criteria = nn.ModuleList(criteria)

    def objective(self, views: list[Tensor], embeddings: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        keys = self.slow_embeddings(views)
        with self.full_precision():
            (p, q), (a, b) = self.wide(embeddings), self.wide(keys)
            loss = (self.criteria[0](p, b) + self.criteria[1](q, a)) / 2
        return loss, {}
