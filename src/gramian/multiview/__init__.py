"""Encoders that learn what views share, by maximising DiME. Losses and encoders load torch alone; the rest when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gramian.multiview._encoders import conv_encoder, linear_encoder, mlp_decoder, mlp_encoder
from gramian.multiview._exclusive_loss import conditional_entropy_loss, independence_loss
from gramian.multiview._loss import DiMELoss
from gramian.multiview._retrieval import aligned_codes, retrieval_ranks

if TYPE_CHECKING:
    from gramian.multiview._estimator import DiMEEncoder
    from gramian.multiview._plots import latent_map, retrieval_curve, training_curves
    from gramian.multiview._saving import load_encoder, save_encoder
    from gramian.multiview._traversal import traversal

__all__ = [
    "DiMEEncoder",
    "DiMELoss",
    "aligned_codes",
    "conditional_entropy_loss",
    "conv_encoder",
    "independence_loss",
    "latent_map",
    "linear_encoder",
    "load_encoder",
    "mlp_decoder",
    "mlp_encoder",
    "retrieval_curve",
    "retrieval_ranks",
    "save_encoder",
    "training_curves",
    "traversal",
]

# Where each name lives that needs more than torch.
_PLACES = {
    "DiMEEncoder": "_estimator",
    "load_encoder": "_saving",
    "save_encoder": "_saving",
    "latent_map": "_plots",
    "retrieval_curve": "_plots",
    "training_curves": "_plots",
    "traversal": "_traversal",
}
_EXTRA = {"sklearn": "scikit-learn", "scipy": "scipy", "safetensors": "safetensors", "plotly": "plotly"}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        raise ImportError(
            f"multiview.{name}: expected the package {_EXTRA[package]}; got none."
            ' Install it with: pip install "gramian[multiview]"'
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
