"""How good the features are, told while they are learned: a linear probe trained beside the encoder, and nearest neighbours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.functional import batch_norm, cross_entropy
from torch.utils.data import DataLoader

from gramian.itl._errors import type_fault, value_fault
from gramian.ssl._evaluation.features import Features, read_features
from gramian.ssl._evaluation.knn import weighted_knn
from gramian.ssl._methods.pretraining import Pretraining
from gramian.training import PeriodicEvaluation

__all__ = ["OnlineKNN", "OnlineProbe", "SplitReader"]


class SplitReader:
    """Features of the evaluation splits, read once a step for whoever asks.

    Args:
        bank: The labelled training images, as `evaluation_loader` gives them.
        test: The test images.
    """

    def __init__(self, bank: DataLoader[Any], test: DataLoader[Any]) -> None:
        self._loaders = {"bank": bank, "test": test}
        self._step: int | None = None
        self._found: dict[str, Features] = {}

    def read(self, split: str, module: Pretraining, step: int) -> Features:
        """Features of ``bank`` or ``test`` as the encoder is at a step."""
        if step != self._step:
            self._step, self._found = step, {}
        if split not in self._found:
            self._found[split] = read_features(module.embed, self._loaders[split], device=module.device)
        return self._found[split]


class OnlineKNN(PeriodicEvaluation):
    """Accuracy of the weighted nearest neighbours on the test split, as ``knn20_accuracy`` and so on, within ``[0, 1]``.

    Args:
        reader: Where features come from; probes share it.
        classes: Number of classes.
        neighbors: How many vote.
        temperature: Of the weights.
        every: Epochs between measurements.
    """

    def __init__(
        self,
        reader: SplitReader,
        *,
        classes: int,
        neighbors: Sequence[int] = (20, 200),
        temperature: float = 0.1,
        every: int = 1,
    ) -> None:
        super().__init__(every=every)
        self._reader, self._classes = reader, classes
        self._neighbors, self._temperature = tuple(neighbors), temperature

    def measure(self, trainer: pl.Trainer, module: pl.LightningModule) -> Mapping[str, float]:
        """Accuracy by number of neighbours."""
        encoder = _pretraining(module)
        bank, test = (self._reader.read(split, encoder, trainer.global_step) for split in ("bank", "test"))
        found = weighted_knn(
            bank, test.vectors, classes=self._classes, neighbors=self._neighbors, temperature=self._temperature
        )
        return {f"knn{count}_accuracy": _share(found[count], test.labels) for count in self._neighbors}


class OnlineProbe(PeriodicEvaluation):
    """A linear classifier trained on each step's features beside the encoder; its accuracy on the test split, ``probe_accuracy``.

    It starts at zero, so it draws nothing, and reads detached features, so the encoder learns nothing from it. The optimiser
    is its own: SGD with momentum 0.9 and half a cosine over the run. Features are standardised by the moments of the batch, and
    on the test split by running moments, so that one learning rate does for encoders of any scale. Its loss is logged as
    ``probe_loss``.

    Args:
        reader: Where the test features come from.
        features: Width of the encoder.
        classes: Number of classes.
        lr: For a batch of 256 of all processes together.
        batch_size: Of all processes together.
        views: How many of the step's views it reads, the large ones; small ones would mislead it.
        total_steps: Of the run.
        every: Epochs between measurements.
    """

    def __init__(
        self,
        reader: SplitReader,
        *,
        features: int,
        classes: int,
        lr: float,
        batch_size: int,
        views: int,
        total_steps: int,
        every: int = 1,
    ) -> None:
        super().__init__(every=every)
        self._reader, self._views, self._total = reader, views, total_steps
        self._lr = lr * batch_size / 256
        self.weight = torch.zeros(classes, features, requires_grad=True)
        self.bias = torch.zeros(classes, requires_grad=True)
        self._moments = [torch.zeros_like(self.weight), torch.zeros_like(self.bias)]
        self._mean, self._variance = torch.zeros(features), torch.ones(features)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The probe goes where the encoder is."""
        with torch.no_grad():
            self.weight, self.bias = (t.to(pl_module.device).requires_grad_() for t in (self.weight, self.bias))
            self._moments = [moment.to(pl_module.device) for moment in self._moments]
            self._mean, self._variance = self._mean.to(pl_module.device), self._variance.to(pl_module.device)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """One step of the probe."""
        step = _pretraining(pl_module).outputs
        if step is None:
            raise value_fault("module", "outputs of this step", "none", "Set self.outputs in training_step.")
        found = torch.cat([features.float() for features in step.features[: self._views]])
        labels = step.labels.to(found.device).repeat(self._views)
        with torch.enable_grad(), torch.autocast(found.device.type, enabled=False):
            labelled = (labels >= 0).sum().clamp(min=1)
            logits = self._standardized(found, training=True) @ self.weight.mT + self.bias
            loss = cross_entropy(logits, labels, ignore_index=-1, reduction="sum") / labelled
            gradients = torch.autograd.grad(loss, (self.weight, self.bias))
        self._step(gradients, trainer)
        pl_module.log("probe_loss", loss.detach(), on_step=True, on_epoch=False)

    @torch.no_grad()
    def _step(self, gradients: Sequence[Tensor], trainer: pl.Trainer) -> None:
        lr = 0.5 * self._lr * (1 + math.cos(math.pi * min(1.0, trainer.global_step / self._total)))
        for parameter, gradient, moment in zip((self.weight, self.bias), gradients, self._moments, strict=True):
            if trainer.world_size > 1:
                torch.distributed.all_reduce(gradient)
                gradient /= trainer.world_size
            moment.mul_(0.9).add_(gradient)
            parameter.sub_(moment, alpha=lr)

    def _standardized(self, features: Tensor, *, training: bool) -> Tensor:
        return batch_norm(features, self._mean, self._variance, training=training, momentum=0.1)

    def measure(self, trainer: pl.Trainer, module: pl.LightningModule) -> Mapping[str, float]:
        """Its accuracy; nothing before its first step."""
        encoder = _pretraining(module)
        if trainer.global_step == 0:
            return {}
        test = self._reader.read("test", encoder, trainer.global_step)
        vectors = self._standardized(test.vectors.to(module.device), training=False)
        logits = (vectors @ self.weight.detach().mT + self.bias.detach()).cpu()
        return {"probe_accuracy": _share(logits.argmax(1), test.labels)}

    def state_dict(self) -> dict[str, Any]:
        """Weights, moments of the optimiser and of the features."""
        return {
            "weight": self.weight.detach(),
            "bias": self.bias.detach(),
            "moments": list(self._moments),
            "features": [self._mean, self._variance],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Weights and moments of the checkpoint."""
        with torch.no_grad():
            self.weight.copy_(state_dict["weight"])
            self.bias.copy_(state_dict["bias"])
        self._moments = [moment.clone() for moment in state_dict["moments"]]
        self._mean, self._variance = (moment.clone() for moment in state_dict["features"])


def _share(predicted: Tensor, labels: Tensor) -> float:
    return float((predicted == labels).double().mean())


def _pretraining(module: pl.LightningModule) -> Pretraining:
    if not isinstance(module, Pretraining):
        remedy = "Of anybody's module, gramian.ssl.SpectrumMonitor reads the embeddings."
        raise type_fault("module", "a gramian.ssl.Pretraining", type(module).__name__, remedy)
    return module
