"""A chunk: a few prompts through the model, clean and as views, to the arrays a run keeps of them.

Chunks are cut the same way whenever the corpus, the model and the parameters are the same, so a run that was killed goes on
from the last whole one and ends with the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gramian.layers._batches import plan_batches
from gramian.layers._conditions import NATURAL, Condition
from gramian.layers._image_views import ImageRates
from gramian.layers._layered_model import LanguageModel, VisionModel
from gramian.layers._prompts import encode_prompts, read_tokens, view_of
from gramian.layers._streams import stream_states
from gramian.layers._token_statistics import TokenPass
from gramian.layers._views import Rates

# About a quarter of a minute of work on two cores for a model of 135 million parameters: what a kill costs at most.
CHUNK_TOKENS = 8192


@dataclass(frozen=True)
class ChunkWork:
    """What is computed for each chunk."""

    streams: tuple[tuple[int, str], ...]
    orders: tuple[float, ...]
    entropy: bool
    curvature: bool
    sink_share: bool
    pooled: bool
    views: int
    seed: int
    rates: Rates | ImageRates
    max_tokens: int
    token_budget: int
    normalize: str | None
    condition: Condition = NATURAL


def plan_chunks(lengths: Sequence[int], views: int, *, tokens: int | None = None) -> list[list[int]]:
    """Prompts sorted by length, as indices into `lengths`, cut so that a chunk holds about `CHUNK_TOKENS` or `tokens` with its views."""
    chunks: list[list[int]] = []
    most = CHUNK_TOKENS if tokens is None else min(CHUNK_TOKENS, tokens)
    held = most
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        cost = lengths[index] * (1 + views)
        if held + cost > most:
            chunks.append([])
            held = 0
        chunks[-1].append(index)
        held += cost
    return chunks


def compute_chunk(model: LanguageModel | VisionModel, prompts: Sequence[Any], work: ChunkWork) -> dict[str, np.ndarray]:
    """The arrays of one chunk: prompts last, except for the width of `pooled`.

    Returns:
        `tokens` (n,); `entropy` (streams, orders, 2, n); `curvature` (streams, 2, n); `sink_share` (streams, n);
        `pooled` (streams, 2, 1 + views, n, d): the means over all tokens and over all but the first, of the prompt and its views.
        Of these, those that `work` asks for.
    """
    arrays = _forward(model, prompts, work, clean=True)
    if not work.pooled:
        arrays.pop("pooled")
        return arrays
    pooled = [arrays["pooled"][:, :, None]]
    if work.views:
        augmented = [
            view_of(prompt, view=view, seed=work.seed, rates=work.rates)
            for view in range(work.views)
            for prompt in prompts
        ]
        of_views = _forward(model, augmented, work, clean=False)["pooled"]
        pooled.append(of_views.reshape(*of_views.shape[:2], work.views, len(prompts), of_views.shape[-1]))
    arrays["pooled"] = np.concatenate(pooled, axis=2)
    return arrays


def _forward(
    model: LanguageModel | VisionModel, prompts: Sequence[Any], work: ChunkWork, *, clean: bool
) -> dict[str, np.ndarray]:
    lengths = [min(n, work.max_tokens) for n in read_tokens(model, prompts)]
    # A model whose states depend on padding takes one prompt at a time.
    budget = work.token_budget if model.pads else 1
    arrays: dict[str, np.ndarray] = {"tokens": np.zeros(len(prompts), dtype=np.int32)} if clean else {}
    for batch in plan_batches(lengths, token_budget=budget):
        chosen = [prompts[i] for i in batch]
        encoded = encode_prompts(model, chosen, max_tokens=work.max_tokens, condition=work.condition)
        tokens = TokenPass(
            names=work.streams,
            orders=work.orders,
            entropy=clean and work.entropy,
            curvature=clean and work.curvature,
            sink_share=clean and work.sink_share,
        )
        with torch.inference_mode():
            stream_states(model, encoded, tokens.visit, normalize=work.normalize)
            results = tokens.results()
        # Prompts to the last axis but one for pooled, the last for the rest.
        found = {"entropy": results.entropy, "curvature": results.curvature, "sink_share": results.sink_share}
        for name, values in found.items():
            if values is not None:
                _place(arrays, name, values.numpy(), batch, len(prompts), axis=-1)
        _place(arrays, "pooled", results.pooled.numpy(), batch, len(prompts), axis=-2)
        if clean:
            arrays["tokens"][batch] = encoded.mask.sum(1).numpy()
    return arrays


def _place(
    arrays: dict[str, np.ndarray], name: str, values: np.ndarray, batch: list[int], count: int, *, axis: int
) -> None:
    if name not in arrays:
        shape = list(values.shape)
        shape[axis] = count
        arrays[name] = np.zeros(shape, dtype=values.dtype)
    np.moveaxis(arrays[name], axis, 0)[batch] = np.moveaxis(values, axis, 0)
