"""What all methods share: backbone, projector, the step, what it leaves for callbacks, and the optimiser."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from gramian.itl._errors import type_fault, value_fault
from gramian.ssl._backbones import Backbone, build_backbone
from gramian.ssl._data.facts import DataFacts
from gramian.ssl._optimization.optimizers import build_optimizer, build_schedule
from gramian.ssl._recipes import Recipe

__all__ = ["Pretraining", "StepOutputs", "drawn_from"]


@dataclass(frozen=True)
class StepOutputs:
    """What the last step computed, for callbacks; nothing in it has a gradient.

    Attributes:
        features: of the backbone, ``(N, features)`` for each view.
        embeddings: of the projector, ``(N, output)`` for each view.
        labels: ``(N,)``, -1 where unknown. No loss looks at them.
        terms: parts of the loss by name, ``()`` each.
    """

    features: list[Tensor]
    embeddings: list[Tensor]
    labels: Tensor
    terms: Mapping[str, Tensor] = field(default_factory=dict)


class Pretraining(pl.LightningModule):
    """A method of self-supervised learning; each is a subclass.

    A subclass states which numbers of views it takes and writes :meth:`objective`; if its projector is another, if it has more
    modules, or if something moves without a gradient, it writes :meth:`build_projector`, :meth:`build_more` and :meth:`advance` too.

    Args:
        recipe: of this method.
        facts: of the data set, kept with the checkpoints.
        steps_per_epoch: batches an epoch, for the schedule.

    Attributes:
        backbone: what is kept after training.
        projector: what the loss sees the backbone through.
        outputs: :class:`StepOutputs` of the last training step, None before the first.

    Raises:
        ValueError: a recipe of another method, a number of views that the method does not take, a number of steps below 1.
    """

    method: ClassVar[str]
    fewest_views: ClassVar[int] = 2
    most_views: ClassVar[int] = 2
    small_views: ClassVar[bool] = False

    backbone: Backbone
    projector: nn.Module

    def __init__(self, recipe: Recipe, *, facts: DataFacts | None = None, steps_per_epoch: int) -> None:
        super().__init__()
        self._check(recipe, steps_per_epoch)
        self.recipe = recipe
        self.facts = facts
        self.steps_per_epoch = steps_per_epoch
        self.outputs: StepOutputs | None = None
        with drawn_from(recipe.seed):
            shape = recipe.backbone
            self.backbone = build_backbone(shape.name, width=shape.width, stem=shape.stem)
            self.projector = self.build_projector()
            self.build_more()
        if recipe.channels_last:
            self.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def settings(self) -> Any:
        """The recipe's section of the method; each subclass knows its type."""
        return self.recipe.settings

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.steps_per_epoch * self.recipe.epochs

    @abstractmethod
    def build_projector(self) -> nn.Module:
        """The projector; called once, with the global generator at the recipe's seed."""

    @abstractmethod
    def objective(self, views: list[Tensor], embeddings: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss ``()`` and its terms, from the projector's outputs and, where another network reads them too, the views."""

    def build_more(self) -> None:
        """Other modules of the method; called once, after the projector."""

    def advance(self) -> None:
        """Moves what no gradient moves, once before every training step."""

    def forward(self, images: Tensor) -> Tensor:
        """Features of the backbone, ``(N, features)``, in the mode that the module is in."""
        features: Tensor = self.backbone(self._laid_out(images))
        return features

    @torch.no_grad()
    def embed(self, images: Tensor) -> Tensor:
        """Features of the backbone for evaluation, ``(N, features)``: without gradients, with the statistics of training.

        Leaves the module in the mode it found it in.
        """
        training = self.backbone.training
        self.backbone.eval()
        try:
            return self(images)  # type: ignore[no-any-return]
        finally:
            self.backbone.train(training)

    def compute_loss(self, views: Sequence[Tensor], labels: Tensor) -> tuple[Tensor, StepOutputs]:
        """The loss of a batch, and what it was computed from.

        The loss itself is computed in float32 (float64 for a float64 module) under any precision.

        Args:
            views: one ``(N, 3, H, W)`` a view, small ones last.
            labels: ``(N,)``; handed on.

        Raises:
            ValueError: another number of views than the recipe says.
        """
        expected = self.recipe.number_of_views + self.recipe.views.small_views
        if len(views) != expected:
            raise value_fault("views", f"{expected} of each image", len(views), "Load them by the same recipe.")
        features = [self(view) for view in views]
        embeddings = [self.projector(feature) for feature in features]
        loss, terms = self.objective(list(views), embeddings)
        kept = StepOutputs(
            [feature.detach() for feature in features],
            [embedding.detach() for embedding in embeddings],
            labels,
            {name: term.detach() for name, term in terms.items()},
        )
        return loss, kept

    def training_step(self, batch: tuple[list[Tensor], Tensor], batch_idx: int) -> Tensor:
        """One step of Lightning's; logs ``loss`` and the terms."""
        views, labels = batch
        self.advance()
        loss, self.outputs = self.compute_loss(views, labels)
        self.log_dict({"loss": loss.detach(), **self.outputs.terms}, on_step=True, on_epoch=False)
        return loss

    def configure_optimizers(self) -> Any:
        """The recipe's optimiser, and its schedule at every step."""
        optimizer = build_optimizer(
            self.named_parameters(), self.recipe.optimizer, lr=self.recipe.peak_lr, constant=self.constant_lr()
        )
        schedule = build_schedule(optimizer, self.recipe, total=self.total_steps, steps_per_epoch=self.steps_per_epoch)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def constant_lr(self) -> tuple[str, ...]:
        """Prefixes of the parameters whose learning rate follows no schedule."""
        return ()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps the recipe and the facts with the weights, as text and plain values."""
        checkpoint["recipe"] = self.recipe.to_yaml()
        if self.facts is not None:
            checkpoint["facts"] = asdict(self.facts)

    def wide(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The tensors in the precision of the loss."""
        return [tensor if tensor.dtype == torch.float64 else tensor.float() for tensor in tensors]

    def full_precision(self) -> AbstractContextManager[Any]:
        """Where no operation is cast to half precision."""
        return torch.autocast(self.device.type, enabled=False)

    def _laid_out(self, images: Tensor) -> Tensor:
        return images.contiguous(memory_format=torch.channels_last) if self.recipe.channels_last else images

    def _check(self, recipe: Recipe, steps_per_epoch: int) -> None:
        if not isinstance(recipe, Recipe):
            raise type_fault("recipe", "a Recipe", type(recipe).__name__, "load_recipe(method, data) returns one.")
        if recipe.method != self.method:
            raise value_fault(
                "recipe", f"one of {self.method}", f"one of {recipe.method}", "METHODS[recipe.method] fits."
            )
        if steps_per_epoch < 1:
            remedy = "Take more images or a smaller batch."
            raise value_fault("steps_per_epoch", "at least 1", steps_per_epoch, remedy)
        fewest, most = self.fewest_views, self.most_views
        if not fewest <= recipe.number_of_views <= most:
            rule = f"{fewest} for {self.method}" if fewest == most else f"{fewest} to {most} for {self.method}"
            remedy = "FroSSL and MMCR take up to 8." if fewest == most else "Set it within."
            raise value_fault("number_of_views", rule, recipe.number_of_views, remedy)
        if recipe.views.small_views and not self.small_views:
            rule = f"0 for {self.method}"
            raise value_fault("views.small_views", rule, recipe.views.small_views, "SwAV and DINO take small views.")


@contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Draws from torch's global CPU generator depend on the seed alone in here, and leave no trace in it."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
