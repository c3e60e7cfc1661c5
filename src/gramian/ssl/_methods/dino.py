"""DINO: match the sharpened, centred output of an average of the network."""

from __future__ import annotations

from typing import Any, ClassVar

from lightly.loss import DINOLoss  # type: ignore[import-untyped]
from lightly.models.modules.heads import DINOProjectionHead  # type: ignore[import-untyped]
from torch import Tensor, nn

from gramian.ssl._methods.momentum import MomentumPretraining

__all__ = ["DINO"]


class DINO(MomentumPretraining):
    """The teacher sees the large views, the student all of them; the centre is over all processes.

    Source: [caron2021]. ``projector.output`` is the bottleneck before the last layer, ``settings.prototypes`` the width of that
    layer; embeddings are the last layer's outputs.
    """

    method: ClassVar[str] = "dino"
    most_views: ClassVar[int] = 8
    small_views: ClassVar[bool] = True

    def build_projector(self) -> nn.Module:
        return self._head()

    def build_more(self) -> None:
        own: Any = self.settings
        super().build_more()
        self.criterion = DINOLoss(
            output_dim=own.prototypes,
            student_temp=own.student_temperature,
            teacher_temp=own.teacher_temperature,
            center_momentum=own.center_momentum,
        )

    def copy_of_projector(self) -> nn.Module:
        # A copy of a module under weight normalisation is refused by torch.
        copy = self._head()
        copy.load_state_dict(self.projector.state_dict())
        return copy

    def teacher_temperature(self) -> float:
        """The teacher's temperature in the current epoch."""
        own: Any = self.settings
        if self.current_epoch >= own.teacher_warmup_epochs:
            return float(own.teacher_temperature)
        risen = self.current_epoch / own.teacher_warmup_epochs
        return float(own.first_teacher_temperature * (1 - risen) + own.teacher_temperature * risen)

    def objective(self, views: list[Tensor], embeddings: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        targets = self.slow_embeddings(views[: self.recipe.number_of_views])
        with self.full_precision():
            loss = self.criterion(self.wide(targets), self.wide(embeddings), teacher_temp=self.teacher_temperature())
        return loss, {}

    def on_after_backward(self) -> None:
        own: Any = self.settings
        if self.current_epoch < own.freeze_epochs:
            for parameter in self.projector.get_submodule("last_layer").parameters():
                parameter.grad = None

    def _head(self) -> nn.Module:
        own: Any = self.settings
        shape = self.recipe.projector
        module: nn.Module = DINOProjectionHead(
            self.backbone.features, shape.hidden, shape.output, own.prototypes, batch_norm=own.batch_norm
        )
        return module
