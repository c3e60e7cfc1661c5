"""Where the images of a set come from: one array of pixels, or files that are decoded when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, overload

import numpy as np
import torch

from gramian.ssl._data.decoding import decoded
from gramian.ssl._data.trees import FileTree

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["FileStore", "ImageStore", "JoinedStore", "PackedNames", "PixelStore", "PlaneStore"]


class ImageStore(Protocol):
    """Images by number.

    Attributes:
        in_memory: Whether the images are pixels already.
    """

    @property
    def in_memory(self) -> bool: ...

    def __len__(self) -> int: ...

    def read(self, index: int) -> Image:
        """An image in RGB."""
        ...

    def name(self, index: int) -> str:
        """What to call it in an error."""
        ...


class PixelStore:
    """Decoded images of one shape: ``(n, H, W, 3)`` uint8, or grey ``(n, H, W)``.

    A tensor, not an array: torch puts it in shared memory when a worker process is started rather than forked.
    """

    in_memory = True

    def __init__(self, pixels: np.ndarray, names: Sequence[str] | None = None) -> None:
        self._pixels = torch.from_numpy(pixels)
        self._names = PackedNames(names) if names is not None else None

    def __len__(self) -> int:
        return self._pixels.shape[0]

    def read(self, index: int) -> Image:
        from PIL import Image

        image = Image.fromarray(self._pixels[index].numpy())
        return image if image.mode == "RGB" else image.convert("RGB")

    def name(self, index: int) -> str:
        return self._names[index] if self._names is not None else f"image {index}"


class PlaneStore:
    """Images in a mapped file, channel by channel and column by column, as STL-10 has them: ``(n, 3, W, H)`` uint8.

    Mapped, so that 100,000 images of 96 pixels do not take 2.8 GB in every process.
    """

    in_memory = True

    def __init__(self, path: Path, *, side: int) -> None:
        self._path = path
        self._side = side
        self._mapped: np.ndarray | None = None
        self._size = path.stat().st_size // (3 * side * side)

    def __getstate__(self) -> dict[str, object]:
        # Sent to another process as its path: a mapped array would be sent with all it maps.
        return {**self.__dict__, "_mapped": None}

    def __len__(self) -> int:
        return self._size

    def read(self, index: int) -> Image:
        from PIL import Image

        if self._mapped is None:
            self._mapped = np.memmap(self._path, dtype=np.uint8, mode="r").reshape(-1, 3, self._side, self._side)
        return Image.fromarray(np.ascontiguousarray(self._mapped[index].transpose(2, 1, 0)))

    def name(self, index: int) -> str:
        return f"image {index} of {self._path.name}"


class FileStore:
    """Files of a folder or zip."""

    in_memory = False

    def __init__(self, tree: FileTree, names: Iterable[str]) -> None:
        self._tree = tree
        self._names = PackedNames(names)

    def __len__(self) -> int:
        return len(self._names)

    def read(self, index: int) -> Image:
        name = self._names[index]
        return decoded(self._tree.read(name), where=f"{name} in {self._tree.path}")

    def name(self, index: int) -> str:
        return self._names[index]


class JoinedStore:
    """Several stores, one after the other."""

    def __init__(self, stores: Sequence[ImageStore]) -> None:
        self._stores = tuple(stores)
        self.in_memory = all(store.in_memory for store in stores)
        self._starts = np.cumsum([0, *(len(store) for store in stores)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, index: int) -> Image:
        store, inside = self._place(index)
        return store.read(inside)

    def name(self, index: int) -> str:
        store, inside = self._place(index)
        return store.name(inside)

    def _place(self, index: int) -> tuple[ImageStore, int]:
        which = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self._stores[which], index - int(self._starts[which])


class PackedNames(Sequence[str]):
    """Many names in two arrays.

    A list of a million strings is copied, page by page, into every worker process that reads it, because reading an object
    changes its reference count.
    """

    def __init__(self, names: Iterable[str]) -> None:
        encoded = [name.encode(errors="surrogateescape") for name in names]
        self._ends = np.cumsum([0, *(len(name) for name in encoded)], dtype=np.int64)
        self._text = b"".join(encoded)

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        return self._text[self._ends[index] : self._ends[index + 1]].decode(errors="surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return (self[position] for position in range(len(self)))
