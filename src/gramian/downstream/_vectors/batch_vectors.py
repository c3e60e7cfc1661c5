"""One batch of texts to their vectors in every stream, by every reading, and the share of the first token."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gramian.downstream._vectors.layer_choice import all_streams
from gramian.downstream._vectors.pooling import pooling_weights
from gramian.downstream._vectors.readings import Reading
from gramian.layers import Encoded, LanguageModel, stream_states

__all__ = ["BatchVectors", "read_batch"]


@dataclass(frozen=True, eq=False)
class BatchVectors:
    """What one forward pass gives.

    Attributes:
        vectors: ``(readings, streams, batch, d)`` float32.
        sink: ``(streams, batch)`` float32.
        tokens: ``(batch,)`` int32, measured tokens.
        truncated: ``(batch,)`` boolean.
    """

    vectors: NDArray[np.float32]
    sink: NDArray[np.float32]
    tokens: NDArray[np.int32]
    truncated: NDArray[np.bool_]


class _Reached(Exception):
    """The last stream that is wanted has been seen: the blocks after it need not run."""


def read_batch(
    model: LanguageModel, encoded: Encoded, *, readings: Sequence[Reading], streams: Sequence[tuple[int, str]]
) -> BatchVectors:
    """Run the model once; token states are pooled while they pass by and never kept.

    The model stops after the last layer that is wanted.

    Raises:
        ValueError: States that are not finite.
    """
    wanted = set(streams)
    last = max(wanted, key=lambda name: (name[0], name[1] == "final_norm"))
    pooled: dict[tuple[int, str], Tensor] = {}
    shares: dict[tuple[int, str], Tensor] = {}
    weights: dict[torch.device, _Weights] = {}

    def visit(layer: int, stream: str, states: Tensor, mask: Tensor) -> None:
        name = (layer, stream)
        if name in wanted:
            if states.device not in weights:
                weights[states.device] = _Weights.of(mask, readings)
            pooled[name], shares[name] = _pool(model, name, states, weights[states.device], readings)
        if name == last and name != all_streams(model)[-1]:
            raise _Reached

    with suppress(_Reached):
        stream_states(model, encoded, visit)
    return BatchVectors(
        vectors=torch.stack([pooled[name] for name in streams]).permute(2, 0, 1, 3).contiguous().numpy(),
        sink=torch.stack([shares[name] for name in streams]).numpy(),
        tokens=encoded.mask.sum(1).to(torch.int32).numpy(),
        truncated=np.array(encoded.truncated, dtype=bool),
    )


@dataclass(frozen=True, eq=False)
class _Weights:
    """Pooling weights of a batch on one device: of the raw and of the normed states, ``(batch, poolings, tokens)``."""

    mask: Tensor
    first: Tensor  # (batch,): place of the first measured token
    raw: Tensor
    normed: Tensor

    @classmethod
    def of(cls, mask: Tensor, readings: Sequence[Reading]) -> _Weights:
        raw = [one.pooling for one in readings if one.normalize == "raw"]
        normed = [one.pooling for one in readings if one.normalize == "final_norm"]
        return cls(mask, mask.to(torch.int8).argmax(1), pooling_weights(mask, raw), pooling_weights(mask, normed))


def _pool(
    model: LanguageModel, name: tuple[int, str], states: Tensor, weights: _Weights, readings: Sequence[Reading]
) -> tuple[Tensor, Tensor]:
    """Vectors ``(batch, readings, d)`` and sink shares ``(batch,)`` of one stream."""
    tokens = states.to(torch.promote_types(states.dtype, torch.float32))
    squares = torch.linalg.vecdot(tokens, tokens)
    total = (squares * weights.mask).sum(1)
    if not bool(torch.isfinite(total).all()):
        # Padding may hold anything, and zero times infinity is not zero.
        states = torch.where(weights.mask[..., None], states, 0)
        tokens = states.to(tokens.dtype)
        squares = torch.linalg.vecdot(tokens, tokens)
        total = squares.sum(1)
    normed = tokens
    if weights.normed.shape[1] and name[1] == "residual" and model.final_norm is not None:
        # forward, not __call__: the hook that delivers the stream final_norm must not fire here.
        normed = model.final_norm.forward(states).to(tokens.dtype)
    raw, of_norm = iter((weights.raw @ tokens).unbind(1)), iter((weights.normed @ normed).unbind(1))
    vectors = torch.stack([next(raw if one.normalize == "raw" else of_norm) for one in readings], 1)
    if not bool(torch.isfinite(vectors).all()):
        raise _not_finite(name, states.dtype)
    share = squares.gather(1, weights.first[:, None])[:, 0] / total
    return vectors.float().cpu(), share.float().cpu()


def _not_finite(name: tuple[int, str], dtype: torch.dtype) -> ValueError:
    remedy = (
        "Half precision overflows in some models: load with dtype='float32' or 'bfloat16'."
        if dtype == torch.float16
        else "Its weights or what it computes of this text are out of range."
    )
    return ValueError(
        f"hidden states: expected finite values; got NaN or infinity in layer {name[0]} ({name[1]}), {dtype}. {remedy}"
    )
