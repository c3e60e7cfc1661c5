"""What each method has of its own in a recipe, section ``settings``."""

from __future__ import annotations

from dataclasses import dataclass

from gramian.ssl._loss.frossl import Batch
from gramian.ssl._loss.frossl_views import InvarianceScale, Normalization
from gramian.ssl._recipes.ranges import at_least, positive, share

__all__ = [
    "SETTINGS",
    "BYOLSettings",
    "BarlowSettings",
    "DINOSettings",
    "FroSSLSettings",
    "MMCRSettings",
    "MethodSettings",
    "MoCoSettings",
    "SimCLRSettings",
    "SimSiamSettings",
    "SwAVSettings",
    "VICRegSettings",
    "WMSESettings",
]


@dataclass(frozen=True)
class FroSSLSettings:
    """Arguments of :func:`gramian.ssl.frossl_loss`."""

    invariance_weight: float = 1.0
    alpha: float = 2.0
    normalization: Normalization = "feature"
    invariance: InvarianceScale = "released"
    batch: Batch = "global"

    def __post_init__(self) -> None:
        at_least("settings.invariance_weight", self.invariance_weight, 0)
        positive("settings.alpha", self.alpha)


@dataclass(frozen=True)
class SimCLRSettings:
    """Attributes: temperature: what similarities are divided by."""

    temperature: float = 0.2

    def __post_init__(self) -> None:
        positive("settings.temperature", self.temperature)


@dataclass(frozen=True)
class MoCoSettings:
    """MoCo v2 with both views as queries.

    Attributes:
        temperature: what similarities are divided by.
        queue: negatives kept for each view.
        momentum: of the key encoder at the first step; it goes to ``final_momentum`` along half a cosine.
        final_momentum: at the last step.
    """

    temperature: float = 0.2
    queue: int = 32768
    momentum: float = 0.99
    final_momentum: float = 0.999

    def __post_init__(self) -> None:
        positive("settings.temperature", self.temperature)
        at_least("settings.queue", self.queue, 1)
        share("settings.momentum", self.momentum)
        share("settings.final_momentum", self.final_momentum)


@dataclass(frozen=True)
class BYOLSettings:
    """Attributes: predictor_hidden: its width; momentum, final_momentum: of the target network, along half a cosine."""

    predictor_hidden: int = 4096
    momentum: float = 0.99
    final_momentum: float = 1.0

    def __post_init__(self) -> None:
        at_least("settings.predictor_hidden", self.predictor_hidden, 1)
        share("settings.momentum", self.momentum)
        share("settings.final_momentum", self.final_momentum)


@dataclass(frozen=True)
class SimSiamSettings:
    """Attributes: predictor_hidden: its width; constant_predictor_lr: the predictor's learning rate follows no schedule."""

    predictor_hidden: int = 512
    constant_predictor_lr: bool = True

    def __post_init__(self) -> None:
        at_least("settings.predictor_hidden", self.predictor_hidden, 1)


@dataclass(frozen=True)
class SwAVSettings:
    """Online clustering.

    Attributes:
        prototypes: number of clusters.
        temperature: of the predictions.
        queue: earlier embeddings of each large view that take part in the assignment; 0 for none.
        queue_from_epoch: epoch from which they do.
        freeze_epochs: epochs during which the prototypes stay as drawn.
        sinkhorn_iterations: of the balanced assignment.
        sinkhorn_epsilon: its temperature.
    """

    prototypes: int = 3000
    temperature: float = 0.1
    queue: int = 3840
    queue_from_epoch: int = 50
    freeze_epochs: int = 2
    sinkhorn_iterations: int = 3
    sinkhorn_epsilon: float = 0.05

    def __post_init__(self) -> None:
        at_least("settings.prototypes", self.prototypes, 2)
        positive("settings.temperature", self.temperature)
        at_least("settings.queue", self.queue, 0)
        at_least("settings.queue_from_epoch", self.queue_from_epoch, 0)
        at_least("settings.freeze_epochs", self.freeze_epochs, 0)
        at_least("settings.sinkhorn_iterations", self.sinkhorn_iterations, 1)
        positive("settings.sinkhorn_epsilon", self.sinkhorn_epsilon)


