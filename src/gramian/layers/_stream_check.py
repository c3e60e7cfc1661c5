"""A start-up check that the hooks see what the model itself reports, and three facts found on the way.

Architectures differ in ways that no configuration declares: what ``hidden_states[0]`` is, whether tokens see what
follows them, whether padding is ignored. Two passes over a few tokens answer all three for the model at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gramian.layers._blocks import FinalNorm, watch_final_norm
from gramian.layers._layered_model import LanguageModel, VisionModel
from gramian.layers._stream_agreement import (
    BLOCK_FIRST,
    EMBEDDING_FIRST,
    UNREPORTED,
    agree,
    collect_streams,
    comparable,
    mismatch,
    require_finite,
    tolerance_of,
)
from gramian.layers._streams import supported_options
from gramian.layers._vision_check import probe_pixels, vision_facts

__all__ = ["StreamFacts", "check_streams", "stream_facts"]


@dataclass(frozen=True)
class StreamFacts:
    """What a probe of the model showed.

    Attributes:
        convention: How ``output_hidden_states`` of this model counts: ``"embedding first"`` (entry k is our layer k),
            ``"block first"`` (entry k is our layer k + 1: Mamba, RWKV), or ``"unreported"``.
        is_causal: Whether no token's state depends on later tokens.
        pads: Whether right padding under the attention mask leaves the states of real tokens alone.
        final_norm: The module of the final norm, None where there is none.
        width: Number of features of a state.
    """

    convention: str
    is_causal: bool
    pads: bool
    final_norm: nn.Module | None
    width: int


def check_streams(model: LanguageModel | VisionModel) -> str:
    """Check that our layers are the model's hidden states under a documented convention; `load_model` calls it.

    Args:
        model: From `load_model`.

    Returns:
        ``"embedding first"``, ``"block first"`` or ``"unreported"``, see `StreamFacts`.

    Raises:
        ValueError: The streams and the reported hidden states differ.

    Cost: two forward passes over at most three times six tokens, or over at most two images.
    """
    if isinstance(model, VisionModel):
        pixels = probe_pixels(model.image_shape).to(model.device, model.dtype)
        return vision_facts(model.model, model.blocks, family=model.family, pixels=pixels).convention
    facts = stream_facts(model.model, model.blocks, family=model.family, device=model.device, pad_id=model.pad_id)
    return facts.convention


def stream_facts(
    backbone: nn.Module,
    blocks: nn.ModuleList,
    *,
    family: str,
    device: torch.device,
    pad_id: int,
) -> StreamFacts:
    """Probe a model, see `StreamFacts`.

    Raises:
        ValueError: The streams and the reported hidden states differ, or states are not finite.
    """
    long, other, short = _probe_rows(_vocabulary(backbone), pad_id)
    ids = torch.tensor([long, other, [*short, *[pad_id] * (len(long) - len(short))]], device=device)
    attention = torch.ones_like(ids)
    attention[2, len(short) :] = 0
    batch = {"input_ids": ids, "attention_mask": attention}
    options = supported_options(backbone, {"use_cache": False, "return_dict": True})
    with watch_final_norm(backbone, blocks) as norm:
        residual, outputs = collect_streams(backbone, blocks, batch, {**options, "output_hidden_states": True})
    single = {name: tensor[2:, : len(short)] for name, tensor in batch.items()}
    alone, _ = collect_streams(backbone, blocks, single, options)
    require_finite(residual, family)
    tolerance = tolerance_of(backbone)
    convention = _convention(residual, norm, outputs, backbone=backbone, family=family, tolerance=tolerance)
    before = len(long) - 1
    # Tighter: a later token moves early states of an untrained encoder little, those of a causal model not at all.
    unmoved = 1e-5 if next(backbone.parameters()).dtype == torch.float32 else 1e-4
    return StreamFacts(
        convention,
        is_causal=all(agree(states[0, :before], states[1, :before], unmoved) for states in residual),
        pads=all(agree(one[0], many[2, : len(short)], tolerance) for one, many in zip(alone, residual, strict=True)),
        final_norm=norm.module,
        width=residual[0].shape[-1],
    )


def _convention(
    residual: list[Tensor],
    norm: FinalNorm,
    outputs: Any,
    *,
    backbone: nn.Module,
    family: str,
    tolerance: float,
) -> str:
    last = residual[-1] if norm.module is None else comparable(norm.output)
    final = getattr(outputs, "last_hidden_state", None)
    projected = any(getattr(module, "project_out", None) is not None for module in backbone.modules())
    # OPT-350m projects the last state to another width; that projection is no part of the stream.
    if final is not None and not projected and not agree(last, final, tolerance):
        raise mismatch(family, "the last hidden state is not our last layer")
    reported = getattr(outputs, "hidden_states", None)
    if not reported:
        return UNREPORTED
    depth = len(residual) - 1
    if len(reported) == depth + 1:
        tail_fits = projected or agree(reported[-1], last, tolerance) or agree(reported[-1], residual[-1], tolerance)
        if tail_fits and all(agree(reported[k], residual[k], tolerance) for k in range(depth)):
            return EMBEDDING_FIRST
        if tail_fits and all(agree(reported[k], residual[k + 1], tolerance) for k in range(depth)):
            return BLOCK_FIRST
    raise mismatch(
        family, f"{len(reported)} reported hidden states do not match {depth} blocks under either convention"
    )


def _probe_rows(vocabulary: int, pad_id: int) -> tuple[list[int], list[int], list[int]]:
    usable = [token for token in range(max(vocabulary // 3, 1), vocabulary) if token != pad_id][:12]
    if len(usable) < 2:
        usable = [token for token in range(vocabulary) if token != pad_id] or [0]
    row = [usable[(5 * place) % len(usable)] for place in range(6)]
    changed = next((token for token in usable if token != row[-1]), row[-1])
    return row, [*row[:-1], changed], row[:4]


def _vocabulary(backbone: nn.Module) -> int:
    embeddings = getattr(backbone, "get_input_embeddings", lambda: None)()
    size = getattr(embeddings, "num_embeddings", None)
    return int(size if size is not None else getattr(backbone.config, "vocab_size", 2))
