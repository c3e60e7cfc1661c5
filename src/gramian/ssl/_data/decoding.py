"""Image files as pixels, and the error of one that is damaged."""

from __future__ import annotations

import io
import struct
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SUFFIXES", "DamagedImageError", "as_rgb", "damaged", "decoded", "require_ssl_extra"]

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
# Eight bits a channel. Sixteen and more are clipped to white by a conversion to RGB, without a word.
_EIGHT_BITS = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")


class DamagedImageError(ValueError):
    """An image that cannot be read; the message names the file.

    A worker process of a loader sends its errors on as text with a traceback in it; of that only the last line is kept.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message.rstrip().rsplit(f"{type(self).__name__}: ", 1)[-1])


def decoded(data: bytes, *, where: str) -> Image:
    """An image file's bytes as an RGB image; of an animation the first picture.

    Args:
        data: The bytes.
        where: What to call the file in an error.

    Raises:
        DamagedImageError: The bytes are no image, are cut off, or hold more than eight bits a channel.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as opened:
            opened.load()
            return as_rgb(opened, where=where)
    except (OSError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise damaged(where, error) from error


def as_rgb(image: Image, *, where: str) -> Image:
    """An image with three channels of eight bits; an alpha channel is dropped.

    Raises:
        DamagedImageError: More than eight bits a channel.
    """
    if image.mode not in _EIGHT_BITS:
        raise DamagedImageError(
            f"image: expected eight bits a channel; got mode {image.mode} in {where}. Scale it to 0-255 and save it anew."
        )
    # A copy also where nothing changes: what was opened is closed by its context.
    return image.convert("RGB") if image.mode != "RGB" else image.copy()


def damaged(where: str, error: Exception) -> DamagedImageError:
    """The error of a file that is no whole image."""
    reason = " ".join(str(error).split()) or type(error).__name__
    # Pillow names the buffer it was given, which tells a reader nothing.
    reason = reason.split(" <_io.BytesIO")[0]
    return DamagedImageError(
        f"image: expected a readable image; got a damaged one, {where} ({reason}). Copy it again, or remove it."
    )


def require_ssl_extra() -> None:
    """Raise ImportError, with the command that helps, where the extra ``ssl`` is not installed."""
    for module, package in (("PIL", "pillow"), ("torchvision", "torchvision")):
        if find_spec(module) is None:
            raise ImportError(f"data: expected the package {package}; got none. Run `pip install 'gramian[ssl]'`.")
