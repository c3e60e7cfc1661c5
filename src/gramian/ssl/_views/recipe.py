"""How strongly views differ from their image: the section ``views:`` of a recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from gramian.itl._errors import type_fault, value_fault

__all__ = ["ViewRecipe"]

_SHARES = ("jitter", "grey", "blur", "solarize", "flip")
_OPTIONAL_SHARES = ("second_blur", "second_solarize", "small_blur", "small_solarize")
_FACTORS = ("brightness", "contrast", "saturation")
_SCALES = ("crop_scale", "small_crop_scale")


@dataclass(frozen=True)
class ViewRecipe:
    """Strengths of the changes that make a view of an image.

    The changes are those of SimCLR and BYOL, made in this order: a crop of random size and place, resized; colour jitter;
    grey; Gaussian blur; solarization; a mirror image. A view draws each of them anew. The defaults are the strong symmetric
    views of SimCLR, preset ``symmetric``.

    Source: [chen2020, App. A]; the strengths of the presets are those of the released settings of FroSSL and solo-learn.

    Attributes:
        crop: Whether a part of the image is cut out. False resizes the whole image (its centre, where it is not square), as
            the released settings of FroSSL for CIFAR do.
        crop_scale: Smallest and largest share of the area that a crop keeps. Its aspect ratio lies within ``[3/4, 4/3]``.
        jitter: Probability that the colours are jittered.
        brightness: Brightness is multiplied by a factor uniform within ``[max(0, 1 - brightness), 1 + brightness]``.
        contrast: As ``brightness``, for the contrast.
        saturation: As ``brightness``, for the saturation.
        hue: The hue is turned by up to this share of the colour circle either way, at most 0.5.
        grey: Probability that the colours are removed.
        blur: Probability of a Gaussian blur.
        blur_sigma: Smallest and largest standard deviation of the blur, in pixels of the view.
        solarize: Probability that values of 128 and more are inverted.
        flip: Probability of a mirror image, left and right.
        second_blur: ``blur`` of every second view, where it differs; None where it does not.
        second_solarize: ``solarize`` of every second view, where it differs.
        small_views: Number of small views after the others, as SwAV and DINO take.
        small_size: Side of a small view in pixels; None takes 96/224 of the others' side, rounded.
        small_crop_scale: ``crop_scale`` of small views.
        small_blur: ``blur`` of small views, where it differs.
        small_solarize: ``solarize`` of small views, where it differs.

    Raises:
        ValueError: A probability beyond ``[0, 1]``, a range upside down, or a strength that has no meaning.
        TypeError: A value that is no number.

    Example:
        >>> ViewRecipe(crop_scale=[0.2, 1]).crop_scale
        (0.2, 1.0)
    """

    crop: bool = True
    crop_scale: tuple[float, float] = (0.08, 1.0)
    jitter: float = 0.8
    brightness: float = 0.8
    contrast: float = 0.8
    saturation: float = 0.8
    hue: float = 0.2
    grey: float = 0.2
    blur: float = 0.5
    blur_sigma: tuple[float, float] = (0.1, 2.0)
    solarize: float = 0.0
    flip: float = 0.5
    second_blur: float | None = None
    second_solarize: float | None = None
    small_views: int = 0
    small_size: int | None = None
    small_crop_scale: tuple[float, float] = (0.05, 0.14)
    small_blur: float | None = None
    small_solarize: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.crop, bool):
            raise type_fault("crop", "true or false", type(self.crop).__name__, "Give crop_scale for its strength.")
        for entry in fields(self):
            name, value = entry.name, getattr(self, entry.name)
            if name in _SCALES or name == "blur_sigma":
                object.__setattr__(self, name, _pair(name, value))
            elif name in _SHARES or (name in _OPTIONAL_SHARES and value is not None):
                _within(name, value, 1.0, "a probability in [0, 1]")
            elif name in _FACTORS:
                _within(name, value, math.inf, "a strength of 0 or more")
        _within("hue", self.hue, 0.5, "a share of the colour circle in [0, 0.5]")
        for name in _SCALES:
            low, high = getattr(self, name)
            if not 0 < low <= high <= 1:
                remedy = "Give the smallest and the largest share of the area, for example [0.08, 1.0]."
                raise value_fault(name, "two shares with 0 < smallest <= largest <= 1", f"[{low}, {high}]", remedy)
        low, high = self.blur_sigma
        if not 0 <= low <= high:
            rule = "two standard deviations with 0 <= smallest <= largest"
            raise value_fault("blur_sigma", rule, f"[{low}, {high}]", "Give for example [0.1, 2.0].")
        _count("small_views", self.small_views, 0)
        if self.small_size is not None:
            _count("small_size", self.small_size, 1)


def _pair(name: str, value: object) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise value_fault(name, "two numbers, smallest and largest", repr(value), "Give for example [0.1, 1.0].")
    return _number(name, value[0]), _number(name, value[1])


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise type_fault(name, "a number", type(value).__name__, "Write it without quotes.")
    if not math.isfinite(value):
        raise value_fault(name, "a finite number", value, "Give another.")
    return float(value)


def _within(name: str, value: object, high: float, rule: str) -> None:
    if not 0 <= _number(name, value) <= high:
        raise value_fault(
            name, rule, value, "Give a share, not a percentage." if high <= 1 else "0 leaves it as it is."
        )


def _count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise type_fault(name, "a whole number", type(value).__name__, f"Give {least} or more.")
    if value < least:
        raise value_fault(name, f"a whole number of {least} or more", value, "Give another.")
