"""SwAV: predict from one view the cluster that the other is assigned to, clusters being equally full."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from lightly.loss import SwaVLoss  # type: ignore[import-untyped]
from lightly.loss.memory_bank import MemoryBankModule  # type: ignore[import-untyped]
from lightly.models.modules.heads import SwaVPrototypes  # type: ignore[import-untyped]
from lightly.utils import dist  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn.functional import normalize

from gramian.ssl._methods.heads import head
from gramian.ssl._methods.pretraining import Pretraining
from gramian.ssl._methods.queues import persistent

__all__ = ["SwAV"]


class SwAV(Pretraining):
    """Swapped assignments among the large views, predicted from the small ones too.

    Source: [caron2020]. Assignments are balanced over the batches of all processes and, from ``settings.queue_from_epoch``, a queue
    of each large view's earlier embeddings; every process holds the whole queue and adds its own part of it.
    """

    method: ClassVar[str] = "swav"
    most_views: ClassVar[int] = 8
    small_views: ClassVar[bool] = True

    def build_projector(self) -> nn.Module:
        return head(self.backbone.features, self.recipe.projector)

    def build_more(self) -> None:
        own: Any = self.settings
        output = self.recipe.projector.output
        self.prototypes = SwaVPrototypes(output, own.prototypes)
        # lightly's prototypes have a bias, which the paper's have not: assignments are by direction alone.
        self.prototypes.heads[0].register_parameter("bias", None)
        self.criterion = SwaVLoss(
            temperature=own.temperature,
            sinkhorn_iterations=own.sinkhorn_iterations,
            sinkhorn_epsilon=own.sinkhorn_epsilon,
            sinkhorn_gather_distributed=True,
        )
        banks = self.recipe.number_of_views if own.queue else 0
        self.queues = nn.ModuleList(
            persistent(MemoryBankModule((own.queue, output), gather_distributed=True, feature_dim_first=False))
            for _ in range(banks)
        )

    def advance(self) -> None:
        self.prototypes.normalize()

    def objective(self, views: list[Tensor], embeddings: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        with self.full_precision():
            directions = [normalize(embedding) for embedding in self.wide(embeddings)]
            scores = [self.prototypes(direction) for direction in directions]
            large = self.recipe.number_of_views
            loss = self.criterion(scores[:large], scores[large:], self._queued(directions[:large]))
        return loss.squeeze(), {}

    @torch.no_grad()
    def _queued(self, directions: list[Tensor]) -> list[Tensor] | None:
        own: Any = self.settings
        held = [queue(z, update=self.training)[1] for queue, z in zip(self.queues, directions, strict=False)]
        if not held or self.current_epoch < own.queue_from_epoch:
            return None
        # The assignment is summed over processes: each adds another part of the queue, which is the same on all.
        return [self.prototypes(bank[dist.rank() :: dist.world_size()]) for bank in held]

    def on_after_backward(self) -> None:
        own: Any = self.settings
        if self.current_epoch < own.freeze_epochs:
            for parameter in self.prototypes.parameters():
                parameter.grad = None
