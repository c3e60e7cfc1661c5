"""Tiny models of images, their processors, folders of them, and pictures to show them."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from gramian.layers import VisionModel
from gramian.layers._vision import wrap_vision_model

SIDE = 32
WIDTH = 32
DEPTH = 3
PATCHES = 16

_COMMON: dict[str, Any] = {
    "hidden_size": WIDTH,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "image_size": SIDE,
    "patch_size": 8,
}

# Class and arguments of each family's configuration, and its tokens before the patches.
VISION_FAMILIES: dict[str, tuple[str, dict[str, Any], int]] = {
    "vit": ("ViTConfig", _COMMON, 1),
    "dinov2": ("Dinov2Config", _COMMON, 1),
    "dinov2_with_registers": ("Dinov2WithRegistersConfig", {**_COMMON, "num_register_tokens": 4}, 5),
    "clip_vision_model": ("CLIPVisionConfig", _COMMON, 1),
    "siglip_vision_model": ("SiglipVisionConfig", _COMMON, 0),
    "deit": ("DeiTConfig", _COMMON, 2),
    "beit": ("BeitConfig", _COMMON, 1),
    "dinov3_vit": ("DINOv3ViTConfig", {**_COMMON, "num_register_tokens": 4}, 5),
}


def tiny_processor() -> Any:
    """A processor that brings every image to 32 x 32 pixels within [-1, 1]."""
    return transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE})


def tiny_vision_backbone(family: str, *, seed: int = 0, **changes: Any) -> Any:
    """A tiny model of images without head, whose weights are large enough that layers differ visibly."""
    class_name, arguments, _ = VISION_FAMILIES[family]
    config = getattr(transformers, class_name)(**{**arguments, **changes})
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = transformers.AutoModel.from_config(config)
    return spread_weights(model, seed=seed)


def spread_weights(model: Any, *, seed: int) -> Any:
    """Matrices with entries of 0.3, vectors moved off their start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0.0, 0.3, generator=generator)
            else:
                # Norms with unequal weights: else a forgotten final norm could pass for a scale.
                parameter.add_(torch.rand(parameter.shape, generator=generator) * 0.2)
    return model.eval()


def tiny_vision_model(family: str = "vit", *, seed: int = 0) -> VisionModel:
    """A tiny `VisionModel` in memory."""
    return wrap_vision_model(tiny_vision_backbone(family, seed=seed), tiny_processor(), name=f"tiny-{family}")


def tiny_clip(*, seed: int = 0) -> Any:
    """A tiny CLIP with both towers: images of 32 x 32 pixels, texts of 320 tokens."""
    text = {
        "vocab_size": 320,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "max_position_embeddings": 64,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }
    config = transformers.CLIPConfig(text_config=text, vision_config=_COMMON, projection_dim=8)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return spread_weights(transformers.AutoModel.from_config(config), seed=seed)


def save_tiny_vision(folder: Path, family: str = "vit", *, seed: int = 0, processor: Any = None) -> Path:
    """Save a tiny model of images and its processor in the transformers layout; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tiny_vision_backbone(family, seed=seed).save_pretrained(folder)
    (processor or tiny_processor()).save_pretrained(folder)
    return folder


def tiny_pictures(count: int, *, seed: int = 0, size: tuple[int, int] = (40, 30)) -> list[Image.Image]:
    """Coloured noise over a ramp: pictures of the same size, every one another."""
    generator = np.random.default_rng(seed)
    width, height = size
    ramp = np.linspace(0, 120, width)[None, :, None] + np.linspace(0, 60, height)[:, None, None]
    noise = generator.integers(0, 75, (count, height, width, 3))
    tint = generator.uniform(0.3, 1.0, (count, 1, 1, 3))
    return [Image.fromarray(pixels) for pixels in ((ramp + noise) * tint).astype(np.uint8)]


def save_pictures(folder: Path, count: int = 12, *, classes: tuple[str, ...] = ("cat", "dog"), seed: int = 0) -> Path:
    """A folder of PNG files, dealt into one folder a class; returns the folder."""
    for number, picture in enumerate(tiny_pictures(count, seed=seed)):
        inside = folder / classes[number % len(classes)] if classes else folder
        inside.mkdir(parents=True, exist_ok=True)
        picture.save(inside / f"{number:04d}.png")
    return folder


def zipped(folder: Path, archive: Path) -> Path:
    """A zip of a folder; returns the zip."""
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder).as_posix())
    return archive


def cifar10() -> Path:
    """The zip of CIFAR-10's test images as JPEG, or a skip that says why."""
    data = os.environ.get("GRAMIAN_TEST_DATA")
    if not data:
        pytest.skip("GRAMIAN_TEST_DATA does not name a folder with the data")
    return Path(data) / "cifar10" / "test.zip"
