"""Methods with a second network that follows the first by an exponential moving average."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from lightly.models.utils import update_momentum  # type: ignore[import-untyped]
from torch import Tensor, nn

from gramian.ssl._backbones import Backbone
from gramian.ssl._methods.pretraining import Pretraining
from gramian.ssl._optimization.schedule import cosine_between

__all__ = ["MomentumPretraining"]


class MomentumPretraining(Pretraining):
    r"""A backbone and projector, and their moving averages, which take no gradient.

    Before step ``t`` of ``T`` each averaged weight :math:`m` moves to :math:`\tau_t m + (1 - \tau_t) w`, with :math:`\tau` going
    from ``settings.momentum`` to ``settings.final_momentum`` along half a cosine. Statistics of batch normalisation are its own.

    Attributes:
        slow_backbone: the averaged backbone.
        slow_projector: the averaged projector.
    """

    slow_backbone: Backbone
    slow_projector: nn.Module

    def build_more(self) -> None:
        self.slow_backbone = deepcopy(self.backbone).requires_grad_(False)
        self.slow_projector = self.copy_of_projector().requires_grad_(False)
        if self.recipe.channels_last:
            self.slow_backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def copy_of_projector(self) -> nn.Module:
        """Another projector of equal weights."""
        return deepcopy(self.projector)

    def momentum_at(self, step: int) -> float:
        """The share of the average that is kept at a step."""
        own: Any = self.settings
        return cosine_between(own.momentum, own.final_momentum, step, self.total_steps)

    def advance(self) -> None:
        # Before step 0 the two are equal; the last step's weights are averaged by nobody, and nobody reads that average.
        momentum = self.momentum_at(self.global_step)
        update_momentum(self.backbone, self.slow_backbone, momentum)
        update_momentum(self.projector, self.slow_projector, momentum)

    @torch.no_grad()
    def slow_embeddings(self, views: list[Tensor]) -> list[Tensor]:
        """Outputs of the averaged projector for each view, without gradients."""
        return [self.slow_projector(self.slow_backbone(self._laid_out(view))) for view in views]
