"""Samples of images: the pixels of all images of a folder or a zip, brought to one size."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gramian.layers._images import ImageSource

__all__ = ["THUMBNAIL", "Pixels", "grey_where_all_are", "pixel_names", "read_folders", "read_images"]

THUMBNAIL = 96
CHANNELS = ("red", "green", "blue")


@dataclass(frozen=True, eq=False)
class Pixels:
    """Images as points.

    Attributes:
        points: ``(n, size * size * 3)``, float32 from 0 to 1; rows, columns, channels.
        names: Paths inside the source.
        hash: SHA-256 of the files' bytes, in order.
        picture: A small PNG of image ``i``, of its own shape and colours.
    """

    points: np.ndarray
    names: tuple[str, ...]
    hash: str
    picture: Callable[[int], bytes]


def read_images(path: Path, *, size: int) -> Pixels:
    """Every image of a source, by name.

    Images are turned as their EXIF entry says, brought to eight-bit RGB and resized with antialiasing to ``size`` x ``size``
    pixels; the aspect ratio is not kept, so that nothing is cut off.

    Raises:
        ValueError: No image, or a damaged one.
        ImportError: The extra ``vision`` is missing.
    """
    source, names = _opened(path)
    return _read(source, names, size)


def read_folders(path: Path, *, size: int) -> Mapping[str, Pixels]:
    """The images of each folder of a source of classes.

    Raises:
        ValueError: As `read_images`; an image that lies in no folder of its own class.
        ImportError: The extra ``vision`` is missing.
    """
    from gramian.layers._image_corpus import folder_labels

    source, names = _opened(path)
    labels = folder_labels(names)
    if labels is None:
        raise ValueError(
            f"--group: expected every image of {path} in a folder of its group; got images beside them, or no folders. Move them."
        )
    chosen: dict[str, list[str]] = {}
    for name, label in zip(names, labels, strict=True):
        chosen.setdefault(label, []).append(name)
    return {label: _read(source, members, size) for label, members in chosen.items()}


def pixel_names(size: int, channels: int) -> tuple[str, ...]:
    """Names of coordinates, rows and columns counted from 1 at the upper left."""
    ends = [f" {name}" for name in CHANNELS] if channels == len(CHANNELS) else [""]
    return tuple(f"pixel {row + 1},{column + 1}{end}" for row in range(size) for column in range(size) for end in ends)


def grey_where_all_are(samples: Sequence[np.ndarray]) -> list[np.ndarray]:
    """One channel in place of three where all images of all samples are grey: three equal ones say nothing more."""
    shaped = [points.reshape(len(points), -1, len(CHANNELS)) for points in samples]
    if all((part == part[..., :1]).all() for part in shaped):
        return [np.ascontiguousarray(part[..., 0]) for part in shaped]
    return list(samples)


def _opened(path: Path) -> tuple[ImageSource, list[str]]:
    from gramian.layers._images import no_images, open_image_source, require_vision_extra

    require_vision_extra()
    source = open_image_source(path)
    names = list(source.names())
    if not names:
        raise no_images(path)
    return source, names


def _read(source: ImageSource, names: list[str], size: int) -> Pixels:
    from PIL.Image import Resampling

    from gramian.layers._images import decoded

    digest = sha256()
    points = np.empty((len(names), size * size * len(CHANNELS)), np.float32)
    for place, name in enumerate(names):
        data = source.read(name)
        digest.update(data)
        image = decoded(data, where=f"{name} in {source.path}")
        points[place] = np.asarray(image.resize((size, size), Resampling.BILINEAR), np.float32).ravel() / 255

    def picture(place: int) -> bytes:
        small = decoded(source.read(names[place]), where=names[place])
        # A picture of a few pixels would be a dot on the page.
        scale = THUMBNAIL / max(small.size)
        shape = (max(1, round(small.width * scale)), max(1, round(small.height * scale)))
        buffer = io.BytesIO()
        small.resize(shape, Resampling.LANCZOS if scale < 1 else Resampling.NEAREST).save(buffer, "PNG")
        return buffer.getvalue()

    return Pixels(points, tuple(names), digest.hexdigest(), picture)
