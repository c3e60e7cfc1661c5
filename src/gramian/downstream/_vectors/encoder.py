"""What the vectors of a text depend on beside the text and the reading."""

from __future__ import annotations

from typing import Any

from gramian.layers import LanguageModel
from gramian.layers._model_identity import describe
from gramian.layers._weights import module_hash

__all__ = ["encoder_identity", "model_identity"]


def model_identity(model: LanguageModel) -> dict[str, Any]:
    """`describe`, with the weights as they are now where they may have changed since the model was wrapped."""
    facts = describe(model)
    if any(parameter.requires_grad for parameter in model.model.parameters()):
        # A model in training: the hash that it was wrapped with would name other weights, and the store would
        # answer with the vectors of those.
        facts["weights_hash"] = module_hash(model.model)
    return facts


def encoder_identity(model: LanguageModel, *, max_tokens: int | None) -> dict[str, Any]:
    """The store's address of a model: what it computes, not what it is called.

    Args:
        model: From `load_model`.
        max_tokens: Where texts are cut.

    Returns:
        Facts that JSON can hold. Batch sizes and devices are left out: they move vectors by rounding alone.
    """
    facts = model_identity(model)
    for name in ("name", "revision", "commit"):
        del facts[name]
    return {**facts, "max_tokens": max_tokens}
