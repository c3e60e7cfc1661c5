"""Texts and models that the tests of this folder share."""

from __future__ import annotations

import numpy as np
import torch

from gramian.downstream import Reading
from gramian.layers import LanguageModel, layer_states
from tests.layers._tiny import tiny_model, tiny_tokenizer

TEXTS = (
    "The for statement iterates over the items of a sequence.",
    "x",
    "A lambda is an anonymous function; it has one expression.",
    "Modules are imported once.",
    "Raise from chains exceptions, so that both tracebacks are shown, the cause above its effect.",
)


def sunken_model(*, factor: float = 300.0) -> LanguageModel:
    """A model whose first token, <s>, has an embedding so long that it swallows the mean."""
    model = tiny_model("gpt_neox", tokenizer=tiny_tokenizer(bos=True))
    with torch.no_grad():
        model.model.get_input_embeddings().weight[2] *= factor
    return model


def pooled_alone(model: LanguageModel, text: str, reading: Reading) -> dict[tuple[int, str], np.ndarray]:
    """One text's vector in every stream, from its token states as the definition says, in float64."""
    states = layer_states(model, [text], normalize="final_norm" if reading.normalize == "final_norm" else None)
    mask = states.mask[0].numpy()
    streams = {(layer, "residual"): states.residual[layer, 0] for layer in range(model.depth + 1)}
    if states.final_norm is not None:
        streams[model.depth, "final_norm"] = states.final_norm[0]
    return {name: pool(found.double().numpy()[mask], reading.pooling) for name, found in streams.items()}


def pool(tokens: np.ndarray, pooling: str) -> np.ndarray:
    """A pooling as its definition reads."""
    n = len(tokens)
    if pooling == "mean":
        return tokens.sum(0) / n
    if pooling == "mean_no_first":
        return tokens[1:].sum(0) / (n - 1) if n > 1 else tokens[0]
    if pooling == "weighted_mean":
        weights = np.arange(1, n + 1)
        return sum(w * t for w, t in zip(weights, tokens, strict=True)) / weights.sum()
    return tokens[0 if pooling == "first" else -1]


def numbered_texts(count: int) -> list[str]:
    """Distinct texts of unequal length."""
    return [f"Text number {number}" + " and more" * (number % 4) for number in range(count)]
