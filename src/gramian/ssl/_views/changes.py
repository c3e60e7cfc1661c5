"""The changes that make a view, each as torchvision and lightly make it, with what it draws handed in."""

from __future__ import annotations

import math
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import torch

from gramian.ssl._views.draws import Draws

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["JITTER_ORDERS", "as_tensor", "crop_box", "jittered", "resized_centre", "with_contrast", "with_hue"]

JITTER_ORDERS = tuple(permutations(range(4)))
_LOG_ASPECTS = (math.log(3 / 4), math.log(4 / 3))


def crop_box(width: int, height: int, scale: tuple[float, float], draws: Draws) -> tuple[int, int, int, int]:
    """A random part of an image: left, upper, right and lower, as torchvision's ``RandomResizedCrop`` draws it.

    The share of the area is uniform within ``scale``, the logarithm of the aspect ratio within that of ``[3/4, 4/3]``; what
    does not fit is drawn anew, ten times, and then the largest centred part of a permitted shape is taken.
    """
    area = width * height
    for _ in range(10):
        target = area * draws.between(*scale)
        aspect = math.exp(draws.between(*_LOG_ASPECTS))
        wide, high = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
        if 0 < wide <= width and 0 < high <= height:
            upper, left = draws.below(height - high + 1), draws.below(width - wide + 1)
            return left, upper, left + wide, upper + high
    aspect = width / height
    wide, high = width, height
    if aspect < 3 / 4:
        high = round(width / (3 / 4))
    elif aspect > 4 / 3:
        wide = round(height * (4 / 3))
    left, upper = (width - wide) // 2, (height - high) // 2
    return left, upper, left + wide, upper + high


def jittered(image: Image, factors: tuple[float, float, float, float], order: tuple[int, ...]) -> Image:
    """Brightness, contrast, saturation and hue changed by ``factors``, in the order that the indices name."""
    from torchvision.transforms import functional

    for which in order:
        if which == 0:
            image = functional.adjust_brightness(image, factors[0])
        elif which == 1:
            image = with_contrast(image, factors[1])
        elif which == 2:
            image = functional.adjust_saturation(image, factors[2])
        elif factors[3]:
            image = with_hue(image, factors[3])
    return image


def with_contrast(image: Image, factor: float) -> Image:
    """Contrast multiplied by ``factor``: the image blended with its mean grey.

    What torchvision's ``adjust_contrast`` returns, in a third of the time on 32 pixels: Pillow takes the mean from a
    histogram, in Python.
    """
    from PIL import Image as images

    mean = int(float(np.asarray(image.convert("L")).mean()) + 0.5)
    return images.blend(images.new("RGB", image.size, (mean, mean, mean)), image, factor)


def with_hue(image: Image, turn: float) -> Image:
    """The hue turned by a share ``turn`` of the colour circle.

    What torchvision's ``adjust_hue`` returns, in half the time on 32 pixels: one array in place of three images.
    """
    from PIL import Image as images

    pixels = np.array(image.convert("HSV"))
    # Steps of 1/255 around a circle of 256, as there.
    pixels[..., 0] += np.int32(turn * 255).astype(np.uint8)
    return images.frombytes("HSV", image.size, pixels.tobytes()).convert("RGB")


def resized_centre(image: Image, *, shorter: int, size: int) -> Image:
    """The image with its shorter side resized to ``shorter``, and of that the centre, ``size`` x ``size``."""
    from PIL.Image import Resampling

    width, height = image.size
    if min(width, height) != shorter:
        scale = shorter / min(width, height)
        # The longer side is cut, as torchvision does, not rounded.
        resized = (shorter, int(height * scale)) if width <= height else (int(width * scale), shorter)
        image = image.resize(resized, Resampling.BICUBIC)
    if image.size == (size, size):
        return image
    left, upper = round((image.width - size) / 2), round((image.height - size) / 2)
    return image.crop((left, upper, left + size, upper + size))


def as_tensor(image: Image, scale: np.ndarray, shift: np.ndarray) -> torch.Tensor:
    """Pixels as ``(3, H, W)`` float32: ``pixel * scale + shift``, both ``(3, 1, 1)``."""
    pixels = np.asarray(image).transpose(2, 0, 1)
    values = np.multiply(pixels, scale, dtype=np.float32, order="C")
    values += shift
    return torch.from_numpy(values)
