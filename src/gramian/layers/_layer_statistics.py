"""The statistics of one stream and one way of pooling, a statistic for each group of the jackknife; where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

import numpy as np

from gramian.layers._plan import MeasurePlan
from gramian.layers._pooled import PooledVectors
from gramian.quality import LayerPair, Moments, Rows, Statistic, ViewRows, ViewScatter

# What needs a Gram or all distances looks at the prompts with the smallest keys only. DiME takes the spectra of six Grams for each
# group of the jackknife: at 512 prompts that stays a small part of the forward passes of those prompts and their views.
CAPACITIES = {Rows: 512, ViewRows: 512}


@dataclass(frozen=True)
class PromptGroups:
    """How prompts are dealt into the jackknife's groups, and their keys in bounded reservoirs."""

    keys: np.ndarray
    members: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, ids: Sequence[str], *, groups: int, seed: int) -> PromptGroups:
        """Groups by seeded hash of the prompts' content, nearly equal in size; the same for every layer and any order of reading."""
        seen: dict[str, int] = {}
        keys = np.empty(len(ids), dtype=np.uint64)
        for index, identity in enumerate(ids):
            occurrence = seen[identity] = seen.get(identity, -1) + 1
            digest = blake2b(f"{seed}\0{identity}\0{occurrence}".encode(), digest_size=8).digest()
            keys[index] = int.from_bytes(digest, "little")
        order = np.argsort(keys, kind="stable")
        count = min(groups, len(ids))
        return cls(keys, tuple(np.sort(order[group::count]) for group in range(count)))


class LayerStatistics(Protocol):
    """What the measures of one stream and one way of pooling are finished from."""

    @property
    def count(self) -> int:
        """Prompts."""
        ...

    @property
    def width(self) -> int:
        """Dimensions of their vectors."""
        ...

    def of(self, kind: type[Statistic]) -> list[Statistic] | None:
        """One statistic for each group, or None where there is nothing to make it from: no views, no layer before."""
        ...


class StatisticsSource(Protocol):
    """Statistics of every stream; nothing but the one asked for is in memory."""

    @property
    def streams(self) -> Sequence[tuple[int, str]]: ...

    @property
    def poolings(self) -> Sequence[str]: ...

    def layer(self, stream: int, pooling: int) -> LayerStatistics: ...


@dataclass(frozen=True)
class LayerVectors:
    """The pooled vectors of one stream: of the prompts, of their views, and of the stream before it."""

    embeddings: np.ndarray
    views: np.ndarray | None
    previous: np.ndarray | None


@dataclass(frozen=True)
class VectorStatistics:
    """Statistics made from the vectors of all prompts."""

    vectors: LayerVectors
    groups: PromptGroups

    @property
    def count(self) -> int:
        return len(self.vectors.embeddings)

    @property
    def width(self) -> int:
        return int(self.vectors.embeddings.shape[1])

    def of(self, kind: type[Statistic]) -> list[Statistic] | None:
        parts = []
        for members in self.groups.members:
            part = begin(kind)
            if not add(part, self.vectors, self.groups.keys, members):
                return None
            parts.append(part)
        return parts


@dataclass(frozen=True)
class VectorSource:
    """Statistics of every stream made from pooled vectors on disk."""

    vectors: PooledVectors
    groups: PromptGroups
    plan: MeasurePlan

    @property
    def streams(self) -> Sequence[tuple[int, str]]:
        return self.vectors.streams

    @property
    def poolings(self) -> Sequence[str]:
        return self.vectors.poolings

    def layer(self, stream: int, pooling: int) -> VectorStatistics:
        pairs = stream > 0 and bool(self.plan.needing("adjacent_layers"))
        read = LayerVectors(
            embeddings=self.vectors.embeddings(stream, pooling),
            views=self.vectors.views(stream, pooling) if self.plan.reads_views else None,
            previous=self.vectors.embeddings(stream - 1, pooling) if pairs else None,
        )
        return VectorStatistics(read, self.groups)


def begin(kind: type[Statistic]) -> Statistic:
    """An empty statistic, of bounded size."""
    return kind(capacity=CAPACITIES[kind]) if kind in CAPACITIES else kind()  # type: ignore[call-arg]


def add(statistic: Statistic, vectors: LayerVectors, keys: np.ndarray, members: np.ndarray) -> bool:
    """Add the vectors of some prompts to a statistic; False, and nothing is added, where it needs vectors that are not there.

    Args:
        statistic: of any kind.
        vectors: of a stream.
        keys: of the prompts that the vectors belong to.
        members: which of them to add.
    """
    arguments: Mapping[type, tuple[np.ndarray | None, ...]] = {
        Moments: (vectors.embeddings,),
        Rows: (vectors.embeddings, keys),
        ViewScatter: (vectors.views,),
        ViewRows: (vectors.views, keys),
        LayerPair: (vectors.previous, vectors.embeddings),
    }
    arrays = arguments[type(statistic)]
    if any(array is None for array in arrays):
        return False
    statistic.update(*(array[members] for array in arrays if array is not None))
    return True
