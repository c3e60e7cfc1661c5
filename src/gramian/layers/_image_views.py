"""Augmented views of an image: cropped, mirrored, recoloured, at declared rates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING

from gramian.layers._images import ImageFile, as_rgb, require_vision_extra

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["DEFAULT_IMAGE_RATES", "AugmentedImage", "ImageRates", "augment_image"]

# Of a crop before it is resized, as everywhere since the Inception networks.
_ASPECTS = (3 / 4, 4 / 3)

Draw = Callable[[], float]


@dataclass(frozen=True)
class ImageRates:
    """How strongly a view of an image is perturbed, each within ``[0, 1]``.

    The defaults are SimCLR's for CIFAR-10: random resized crops of 8 % of the area or more, mirroring, colour jitter of
    strength 0.5 (that is 0.4 for brightness, contrast and saturation, a quarter of it for the hue) and grey images. There, one
    view in five keeps its colours; here the jitter always applies. SimCLR's blur, which it leaves out on CIFAR-10, is left out.

    Source: [chen2020, App. A].

    Attributes:
        crop: Largest share of the area that a crop removes; the share kept is uniform within ``[1 - crop, 1]``, the aspect ratio
            is changed by a factor within ``[3/4, 4/3]`` (where that reaches beyond the image, the crop ends there), and the crop
            is resized to the image's own size. 0 keeps the image whole.
        flip: Probability that the image is mirrored, left and right.
        jitter: Strength of the colour jitter: brightness, contrast and saturation are each multiplied by a factor uniform within
            ``[1 - jitter, 1 + jitter]``, and the hue is turned by up to ``jitter / 4`` of the colour circle either way.
        grayscale: Probability that the colours are removed.
    """

    crop: float = 0.92
    flip: float = 0.5
    jitter: float = 0.4
    grayscale: float = 0.2

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"{entry.name}: expected a number in [0, 1]; got {type(value).__name__}. Give a share.")
            if not 0 <= value <= 1:
                raise ValueError(
                    f"{entry.name}: expected a rate in [0, 1]; got {value}. Give a share, not a percentage."
                )
        if self.crop == 1:
            raise ValueError("crop: expected a rate below 1; got 1. A crop must keep something: 0.92 is the default.")


DEFAULT_IMAGE_RATES = ImageRates()


@dataclass(frozen=True)
class AugmentedImage:
    """A view of an image that is made when it is opened, so that only one batch of views is in memory."""

    image: ImageFile | Image
    view: int
    seed: int
    rates: ImageRates

    def open(self) -> Image:
        """The view."""
        return augment_image(self.image, view=self.view, seed=self.seed, rates=self.rates)


def augment_image(image: ImageFile | Image, *, view: int, seed: int, rates: ImageRates = DEFAULT_IMAGE_RATES) -> Image:
    """One perturbed view of an image: a resized crop, perhaps mirrored, its colours changed, perhaps without colours.

    The result depends on the content of the image, the view, the seed and the rates only: in any batch, order or process an
    image has the same views.

    Source: [chen2020, App. A]; how ours differs is said at `ImageRates`.

    Args:
        image: An image of a corpus, whose content is its file's bytes, or a Pillow image, whose content is its pixels.
        view: Number of the view, from 0 on; every view is perturbed.
        seed: Whole number. No generator: views must not depend on what was drawn before.
        rates: How strongly to perturb.

    Returns:
        An RGB image of the same size.

    Raises:
        ValueError: A negative view, or an image that cannot be used.
        TypeError: An argument of the wrong type.
        ImportError: The extra ``vision`` is not installed.

    Cost: a few passes over the pixels.
    """
    for name, value in (("view", view), ("seed", seed)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name}: expected a whole number; got {type(value).__name__}. Give for example {name}=0.")
    if view < 0:
        raise ValueError(f"view: expected a number from 0 on; got {view}. Number the views 0, 1, 2, ...")
    if not isinstance(rates, ImageRates):
        raise TypeError(f"rates: expected ImageRates for images; got {type(rates).__name__}.")
    require_vision_extra()
    from PIL import Image

    if not isinstance(image, ImageFile | Image.Image):
        raise TypeError(f"image: expected a Pillow image or an image of a corpus; got {type(image).__name__}.")
    pixels = image.open() if isinstance(image, ImageFile) else as_rgb(image, where="the image given")
    content = image.id.encode() if isinstance(image, ImageFile) else f"{pixels.size}".encode() + pixels.tobytes()
    digest = blake2b(f"{seed}\0{view}\0".encode(), digest_size=16)
    digest.update(content)
    # Of Random only random() is promised to stay the same across versions of Python, so everything is made from it.
    draw = Random(int.from_bytes(digest.digest(), "big")).random
    return _recoloured(_cropped(pixels, draw, rates), draw, rates)


def _cropped(image: Image, draw: Draw, rates: ImageRates) -> Image:
    from PIL.Image import Resampling, Transpose

    width, height = image.size
    share = 1 - rates.crop * draw()
    low, high = (math.log(aspect) for aspect in _ASPECTS)
    stretch = math.exp(low + (high - low) * draw())
    # Where the drawn shape would be wider or higher than the image it is cut to it.
    wide = min(1.0, math.sqrt(share * stretch))
    high_share = min(1.0, math.sqrt(share / stretch))
    left, top = draw() * (1 - wide) * width, draw() * (1 - high_share) * height
    mirrored = draw() < rates.flip
    if rates.crop:
        box = (left, top, left + wide * width, top + high_share * height)
        image = image.resize((width, height), Resampling.BILINEAR, box=box)
    return image.transpose(Transpose.FLIP_LEFT_RIGHT) if mirrored else image


def _recoloured(image: Image, draw: Draw, rates: ImageRates) -> Image:
    from torchvision.transforms import functional

    factors = [1 + rates.jitter * (2 * draw() - 1) for _ in range(3)]
    turn = rates.jitter / 4 * (2 * draw() - 1)
    grey = draw() < rates.grayscale
    if rates.jitter:
        image = functional.adjust_brightness(image, factors[0])
        image = functional.adjust_contrast(image, factors[1])
        image = functional.adjust_saturation(image, factors[2])
        image = functional.adjust_hue(image, turn)
    return functional.to_grayscale(image, num_output_channels=3) if grey else image
