"""Images in a folder or in a zip of one, read one at a time when they are needed."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "SUFFIXES",
    "ImageFile",
    "ImageFolder",
    "ImageSource",
    "ImageZip",
    "as_rgb",
    "decoded",
    "is_image_source",
    "no_images",
    "open_image_source",
    "require_vision_extra",
]

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
# A zip may promise anything: no photograph is this large.
LARGEST_FILE = 256 * 2**20
# Resizing the short side of a thinner image would make gigabytes of it.
MOST_ELONGATED = 100
# Eight bits a channel. Sixteen and more are clipped to white by a conversion to RGB, without a word.
_EIGHT_BITS = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")


class ImageSource(Protocol):
    """Where images lie: names in a fixed order, and the bytes of each."""

    path: Path

    def names(self) -> Iterator[str]:
        """Names of the files that are images by their ending, relative and with slashes, sorted."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of one file."""
        ...


@dataclass(frozen=True)
class ImageFile:
    """One image of a source, not yet read.

    Attributes:
        name: Path inside the source, with slashes.
        id: Hash of the file's bytes, 16 hexadecimal digits.
        source: Where it lies.
    """

    name: str
    id: str
    source: ImageSource = field(repr=False, compare=False)

    def open(self) -> Image:
        """The image, decoded to RGB.

        Raises:
            ValueError: It cannot be decoded.
        """
        return decoded(self.source.read(self.name), where=f"{self.name} in {self.source.path}")


class ImageFolder:
    """A folder, with all folders in it; what begins with a dot is left out."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> Iterator[str]:
        found = (
            file.relative_to(self.path).as_posix() for file in self.path.rglob("*") if file.suffix.lower() in SUFFIXES
        )
        # Sorted as text, so that the order is the same on every disk.
        yield from sorted(name for name in found if _is_shown(name) and (self.path / name).is_file())

    def read(self, name: str) -> bytes:
        file = self.path / name
        try:
            _check_size(file.stat().st_size, where=f"{name} in {self.path}")
            return file.read_bytes()
        except OSError as error:
            raise _unreadable(f"{name} in {self.path}", error) from error


class ImageZip:
    """A zip of a folder; nothing is unpacked to the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise ValueError(
                f"source: expected a whole zip of images; got a truncated or damaged one, {path} ({error}). Copy it again."
            ) from error

    def __reduce__(self) -> tuple[type[ImageZip], tuple[Path]]:
        # An open file cannot be sent to another process; the path can.
        return ImageZip, (self.path,)

    def names(self) -> Iterator[str]:
        entries = (entry.filename for entry in self._archive.infolist() if not entry.is_dir())
        yield from sorted({n for n in entries if PurePosixPath(n).suffix.lower() in SUFFIXES and _is_shown(n)})

    def read(self, name: str) -> bytes:
        _check_size(self._archive.getinfo(name).file_size, where=f"{name} in {self.path}")
        try:
            return self._archive.read(name)
        # RuntimeError: an encrypted entry; NotImplementedError: another compression.
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
            raise _unreadable(f"{name} in {self.path}", error) from error


def is_image_source(source: str | Path) -> bool:
    """Whether a source is a zip, or a folder with at least one file that is an image by its ending."""
    path = Path(source)
    if path.suffix.lower() == ".zip":
        return True
    return path.is_dir() and any(file.suffix.lower() in SUFFIXES for file in path.rglob("*"))


def open_image_source(source: str | Path) -> ImageSource:
    """The folder or zip of a name.

    Raises:
        ValueError: It is neither, or it does not exist.
    """
    path = Path(source)
    if path.is_dir():
        return ImageFolder(path)
    if path.suffix.lower() != ".zip":
        what = "a file of another kind" if path.exists() else "nothing of that name"
        raise ValueError(f"source: expected a folder of images or a .zip of one; got {what}, {source}. Check the path.")
    if not path.is_file():
        raise ValueError(f"source: expected a .zip of images; got {source}, which does not exist. Check the path.")
    return ImageZip(path)


def decoded(data: bytes, *, where: str) -> Image:
    """An image file's bytes as an RGB image, turned upright as its EXIF entry says; of an animation the first picture.

    Args:
        data: The bytes.
        where: What to call the file in an error.

    Raises:
        ValueError: The bytes are no image, are cut off, hold more than eight bits a channel or an extreme shape.
        ImportError: Pillow is missing.
    """
    require_vision_extra()
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data)) as opened:
            opened.load()
            upright = ImageOps.exif_transpose(opened)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise _unreadable(where, error) from error
    return as_rgb(upright, where=where)


def as_rgb(image: Image, *, where: str) -> Image:
    """An image with three channels of eight bits; an alpha channel is dropped, as image processors do.

    Raises:
        ValueError: More than eight bits a channel, or an extreme shape.
    """
    if image.mode not in _EIGHT_BITS:
        raise ValueError(
            f"image: expected eight bits a channel; got mode {image.mode} in {where}. Scale it to 0-255 and save it anew."
        )
    if max(image.size) > MOST_ELONGATED * min(image.size):
        raise ValueError(
            f"image: expected sides within a ratio of {MOST_ELONGATED}; got {image.width} x {image.height} in {where}. "
            "Crop it, or leave it out."
        )
    return image if image.mode == "RGB" else image.convert("RGB")


def require_vision_extra() -> None:
    """Raise ImportError, with the command that helps, where the extra ``vision`` is not installed."""
    for module, package in (("PIL", "pillow"), ("torchvision", "torchvision")):
        if find_spec(module) is None:
            raise ImportError(f"images: expected the package {package}; got none. Run `pip install 'gramian[vision]'`.")


def _is_shown(name: str) -> bool:
    """Whether no part of a path begins with a dot; ``__MACOSX`` holds a shadow of every file that macOS packs."""
    return not any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _check_size(size: int, *, where: str) -> None:
    if size > LARGEST_FILE:
        raise ValueError(
            f"source: expected image files of at most {LARGEST_FILE:,} bytes; got {size:,} in {where}. Leave it out."
        )


def no_images(source: str | Path, why: str = "") -> ValueError:
    """The error of a source without images."""
    return ValueError(
        f"source: expected at least one image in {source}; got none{f' ({why})' if why else ''}. "
        f"Images are files that end in {', '.join(SUFFIXES)}."
    )


def _unreadable(where: str, error: Exception) -> ValueError:
    reason = " ".join(str(error).split()) or type(error).__name__
    # Pillow names the buffer it was given, which tells a reader nothing.
    reason = reason.split(" <_io.BytesIO")[0]
    return ValueError(
        f"source: expected a readable image; got a damaged one, {where} ({reason}). Copy it again, or remove it."
    )
