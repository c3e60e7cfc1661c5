"""A recipe: everything a pretraining run's weights depend on, apart from the images and the machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gramian.itl._errors import type_fault, value_fault
from gramian.ssl._backbones import Stem
from gramian.ssl._data.facts import Split
from gramian.ssl._recipes.ranges import at_least, one_of, positive, share
from gramian.ssl._recipes.settings import SETTINGS, MethodSettings
from gramian.ssl._views import ViewRecipe

__all__ = [
    "BackboneRecipe",
    "HeadRecipe",
    "OptimizerRecipe",
    "Precision",
    "ProbeRecipe",
    "Recipe",
    "ScheduleRecipe",
]

Precision = Literal["32-true", "bf16-mixed", "16-mixed", "64-true"]


@dataclass(frozen=True)
class BackboneRecipe:
    """Arguments of :func:`gramian.ssl.build_backbone`."""

    name: str = "resnet18"
    width: int = 64
    stem: Stem = "cifar"

    def __post_init__(self) -> None:
        at_least("backbone.width", self.width, 1)


@dataclass(frozen=True)
class HeadRecipe:
    """The projector: ``layers`` linear layers, all but the last of ``hidden`` outputs, the last of ``output``."""

    hidden: int = 2048
    output: int = 1024
    layers: int = 3

    def __post_init__(self) -> None:
        at_least("projector.hidden", self.hidden, 1)
        at_least("projector.output", self.output, 1)
        at_least("projector.layers", self.layers, 1)


@dataclass(frozen=True)
class OptimizerRecipe:
    """The optimiser.

    Attributes:
        name: ``"lars"``, ``"sgd"``, ``"adam"`` or ``"adamw"``.
        lr: the highest learning rate, of a batch of 256 samples if ``scale_lr``, else of the batch as it is.
        scale_lr: whether it is multiplied by the batch of all processes divided by 256.
        weight_decay: of the weights.
        momentum: of LARS and SGD.
        nesterov: of LARS and SGD.
        betas: of Adam.
        eta: of LARS, like ``clip_lr``.
        clip_lr: see :class:`gramian.ssl.LARS`.
        exclude_bias_n_norm: biases and norms are not decayed, and LARS does not scale them.
    """

    name: Literal["lars", "sgd", "adam", "adamw"] = "lars"
    lr: float = 0.3
    scale_lr: bool = True
    weight_decay: float = 1e-4
    momentum: float = 0.9
    nesterov: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    eta: float = 0.02
    clip_lr: bool = True
    exclude_bias_n_norm: bool = True

    def __post_init__(self) -> None:
        positive("optimizer.lr", self.lr)
        at_least("optimizer.weight_decay", self.weight_decay, 0)
        at_least("optimizer.eta", self.eta, 0)
        share("optimizer.momentum", self.momentum)


@dataclass(frozen=True)
class ScheduleRecipe:
    """The learning rate over the steps: linear to the highest, then half a cosine.

    Attributes:
        name: ``"warmup_cosine"``, or ``"constant"`` for none after the warm-up.
        warmup_epochs: of the warm-up.
        warmup_share: the largest share of the run that the warm-up takes.
        start_lr: at the first step, scaled like the highest.
        final_lr: at the last, scaled likewise.
    """

    name: Literal["warmup_cosine", "constant"] = "warmup_cosine"
    warmup_epochs: float = 10.0
    warmup_share: float = 0.1
    start_lr: float = 3e-5
    final_lr: float = 0.0

    def __post_init__(self) -> None:
        at_least("schedule.warmup_epochs", self.warmup_epochs, 0)
        share("schedule.warmup_share", self.warmup_share)
        at_least("schedule.start_lr", self.start_lr, 0)
        at_least("schedule.final_lr", self.final_lr, 0)


@dataclass(frozen=True)
class ProbeRecipe:
    """The linear probe of ``gramian probe``, and the learning rate of the one beside training.

    Attributes:
        optimizer: ``"sgd"`` or ``"adam"``.
        lr: at the start, for ``batch_size``.
        momentum: of SGD.
        weight_decay: of the probe.
        epochs: of its training.
        batch_size: of its training.
        decay_epochs: after which the rate is multiplied by ``decay``.
        decay: see ``decay_epochs``.
        online_lr: of the probe beside training, by SGD, for a batch of 256.
    """

    optimizer: Literal["sgd", "adam"] = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    epochs: int = 100
    batch_size: int = 256
    decay_epochs: tuple[int, ...] = (60, 80)
    decay: float = 0.1
    online_lr: float = 0.1

    def __post_init__(self) -> None:
        positive("probe.lr", self.lr)
        share("probe.momentum", self.momentum)
        at_least("probe.weight_decay", self.weight_decay, 0)
        at_least("probe.epochs", self.epochs, 1)
        at_least("probe.batch_size", self.batch_size, 1)
        positive("probe.decay", self.decay)
        positive("probe.online_lr", self.online_lr)


@dataclass(frozen=True)
class Recipe:
    """How an encoder is pretrained.

    Attributes:
        method: a name of ``METHODS``.
        data: a name of a data set, or a folder or zip of images.
        epochs: passes over the images.
        batch_size: samples a step, of all processes together.
        number_of_views: views of each sample; with multi-crop those of full size.
        views: how a view is drawn.
        projector: the head whose outputs the loss sees.
        settings: what the method has of its own; its type is the method's.
        optimizer: see :class:`OptimizerRecipe`.
        schedule: see :class:`ScheduleRecipe`.
        backbone: see :class:`BackboneRecipe`.
        probe: see :class:`ProbeRecipe`.
        precision: of Lightning. float16 falls back to bfloat16 on a CPU.
        split: of the data, that is trained on; None takes what the papers do, with the unlabelled images where there are some.
        sync_batchnorm: whether the batches of several GPUs are normalised together.
        channels_last: memory layout of images and convolutions; changes rounding alone, and is faster on most machines.
        seed: of the initial weights, the order of the data and the views.
    """

    method: str
    data: str
    epochs: int
    batch_size: int
    number_of_views: int
    views: ViewRecipe
    projector: HeadRecipe
    settings: MethodSettings
    optimizer: OptimizerRecipe
    schedule: ScheduleRecipe = field(default_factory=ScheduleRecipe)
    backbone: BackboneRecipe = field(default_factory=BackboneRecipe)
    probe: ProbeRecipe = field(default_factory=ProbeRecipe)
    precision: Precision = "32-true"
    split: Split | None = None
    sync_batchnorm: bool = True
    channels_last: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        one_of("method", self.method, tuple(SETTINGS))
        at_least("epochs", self.epochs, 1)
        at_least("batch_size", self.batch_size, 2)
        at_least("number_of_views", self.number_of_views, 1)
        at_least("seed", self.seed, 0)
        expected = SETTINGS[self.method]
        if not isinstance(self.settings, expected):
            remedy = f"Settings of {self.method} are {expected.__name__}."
            raise type_fault("settings", f"those of {self.method}", type(self.settings).__name__, remedy)
        if self.optimizer.nesterov and self.optimizer.momentum == 0:
            raise value_fault("optimizer.nesterov", "a positive momentum", 0, "Set optimizer.momentum=0.9.")

    @property
    def peak_lr(self) -> float:
        """The highest learning rate of the run: ``optimizer.lr``, scaled to the batch if the recipe says so."""
        return self.optimizer.lr * self.lr_factor

    @property
    def lr_factor(self) -> float:
        """What the recipe's learning rates are multiplied by: the batch divided by 256, or 1."""
        return self.batch_size / 256 if self.optimizer.scale_lr else 1.0

    def to_yaml(self) -> str:
        """The recipe as YAML, complete: :func:`read_recipe` of it is equal."""
        from gramian.ssl._recipes.files import dump

        return dump(self)
