"""Models of images: ViT, DINOv2, the vision tower of CLIP and their like, with their image processors."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gramian.layers._blocks import declared_depth, find_blocks
from gramian.layers._image_encoding import processed
from gramian.layers._images import require_vision_extra
from gramian.layers._layered_model import VisionModel
from gramian.layers._loading import loading_error, quiet_loading, require_layers_extra
from gramian.layers._vision_check import vision_facts
from gramian.layers._weights import module_hash

__all__ = ["assemble_vision_model", "load_image_processor", "wrap_vision_model"]

_PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
# Two shapes, upright and lying: a processor that keeps them apart makes no batches of one shape.
_PROBE_SIZES = ((48, 64), (80, 40))


def load_image_processor(folder: Path, *, trust_remote_code: bool) -> Any:
    """The image processor in a model folder, always the torchvision one: Pillow's resizing gives slightly other pixels.

    Raises:
        ValueError: There is none, or it cannot be read.
        ImportError: The extra ``vision`` is not installed.
    """
    require_vision_extra()
    from transformers import AutoImageProcessor

    if not any((folder / name).is_file() for name in _PROCESSOR_FILES):
        raise ValueError(
            f"name: expected an image processor in {folder}; got no {' or '.join(_PROCESSOR_FILES)}. "
            "Copy it beside config.json."
        )
    try:
        return AutoImageProcessor.from_pretrained(folder, trust_remote_code=trust_remote_code, backend="torchvision")
    except (ValueError, OSError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise loading_error("image processor", folder, error) from error


def wrap_vision_model(model: nn.Module, processor: Any, *, name: str, blocks: str | None = None) -> VisionModel:
    """Measure a transformers model of images that is already in memory, during training for example.

    The model is put into evaluation mode; its parameters keep whatever gradients they have.

    Args:
        model: A transformers model of images, with or without head.
        processor: Its image processor.
        name: For tables.
        blocks: As in `load_model`.

    Returns:
        `VisionModel` around the same modules; later changes of the weights show, ``weights_hash`` stays.

    Raises:
        ValueError: As `load_model`.
        TypeError: The model has no configuration, or does not read images.
        ImportError: An extra is not installed.
    """
    require_layers_extra()
    require_vision_extra()
    if not isinstance(model, nn.Module) or not hasattr(model, "config"):
        raise TypeError(f"model: expected a transformers model; got {type(model).__name__}.")
    backbone = next((part for part in (getattr(model, "base_model", model), model) if _takes_pixels(part)), None)
    if backbone is None:
        raise TypeError(f"model: expected a model that reads images; got {type(model).__name__}, which does not.")
    with quiet_loading():
        return assemble_vision_model(
            backbone,
            processor,
            title=name,
            revision=None,
            commit=None,
            digest=module_hash(backbone),
            seed=None,
            blocks=blocks,
            freeze=False,
        )


def assemble_vision_model(
    backbone: Any,
    processor: Any,
    *,
    title: str,
    revision: str | None,
    commit: str | None,
    digest: str,
    seed: int | None,
    blocks: str | None,
    freeze: bool = True,
) -> VisionModel:
    """Find blocks, norm and tokens of a model of images, and check them against what it reports.

    Args:
        backbone: The model without head.
        processor: Its image processor.
        title: For tables.
        revision: As in `LayeredModel`.
        commit: As in `LayeredModel`.
        digest: The hash of the weights.
        seed: Of random weights, None for trained ones.
        blocks: Dotted path of the list of blocks, None to search.
        freeze: Whether to switch gradients off.

    Raises:
        ValueError: The blocks are not found, the hooks do not see what the model reports, or the processor makes images of
            different shapes.
    """
    config = backbone.config
    family = str(config.model_type)
    backbone.eval()
    if freeze:
        backbone.requires_grad_(False)
    found = find_blocks(backbone, family=family, depth=declared_depth(config), path=blocks)
    weight = next(backbone.parameters())
    pixels = _probe(processor, title).to("cpu" if weight.device.type == "meta" else weight.device, weight.dtype)
    _check_size(backbone, pixels, title)
    facts = vision_facts(backbone, found, family=family, pixels=pixels)
    channels, height, width = pixels.shape[1:]
    return VisionModel(
        name=title,
        revision=revision,
        commit=commit,
        family=family,
        kind="vision encoder",
        depth=len(found),
        width=facts.width,
        weights_hash=digest,
        untrained=seed is not None,
        seed=seed,
        convention=facts.convention,
        pads=True,
        model=backbone,
        blocks=found,
        final_norm=facts.final_norm,
        image_shape=(channels, height, width),
        tokens=facts.tokens,
        processor=processor,
    )


def _probe(processor: Any, title: str) -> Tensor:
    """Two unlike images of unlike shapes, as the processor hands them over."""
    from PIL import Image

    rows = []
    for number, (height, width) in enumerate(_PROBE_SIZES, 1):
        ramp = (torch.arange(height)[:, None] * 5 * number + torch.arange(width) * 3) % 256
        colours = torch.stack([ramp, 255 - ramp, ramp.flip(0)], -1).to(torch.uint8)
        rows.append(processed(processor, Image.fromarray(colours.numpy())))
    if rows[0].shape != rows[1].shape:
        shapes = " and ".join(str(tuple(row.shape)) for row in rows)
        raise ValueError(
            f"image processor: expected one that brings every image to one shape; got {shapes} from that of {title}. "
            "Models whose number of tokens depends on the image are not supported."
        )
    return torch.stack(rows)


def _check_size(backbone: nn.Module, pixels: Tensor, title: str) -> None:
    """Some models take one size only, and only they know which: DINOv2's configuration names another than it reads."""
    try:
        with torch.inference_mode():
            backbone(pixel_values=pixels[:1])
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"image processor: expected images of a size that {title} takes; got {tuple(pixels.shape[1:])} ({reason}). "
            "Use the processor that the model was trained with."
        ) from error


def _takes_pixels(model: nn.Module) -> bool:
    return "pixel_values" in inspect.signature(model.forward).parameters
