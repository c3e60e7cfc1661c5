"""The start-up check of a model of images: the hooks see what the model itself reports, and facts found on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gramian.layers._blocks import FinalNorm, watch_final_norm
from gramian.layers._stream_agreement import (
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

__all__ = ["VisionFacts", "probe_pixels", "vision_facts"]


@dataclass(frozen=True)
class VisionFacts:
    """What a probe of a model of images showed.

    Attributes:
        convention: ``"embedding first"`` or ``"unreported"``, as in `StreamFacts`.
        final_norm: The norm that the model applies to the stream after the last block, be it to every token (ViT, DINOv2) or to
            the class token alone (CLIP); None where there is none.
        width: Number of features of a state.
        tokens: Tokens of an image.
    """

    convention: str
    final_norm: nn.Module | None
    width: int
    tokens: int


def vision_facts(backbone: nn.Module, blocks: nn.ModuleList, *, family: str, pixels: Tensor) -> VisionFacts:
    """Probe a model of images, see `VisionFacts`.

    Args:
        backbone: The model without head.
        blocks: Its blocks.
        family: The architecture's name, for messages.
        pixels: ``(2, channels, height, width)``: two images, on the model's device and in its number format.

    Raises:
        ValueError: The streams and the reported hidden states differ, states are not finite, or they change with the batch or
            from call to call.
    """
    options = supported_options(backbone, {"return_dict": True})
    with watch_final_norm(backbone, blocks) as norm:
        residual, outputs = collect_streams(
            backbone, blocks, {"pixel_values": pixels}, {**options, "output_hidden_states": True}
        )
    alone, _ = collect_streams(backbone, blocks, {"pixel_values": pixels[1:]}, options)
    require_finite(residual, family)
    tolerance = tolerance_of(backbone)
    if not all(agree(one[0], many[1], tolerance) for one, many in zip(alone, residual, strict=True)):
        raise ValueError(
            f"model: expected states that depend on the image alone; got others in a batch or in a second call of family {family!r}. "
            "A model that masks patches at random, as MAE does, cannot be measured"
        )
    final_norm, normed = _norm_of_stream(norm, residual[-1], pixels, tolerance)
    return VisionFacts(
        _convention(residual, normed, outputs, family=family, tolerance=tolerance),
        final_norm=final_norm,
        width=residual[0].shape[-1],
        tokens=residual[0].shape[1],
    )


def probe_pixels(shape: tuple[int, int, int]) -> Tensor:
    """Two unlike images ``(2, channels, height, width)`` of numbers within ``[-1, 1]``, the same at every call."""
    channels, height, width = shape
    rows, columns = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)
    ramp = torch.stack([(rows * (channel + 1) + columns).cos() for channel in range(channels)])
    return torch.stack([ramp, (7 * ramp).sin()])


def _norm_of_stream(
    norm: FinalNorm, last: Tensor, pixels: Tensor, tolerance: float
) -> tuple[nn.Module | None, Tensor | None]:
    """The norm and the normed last stream, if what the norm returned in the pass is that, or that of the class token."""
    if norm.module is None:
        return None, None
    with torch.inference_mode():
        normed = comparable(norm.module(last.to(pixels.device, pixels.dtype)))
    returned = comparable(norm.output)
    # Others norm a mean over patches, as BEiT's pooler does: no norm of the stream.
    if agree(normed, returned, tolerance) or agree(normed[:, 0], returned, tolerance):
        return norm.module, normed
    return None, None


def _convention(residual: list[Tensor], normed: Tensor | None, outputs: Any, *, family: str, tolerance: float) -> str:
    lasts = [residual[-1], *([normed] if normed is not None else [])]
    final = getattr(outputs, "last_hidden_state", None)
    if final is not None and not any(agree(last, final, tolerance) for last in lasts):
        raise mismatch(family, "the last hidden state is not our last layer")
    reported = getattr(outputs, "hidden_states", None)
    if not reported:
        return UNREPORTED
    depth = len(residual) - 1
    if (
        len(reported) == depth + 1
        and all(agree(residual[k], reported[k], tolerance) for k in range(depth))
        and any(agree(last, reported[-1], tolerance) for last in lasts)
    ):
        return EMBEDDING_FIRST
    raise mismatch(family, f"{len(reported)} reported hidden states do not match {depth} blocks")
