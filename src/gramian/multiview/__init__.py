"""Encoders that learn what views share, by maximising DiME. Losses and encoders load torch alone; the rest when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gramian.multiview._encoders import conv_encoder, linear_encoder, mlp_decoder, mlp_encoder
from gramian.multiview._exclusive_loss import conditional_entropy_loss
from gramian.multiview._loss import DiMELoss

if TYPE_CHECKING:
    from gramian.multiview._estimator import DiMEEncoder

__all__ = [
    "DiMEEncoder",
    "DiMELoss",
    "conditional_entropy_loss",
    "conv_encoder",
    "linear_encoder",
    "mlp_decoder",
    "mlp_encoder",
]

# Where each name lives that needs more than torch, and the extra that brings it.
_PLACES = {"DiMEEncoder": ("_estimator", "downstream")}
_EXTRA = {"sklearn": "scikit-learn", "scipy": "scipy"}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place, extra = _PLACES[name]
    try:
        value = getattr(import_module(f"{__name__}.{place}"), name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        raise ImportError(
            f"multiview.{name}: expected the package {_EXTRA[package]}; got none."
            f' Install it with: pip install "gramian[{extra}]"'
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
