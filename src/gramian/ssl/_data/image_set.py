"""A set of images with labels, wherever they lie."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import torch

from gramian.itl import as_generator
from gramian.itl._errors import type_fault, value_fault
from gramian.ssl._data.facts import DataFacts
from gramian.ssl._data.stores import ImageStore, PixelStore

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["CACHE_LIMIT", "ImageSet"]

logger = logging.getLogger(__name__)

# Bytes of decoded pixels that are kept: all sets but ImageNet's fit.
CACHE_LIMIT = 2 * 2**30


class ImageSet:
    """Images and their labels; `open_images` opens one.

    ``len(images)`` is their number, ``images[i]`` an image in RGB and its label.

    Attributes:
        labels: ``(n,)`` int64, known without decoding any image; -1 where there is none.
        classes: Names of the classes, in the order of the labels.
        facts: What is known of the data set.
        identity: Hash for a manifest. Two sets of equal identity have the same images, to what is cheaply known: checksums
            and labels where files have them, else names and the sizes of some.
    """

    def __init__(
        self,
        store: ImageStore,
        labels: np.ndarray,
        *,
        classes: Sequence[str],
        facts: DataFacts,
        identity: str,
        indices: np.ndarray | None = None,
    ) -> None:
        self._store = store
        self._indices = indices
        self._cached: ImageSet | None = None
        self.labels = np.asarray(labels, dtype=np.int64)
        self.labels.flags.writeable = False
        self.classes = tuple(classes)
        self.facts = facts
        self.identity = identity

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Image, int]:
        return self._store.read(self._place(index)), int(self.labels[index])

    def __repr__(self) -> str:
        return f"ImageSet({self.facts.name}: {len(self):,} images, {len(self.classes)} classes)"

    def name(self, index: int) -> str:
        """The file an image comes from, or its number where it is one of many in a file."""
        return self._store.name(self._place(index))

    def subset(self, n: int, seed: int = 0) -> ImageSet:
        """A part of the images that has every class in proportion.

        Subsets of one seed are nested: that of 1,000 images holds that of 100.

        Args:
            n: How many.
            seed: Whole number that decides which.

        Returns:
            The part, in the order of the whole.

        Raises:
            ValueError: More than there are, or none.
        """
        if isinstance(n, bool) or not isinstance(n, int):
            raise type_fault("subset", "a whole number of images", type(n).__name__, "Give for example 4000.")
        if not 1 <= n <= len(self):
            remedy = "Take fewer, or all of them without a subset."
            raise value_fault("subset", f"between 1 and {len(self):,} images", f"{n:,}", remedy)
        shuffled = torch.randperm(len(self), generator=as_generator(seed)).numpy()
        # An image's key is its place among those of its class, as a share; equal shares keep the shuffled order.
        _, group, sizes = np.unique(self.labels[shuffled], return_inverse=True, return_counts=True)
        by_class = np.argsort(group, kind="stable")
        starts = np.cumsum(sizes) - sizes
        place = np.empty(len(self))
        place[by_class] = np.arange(len(self)) - starts[group[by_class]]
        chosen = np.sort(shuffled[np.argsort((place + 0.5) / sizes[group], kind="stable")[:n]])
        return ImageSet(
            self._store,
            self.labels[chosen],
            classes=self.classes,
            facts=self.facts,
            identity=sha256(self.identity.encode() + chosen.astype("<i8").tobytes()).hexdigest(),
            indices=chosen if self._indices is None else self._indices[chosen],
        )

    def cached(self, *, limit: int = CACHE_LIMIT) -> ImageSet:
        """The same images, all decoded now into one array that worker processes share.

        Args:
            limit: Largest number of bytes to keep.

        Returns:
            Itself, where the images are pixels already, differ in shape, or would take more than ``limit``.

        Raises:
            DamagedImageError: A file that is no whole image.

        Cost: every image is decoded once; called again it returns the same set.
        """
        if self._cached is None:
            self._cached = self._decoded(limit)
        return self._cached

    def _decoded(self, limit: int) -> ImageSet:
        if self._store.in_memory:
            return self
        first = np.asarray(self[0][0])
        if first.nbytes * len(self) > limit:
            return self
        pixels = np.empty((len(self), *first.shape), dtype=np.uint8)
        for position in range(len(self)):
            image = np.asarray(self[position][0])
            if image.shape != first.shape:
                logger.info("%s: images of several sizes are read from their files", self.facts.name)
                return self
            pixels[position] = image
        names = [self.name(position) for position in range(len(self))]
        store = PixelStore(pixels, names)
        return ImageSet(store, self.labels, classes=self.classes, facts=self.facts, identity=self.identity)

    def _place(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{index} of {len(self)} images")
        index %= len(self)
        return index if self._indices is None else int(self._indices[index])