@dataclass(frozen=True)
class DINOSettings:
    """Self-distillation.

    Attributes:
        prototypes: width of the last layer; ``projector.output`` is the width before it.
        momentum: of the teacher at the first step; it goes to ``final_momentum`` along half a cosine.
        final_momentum: at the last step.
        student_temperature: of the student's softmax.
        teacher_temperature: of the teacher's, after its warm-up.
        first_teacher_temperature: of the teacher's at the start, from which it rises linearly.
        teacher_warmup_epochs: epochs it rises for.
        center_momentum: of the teacher's centre.
        freeze_epochs: epochs during which the last layer stays as drawn.
        batch_norm: whether the head has batch normalisation.
    """

    prototypes: int = 4096
    momentum: float = 0.9995
    final_momentum: float = 1.0
    student_temperature: float = 0.1
    teacher_temperature: float = 0.07
    first_teacher_temperature: float = 0.04
    teacher_warmup_epochs: int = 0
    center_momentum: float = 0.9
    freeze_epochs: int = 1
    batch_norm: bool = False

    def __post_init__(self) -> None:
        at_least("settings.prototypes", self.prototypes, 2)
        share("settings.momentum", self.momentum)
        share("settings.final_momentum", self.final_momentum)
        positive("settings.student_temperature", self.student_temperature)
        positive("settings.teacher_temperature", self.teacher_temperature)
        positive("settings.first_teacher_temperature", self.first_teacher_temperature)
        at_least("settings.teacher_warmup_epochs", self.teacher_warmup_epochs, 0)
        share("settings.center_momentum", self.center_momentum)
        at_least("settings.freeze_epochs", self.freeze_epochs, 0)


@dataclass(frozen=True)
class BarlowSettings:
    """Attributes: off_diagonal_weight: of the redundancy term; scale: of the whole loss."""

    off_diagonal_weight: float = 5e-3
    scale: float = 0.1

    def __post_init__(self) -> None:
        at_least("settings.off_diagonal_weight", self.off_diagonal_weight, 0)
        positive("settings.scale", self.scale)


@dataclass(frozen=True)
class VICRegSettings:
    """Attributes: invariance_weight, variance_weight, covariance_weight: of the three terms."""

    invariance_weight: float = 25.0
    variance_weight: float = 25.0
    covariance_weight: float = 1.0

    def __post_init__(self) -> None:
        at_least("settings.invariance_weight", self.invariance_weight, 0)
        at_least("settings.variance_weight", self.variance_weight, 0)
        at_least("settings.covariance_weight", self.covariance_weight, 0)


@dataclass(frozen=True)
class WMSESettings:
    """Whitening in random slices of the batch of each process.

    Attributes:
        whitening_size: samples a slice, which divide the batch; at least twice ``projector.output``.
        whitening_iterations: draws of the slices a step.
        whitening_epsilon: how far the covariance is shrunk towards the identity, within ``[0, 1]``.
    """

    whitening_size: int = 128
    whitening_iterations: int = 1
    whitening_epsilon: float = 0.0

    def __post_init__(self) -> None:
        at_least("settings.whitening_size", self.whitening_size, 2)
        at_least("settings.whitening_iterations", self.whitening_iterations, 1)
        share("settings.whitening_epsilon", self.whitening_epsilon)


@dataclass(frozen=True)
class MMCRSettings:
    """Attributes: local_weight: of the nuclear norms within samples; momentum: of a momentum network whose views take part, or none."""

    local_weight: float = 0.0
    momentum: float | None = None

    def __post_init__(self) -> None:
        at_least("settings.local_weight", self.local_weight, 0)
        if self.momentum is not None:
            share("settings.momentum", self.momentum)


MethodSettings = (
    FroSSLSettings
    | SimCLRSettings
    | MoCoSettings
    | BYOLSettings
    | SimSiamSettings
    | SwAVSettings
    | DINOSettings
    | BarlowSettings
    | VICRegSettings
    | WMSESettings
    | MMCRSettings
)

SETTINGS: dict[str, type[MethodSettings]] = {
    "frossl": FroSSLSettings,
    "simclr": SimCLRSettings,
    "moco": MoCoSettings,
    "byol": BYOLSettings,
    "simsiam": SimSiamSettings,
    "swav": SwAVSettings,
    "dino": DINOSettings,
    "barlow": BarlowSettings,
    "vicreg": VICRegSettings,
    "wmse": WMSESettings,
    "mmcr": MMCRSettings,
}
