"""How long a text a model can read."""

from __future__ import annotations

from typing import Any

from torch import nn

__all__ = ["token_limit"]

# Tokenizers without a limit carry a number near 1e30.
_UNLIMITED = 10**9


def token_limit(backbone: nn.Module, tokenizer: Any) -> int | None:
    """Most tokens of a text: the smaller of the model's positions and the tokenizer's limit, None without either.

    Args:
        backbone: The model, whose configuration may declare ``max_position_embeddings``.
        tokenizer: The tokenizer, with ``model_max_length``.

    Returns:
        A positive integer or None.
    """
    limits = [_learned_positions(backbone), getattr(tokenizer, "model_max_length", None)]
    config = backbone.config
    limits.append(getattr(config, "max_position_embeddings", None))
    known = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < _UNLIMITED]
    return min(known, default=None)


def _learned_positions(backbone: nn.Module) -> int | None:
    """Positions of a table that starts counting after the padding index, as RoBERTa's does: 514 rows are 512 tokens."""
    for name, module in backbone.named_modules():
        if name.rpartition(".")[2] == "position_embeddings" and isinstance(module, nn.Embedding):
            offset = 0 if module.padding_idx is None else module.padding_idx + 1
            return module.num_embeddings - offset
    return None
