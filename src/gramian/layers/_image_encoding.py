"""Images to batches of pixels, through the model's own image processor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gramian.layers._image_views import AugmentedImage
from gramian.layers._images import ImageFile, as_rgb, decoded, require_vision_extra
from gramian.layers._layered_model import VisionModel

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["EncodedImages", "as_encoded_images", "encode_images", "processed"]


@dataclass(frozen=True, eq=False)
class EncodedImages:
    """A batch of images as a model takes them.

    Attributes:
        pixel_values: ``(batch, channels, height, width)`` in the model's number format.
        mask: ``(batch, tokens)`` of booleans, all True: every token of an image is measured, and images have equally many.
    """

    pixel_values: Tensor
    mask: Tensor

    @property
    def attention_mask(self) -> Tensor:
        """``(batch, tokens)`` of int64, all 1: nothing is padded."""
        return self.mask.long()

    def inputs(self, device: torch.device | str) -> dict[str, Tensor]:
        """The model's keyword arguments, on a device."""
        return {"pixel_values": self.pixel_values.to(device)}


def encode_images(
    model: VisionModel, images: Sequence[Image | ImageFile | AugmentedImage | str | Path]
) -> EncodedImages:
    """Encode images as one batch.

    Args:
        model: From `load_model`; its image processor resizes, crops and scales.
        images: At least one: Pillow images, the images of a corpus, or paths of image files.

    Returns:
        `EncodedImages`, on the CPU.

    Raises:
        ValueError: No images, one that cannot be decoded, or one that the processor brings to another size than the others.
        TypeError: ``images`` is not a sequence of images.
        ImportError: The extra ``vision`` is not installed.
    """
    if isinstance(images, str | Path) or not isinstance(images, Sequence):
        raise TypeError(f"images: expected a list of images; got {type(images).__name__}. Wrap one image in a list.")
    if not images:
        raise ValueError("images: expected at least one image; got none.")
    require_vision_extra()
    # One at a time: a batch then gives what single images give, whatever a processor does with unlike sizes.
    rows = [processed(model.processor, _opened(image, index)) for index, image in enumerate(images)]
    wrong = next((index for index, row in enumerate(rows) if tuple(row.shape) != model.image_shape), None)
    if wrong is not None:
        raise ValueError(
            f"images: expected images that the processor of {model.name} brings to the shape {model.image_shape}; "
            f"got {tuple(rows[wrong].shape)} for image {wrong}. Crop the images to one aspect ratio."
        )
    return _batch(model, torch.stack(rows))


def as_encoded_images(model: VisionModel, batch: Mapping[str, Any] | EncodedImages) -> EncodedImages:
    """Check a batch that was encoded elsewhere.

    Args:
        model: From `load_model`.
        batch: ``pixel_values`` ``(batch, channels, height, width)`` of real numbers.

    Returns:
        `EncodedImages`.

    Raises:
        ValueError: Another shape, or numbers that are not finite.
        TypeError: Something else than real numbers.
    """
    if isinstance(batch, EncodedImages):
        return batch
    if "pixel_values" not in batch:
        raise ValueError(
            f"batch: expected a mapping with pixel_values; got keys {', '.join(map(str, batch)) or 'none'}."
        )
    pixels = torch.as_tensor(batch["pixel_values"])
    if not pixels.is_floating_point():
        raise TypeError(f"pixel_values: expected real numbers; got {pixels.dtype}. Pass images through the processor.")
    if pixels.ndim != 4 or tuple(pixels.shape[1:]) != model.image_shape or len(pixels) == 0:
        raise ValueError(
            f"pixel_values: expected shape (batch, {', '.join(map(str, model.image_shape))}); got {tuple(pixels.shape)}."
        )
    if not bool(torch.isfinite(pixels).all()):
        raise ValueError("pixel_values: expected finite numbers; got NaN or infinity.")
    return _batch(model, pixels)


def processed(processor: Any, image: Image) -> Tensor:
    """The pixels ``(channels, height, width)`` that a processor makes of one image.

    Raises:
        ValueError: The processor fails, or returns anything but one image.
    """
    try:
        pixels = processor(images=[image], return_tensors="pt")["pixel_values"]
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"image processor: expected pixels of an image of {image.width} x {image.height}; got {type(error).__name__} "
            f"from {type(processor).__name__}: {reason}"
        ) from error
    if not isinstance(pixels, Tensor) or pixels.ndim != 4 or len(pixels) != 1:
        got = tuple(pixels.shape) if isinstance(pixels, Tensor) else type(pixels).__name__
        raise ValueError(
            f"image processor: expected pixels of shape (1, channels, height, width); got {got} from {type(processor).__name__}."
        )
    return pixels[0]


def _batch(model: VisionModel, pixels: Tensor) -> EncodedImages:
    return EncodedImages(pixels.to(model.dtype), torch.ones(len(pixels), model.tokens, dtype=torch.bool))


def _opened(image: object, index: int) -> Image:
    from PIL import Image

    if isinstance(image, ImageFile | AugmentedImage):
        return image.open()
    if isinstance(image, Image.Image):
        return as_rgb(image, where=f"image {index}")
    if isinstance(image, str | Path):
        try:
            return decoded(Path(image).read_bytes(), where=str(image))
        except OSError as error:
            raise ValueError(
                f"images: expected a readable file; got {image} ({error.strerror}). Check the path."
            ) from error
    raise TypeError(
        f"images: expected Pillow images, images of a corpus or paths; got {type(image).__name__} at {index}."
    )
