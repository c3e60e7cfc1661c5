"""From a recipe to views: a function of an image and a seed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from gramian.itl._errors import type_fault, value_fault
from gramian.ssl._views.changes import JITTER_ORDERS, as_tensor, crop_box, jittered, resized_centre
from gramian.ssl._views.draws import Draws
from gramian.ssl._views.recipe import ViewRecipe

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ViewBuilder", "build_views", "normalization"]


@dataclass(frozen=True)
class _Strength:
    """What one of the views of an image may differ by."""

    size: int
    scale: tuple[float, float] | None
    blur: float
    solarize: float


class ViewBuilder:
    """Makes the views of an image; `build_views` makes it.

    Attributes:
        recipe: The strengths.
        sizes: Side of every view in pixels, in their order.
    """

    def __init__(
        self, recipe: ViewRecipe, *, views: int, size: int, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        self.recipe = recipe
        self._scale, self._shift = normalization(mean, std)
        self._strengths = _strengths(recipe, views=views, size=size)
        self.sizes = tuple(strength.size for strength in self._strengths)

    def __len__(self) -> int:
        return len(self._strengths)

    def __call__(self, image: Image, *, seed: int | None = None) -> list[torch.Tensor]:
        """The views of an image.

        Args:
            image: An RGB image.
            seed: Whole number that all draws depend on; None takes fresh entropy from the operating system.

        Returns:
            One tensor ``(3, size, size)`` float32 a view, the large ones first. View k is the same for any number of views.
        """
        key = int.from_bytes(os.urandom(8), "little") if seed is None else seed
        return [
            as_tensor(self._view(image, strength, Draws(key, number)), self._scale, self._shift)
            for number, strength in enumerate(self._strengths)
        ]

    def _view(self, image: Image, strength: _Strength, draws: Draws) -> Image:
        from PIL import ImageFilter, ImageOps
        from PIL.Image import Resampling, Transpose

        recipe = self.recipe
        # All draws but the crop's come first and are always taken: what one strength is set to does not move the others' draws.
        flip, jitter, grey, blur, solarize = (draws.next() for _ in range(5))
        sigma = draws.between(*recipe.blur_sigma)
        order = JITTER_ORDERS[draws.below(len(JITTER_ORDERS))]
        brightness, contrast, saturation = (
            draws.between(max(0.0, 1 - width), 1 + width)
            for width in (recipe.brightness, recipe.contrast, recipe.saturation)
        )
        hue = draws.between(-recipe.hue, recipe.hue)
        if strength.scale is None:
            image = resized_centre(image, shorter=strength.size, size=strength.size)
        else:
            box = crop_box(image.width, image.height, strength.scale, draws)
            image = image.crop(box).resize((strength.size, strength.size), Resampling.BICUBIC)
        if jitter < recipe.jitter:
            image = jittered(image, (brightness, contrast, saturation, hue), order)
        if grey < recipe.grey:
            image = image.convert("L").convert("RGB")
        if blur < strength.blur:
            image = image.filter(ImageFilter.GaussianBlur(radius=sigma))
        if solarize < strength.solarize:
            image = ImageOps.solarize(image, threshold=128)
        return image.transpose(Transpose.FLIP_LEFT_RIGHT) if flip < recipe.flip else image


def build_views(
    recipe: ViewRecipe, *, views: int, size: int, mean: Sequence[float], std: Sequence[float]
) -> ViewBuilder:
    """A function that makes the views of an image.

    The changes give pixel for pixel what the functions of torchvision and the transforms of lightly give for the same
    strengths (resizing is bicubic, as in solo-learn); what is drawn differs: theirs comes from the process's global random
    state, ours from the seed of the call alone.

    Args:
        recipe: The strengths.
        views: Number of large views; every second one has the recipe's second blur and solarization. Its small views come
            after them.
        size: Side of the large views in pixels.
        mean: Mean of the three channels, of values from 0 to 1, that is subtracted.
        std: Standard deviation of the three channels, that is divided by.

    Returns:
        A callable: a Pillow image in RGB (and ``seed=``) to a list of tensors ``(3, size, size)`` float32.

    Raises:
        ValueError: No view, a size below 1, or a mean and standard deviation that are not three numbers.
        TypeError: The recipe is of another type.

    Cost: one crop, one resizing and some passes over the pixels a view.
    """
    if not isinstance(recipe, ViewRecipe):
        raise type_fault("recipe", "a ViewRecipe", type(recipe).__name__, "view_preset(NAME) gives one.")
    for name, value, least in (("views", views, 1), ("size", size, 1)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise type_fault(name, "a whole number", type(value).__name__, f"Give {least} or more.")
        if value < least:
            raise value_fault(name, f"{least} or more", value, "Methods with views need two at least.")
    return ViewBuilder(recipe, views=views, size=size, mean=mean, std=std)


def normalization(mean: Sequence[float], std: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift, ``(3, 1, 1)`` float32, that take pixels of 0 to 255 to mean 0 and variance 1.

    Raises:
        ValueError: Not three numbers each, or a standard deviation that is not positive.
    """
    if len(mean) != 3 or len(std) != 3 or not all(value > 0 for value in std):
        got = f"{list(mean)} and {list(std)}"
        raise value_fault("mean, std", "three numbers each, standard deviations above 0", got, "Give one a channel.")
    centre, spread = np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64)
    scale, shift = 1 / (255 * spread), -centre / spread
    return scale.astype(np.float32).reshape(3, 1, 1), shift.astype(np.float32).reshape(3, 1, 1)


def _strengths(recipe: ViewRecipe, *, views: int, size: int) -> tuple[_Strength, ...]:
    def chosen(value: float | None, otherwise: float) -> float:
        return otherwise if value is None else value

    scale = recipe.crop_scale if recipe.crop else None
    first = _Strength(size, scale, recipe.blur, recipe.solarize)
    second = _Strength(
        size, scale, chosen(recipe.second_blur, recipe.blur), chosen(recipe.second_solarize, recipe.solarize)
    )
    small = _Strength(
        recipe.small_size or max(1, round(size * 96 / 224)),
        recipe.small_crop_scale,
        chosen(recipe.small_blur, recipe.blur),
        chosen(recipe.small_solarize, recipe.solarize),
    )
    large = tuple(second if number % 2 else first for number in range(views))
    return large + (small,) * recipe.small_views
