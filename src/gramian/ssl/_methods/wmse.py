"""W-MSE: equal views after whitening."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from lightly.loss import WMSELoss  # type: ignore[import-untyped]
from torch import Tensor, nn

from gramian.itl._errors import value_fault
from gramian.ssl._methods.heads import head
from gramian.ssl._methods.pretraining import Pretraining, drawn_from

__all__ = ["WMSE"]


class WMSE(Pretraining):
    """``2 - 2 cos`` of whitened views, the mean over pairs of views, within ``[0, 4]``.

    Source: [ermolov2021]. Each process whitens its own samples, as in the released code, in random slices of
    ``settings.whitening_size``; which ones depends on the recipe's seed and the step alone.
    """

    method: ClassVar[str] = "wmse"
    most_views: ClassVar[int] = 8

    def build_projector(self) -> nn.Module:
        return head(self.backbone.features, self.recipe.projector)

    def build_more(self) -> None:
        own: Any = self.settings
        output = self.recipe.projector.output
        if own.whitening_size < 2 * output:
            rule = f"at least {2 * output}, twice projector.output"
            remedy = "The covariance of fewer samples is all but singular."
            raise value_fault("settings.whitening_size", rule, own.whitening_size, remedy)
        self.criterion = WMSELoss(
            embedding_dim=output,
            eps=own.whitening_epsilon,
            w_iter=own.whitening_iterations,
            w_size=own.whitening_size,
            num_samples=self.recipe.number_of_views,
        )

    def objective(self, views: list[Tensor], embeddings: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        own: Any = self.settings
        samples = embeddings[0].shape[0]
        if samples % own.whitening_size:
            rule = f"a batch on each process that {own.whitening_size} (settings.whitening_size) divides"
            raise value_fault(
                "views", rule, samples, "Set batch_size or settings.whitening_size, and drop the last batch."
            )
        with self.full_precision(), drawn_from((self.recipe.seed << 32) + self.global_step):
            try:
                loss = self.criterion(torch.cat(self.wide(embeddings)))
            except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
                remedy = "The projector has collapsed: lower optimizer.lr, or set settings.whitening_epsilon=0.001."
                raise value_fault(
                    "embeddings", "a covariance of full rank to whiten", "a singular one", remedy
                ) from error
        return loss, {}
