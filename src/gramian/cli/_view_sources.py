"""Views from files: arrays of NumPy, or folders of images with equal names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gramian.cli._sample_arrays import _npy, _npz
from gramian.cli._sample_images import Pixels, grey_where_all_are, read_images

__all__ = ["ViewSources", "read_views"]


@dataclass(frozen=True, eq=False)
class ViewSources:
    """What was read.

    Attributes:
        views: One array a view.
        titles: Of the views.
        names: Of the samples, where they are files.
    """

    views: list[np.ndarray]
    titles: list[str]
    names: tuple[str, ...] | None


def read_views(sources: Sequence[Path], *, size: int) -> ViewSources:
    """All views, in the order of the sources; the arrays of one ``.npz`` alone are views in their order.

    Raises:
        ValueError: Fewer than two views, arrays beside images, names that differ, damaged files.
        ImportError: Images, and the extra ``vision`` is missing.
    """
    kinds = {_kind(path) for path in sources}
    if len(kinds) > 1:
        raise ValueError("views: expected arrays or images; got both. Save the images as an array (n, height, width).")
    if kinds == {"images"}:
        return _images(sources, size)
    found: list[tuple[str, np.ndarray]] = []
    for path in sources:
        if path.suffix.lower() == ".npy":
            found.append((path.stem, _npy(path)))
        else:
            found += [(name or path.stem, array) for name, array in _npz(path).items()]
    if len(found) < 2:
        raise ValueError("views: expected at least two arrays; got one. Give FIRST.npy SECOND.npy, or an .npz of both.")
    return ViewSources([array for _, array in found], [title for title, _ in found], None)


def _kind(path: Path) -> str:
    if not path.exists():
        raise ValueError(f"views: expected a .npy or .npz file or a folder of images; got nothing at {path}. Check it.")
    if path.is_dir() or path.suffix.lower() == ".zip":
        return "images"
    if path.suffix.lower() not in (".npy", ".npz"):
        raise ValueError(f"views: expected a .npy or .npz file or a folder of images; got {path}. Save it as .npy.")
    return "arrays"


def _images(sources: Sequence[Path], size: int) -> ViewSources:
    if len(sources) < 2:
        raise ValueError("views: expected at least two folders of images; got one. Give FIRST SECOND.")
    read: list[Pixels] = [read_images(path, size=size) for path in sources]
    for path, pixels in zip(sources, read, strict=True):
        differing = sorted(set(pixels.names) ^ set(read[0].names))
        if differing:
            raise ValueError(
                f"views: expected the same file names in every folder; got {differing[0]} in one of {sources[0]} and {path} alone."
                " Views of a sample have one name."
            )
    points = grey_where_all_are([pixels.points for pixels in read])
    views = [array.reshape(len(array), size, size, -1).transpose(0, 3, 1, 2) for array in points]
    return ViewSources(views, [path.name for path in sources], read[0].names)
