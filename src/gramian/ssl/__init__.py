"""Self-supervised learning: the FroSSL loss and what trains with it. Loads torch alone; the rest when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gramian.ssl._loss.accumulation import GradientAccumulationWarning
from gramian.ssl._loss.frossl import FroSSLLoss, FroSSLTerms, frossl_loss, frossl_terms
from gramian.ssl._optimization.lars import LARS

if TYPE_CHECKING:
    from gramian.ssl._backbones import build_backbone
    from gramian.ssl._data import (
        DamagedImageError,
        DataFacts,
        ImageSet,
        SeededBatches,
        ViewSet,
        data_facts,
        evaluation_loader,
        open_images,
        pretraining_loader,
    )
    from gramian.ssl._evaluation import (
        EncoderProbe,
        ExportedBackbone,
        OnlineKNN,
        OnlineProbe,
        SplitReader,
        export_backbone,
        load_encoder,
        probe_encoder,
        weighted_knn,
    )
    from gramian.ssl._methods import METHODS, Pretraining, StepOutputs
    from gramian.ssl._monitor import (
        CollapseAlarm,
        CollapseWarning,
        SpectrumMetric,
        SpectrumMonitor,
        SpectrumSnapshot,
        SpectrumTracker,
    )
    from gramian.ssl._online_evaluation import EvaluationPlan
    from gramian.ssl._pretrain import PretrainResult, pretrain, resolve_recipe
    from gramian.ssl._recipes import Recipe, available_recipes, load_recipe, read_recipe
    from gramian.ssl._views import ViewRecipe, build_views, view_preset

__all__ = [
    "LARS",
    "METHODS",
    "CollapseAlarm",
    "CollapseWarning",
    "DamagedImageError",
    "DataFacts",
    "EncoderProbe",
    "EvaluationPlan",
    "ExportedBackbone",
    "FroSSLLoss",
    "FroSSLTerms",
    "GradientAccumulationWarning",
    "ImageSet",
    "OnlineKNN",
    "OnlineProbe",
    "PretrainResult",
    "Pretraining",
    "Recipe",
    "SeededBatches",
    "SpectrumMetric",
    "SpectrumMonitor",
    "SpectrumSnapshot",
    "SpectrumTracker",
    "SplitReader",
    "StepOutputs",
    "ViewRecipe",
    "ViewSet",
    "available_recipes",
    "build_backbone",
    "build_views",
    "data_facts",
    "evaluation_loader",
    "export_backbone",
    "frossl_loss",
    "frossl_terms",
    "load_encoder",
    "load_recipe",
    "open_images",
    "pretrain",
    "pretraining_loader",
    "probe_encoder",
    "read_recipe",
    "resolve_recipe",
    "view_preset",
    "weighted_knn",
]

# Where each name lives that needs more than torch.
_PLACES = {
    "_backbones": ("build_backbone",),
    "_data": (
        "DamagedImageError",
        "DataFacts",
        "ImageSet",
        "SeededBatches",
        "ViewSet",
        "data_facts",
        "evaluation_loader",
        "open_images",
        "pretraining_loader",
    ),
    "_evaluation": (
        "EncoderProbe",
        "ExportedBackbone",
        "OnlineKNN",
        "OnlineProbe",
        "SplitReader",
        "export_backbone",
        "load_encoder",
        "probe_encoder",
        "weighted_knn",
    ),
    "_methods": ("METHODS", "Pretraining", "StepOutputs"),
    "_monitor": (
        "CollapseAlarm",
        "CollapseWarning",
        "SpectrumMetric",
        "SpectrumMonitor",
        "SpectrumSnapshot",
        "SpectrumTracker",
    ),
    "_online_evaluation": ("EvaluationPlan",),
    "_pretrain": ("PretrainResult", "pretrain", "resolve_recipe"),
    "_recipes": ("Recipe", "available_recipes", "load_recipe", "read_recipe"),
    "_views": ("ViewRecipe", "build_views", "view_preset"),
}
_PLACE = {name: place for place, names in _PLACES.items() for name in names}
# Packages of the extra, by what `import` calls them.
_EXTRA = {"pytorch_lightning", "lightning_fabric", "lightly", "torchvision", "torchmetrics", "yaml", "PIL", "pyarrow"}


def __getattr__(name: str) -> Any:
    if name not in _PLACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(f"{__name__}.{_PLACE[name]}"), name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        raise ImportError(
            f'ssl.{name}: expected the package {package}; got none. Install it with: pip install "gramian[ssl]"'
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
