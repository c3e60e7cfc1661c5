"""Vectors to compare exports with, made by the model's own hidden states and NumPy; and what exports are read by."""

import numpy as np
import torch

from gramian.layers import layer_states

TEXTS = [
    "a",
    "The cat sat on the mat.",
    "Assignment statements are used to (re)bind names to values and to modify attributes.",
    "1234 apples",
    "Ünïcode ✓ text",
]


def expected_vectors(model, texts, *, layer, pooling, normalize):
    """One text at a time, so no padding is involved; pooled by NumPy."""
    rows = []
    for text in texts:
        states = layer_states(model, [text])
        tokens = states.residual[layer]
        if normalize == "final_norm":
            with torch.inference_mode():
                tokens = model.final_norm(tokens)
        rows.append(pooled(tokens[0][states.mask[0]].double().numpy(), pooling))
    return np.stack(rows)


def pooled(tokens, pooling):
    """`(n, d)` -> `(d,)`."""
    if pooling == "mean_no_first":
        return tokens[1:].mean(0) if len(tokens) > 1 else tokens[0]
    if pooling == "weighted_mean":
        return np.average(tokens, axis=0, weights=np.arange(1, len(tokens) + 1))
    return {"mean": tokens.mean(0), "last": tokens[-1], "first": tokens[0]}[pooling]


def encode_alone(folder, texts, *, batch_size=32):
    """What sentence-transformers makes of a folder."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = SentenceTransformer(str(folder), device="cpu")
    return model.encode(list(texts), batch_size=batch_size, show_progress_bar=False)


def assert_same_vectors(found, expected, *, within=2e-5):
    scale = np.linalg.norm(expected - expected.mean(0), axis=1)
    distances = np.linalg.norm(np.asarray(found, dtype=np.float64) - expected, axis=1) / scale
    assert distances.max() < within, distances
