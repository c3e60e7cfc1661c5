"""From the shards of a run directory to the statistics of every stream, merged in shard order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gramian.itl import map_on_cores
from gramian.layers._job import Job
from gramian.layers._layer_statistics import LayerStatistics, StatisticsSource, VectorSource, add, begin
from gramian.layers._memory import release_freed_memory
from gramian.layers._pooled import ChunkedVectors
from gramian.layers._shards import POOLED, POOLINGS, STATE, Shard, Shards, state_name, vectors_of
from gramian.quality import LayerPair, Statistic, ViewRows, ViewScatter
from gramian.runs import RunDirectory

_THROUGH = "through"


class ShardStore:
    """The shards of one run on disk.

    Where vectors give way to sums, finished shards at the beginning of the order are merged as soon as they take more room than the sums
    do, so that a run never holds much more than twice its accumulators. Merging is a left fold in shard order: its result
    does not depend on when it was done.
    """

    def __init__(self, run: RunDirectory, job: Job, shards: Shards) -> None:
        self.run = run
        self.job = job
        self.shards = shards
        there = run.done()
        self.done = {shard.number for shard in shards.parts if shard.key in there and self._is_whole(shard)}
        self._merged_keys = there - {shard.key for shard in shards.parts}
        self._read: dict[str, _ShardArrays] = {}
        self._front = 0
        self._unmerged: list[Shard] = []

    def _is_whole(self, shard: Shard) -> bool:
        return np.array_equal(self.run.load_chunk(shard.key)["prompts"], shard.indices)

    @property
    def missing(self) -> list[Shard]:
        """Shards that are not on disk."""
        return [shard for shard in self.shards.parts if shard.number not in self.done]

    @property
    def whole(self) -> bool:
        """Whether every shard is on disk."""
        return len(self.done) == len(self.shards.parts)

    def save(self, shard: Shard, arrays: dict[str, np.ndarray]) -> None:
        """Keep a shard's accumulators; merges some shards where they have become too large."""
        self.run.save_chunk(shard.key, {"prompts": np.asarray(shard.indices, dtype=np.int64), **arrays})
        self.done.add(shard.number)
        if self.shards.form == "moments":
            self._merge_if_large()

    def chunks(self) -> list[tuple[str, list[int]]]:
        """Keys and prompts, as the tables are written from."""
        return [(shard.key, shard.indices) for shard in self.shards.parts]

    def statistics(self) -> StatisticsSource | None:
        """What measures of the whole set are finished from; None where none was asked for."""
        if not self.job.work.pooled:
            return None
        if self.shards.form == "rows":
            vectors = ChunkedVectors(self.run, self.chunks(), self.job.work.streams)
            return VectorSource(vectors, self.job.groups(), self.job.plan)
        return MergedSource(self)

    def merged(self, kind: type[Statistic], stream: int, pooling: int, group: int, upto: int) -> Statistic:
        """One group's statistic over the shards before `upto`, in their order."""
        statistic, through = begin(kind), 0
        key = _merged_key(stream, pooling, group)
        if key in self._merged_keys:
            merged = self.run.load_chunk(key)
            through = int(merged[_THROUGH])
            statistic = kind.from_state(_ShardArrays.of(merged).states[state_name(stream, pooling, group, kind, "")])
        for shard in self.shards.parts[through:upto]:
            arrays = self._arrays(shard)
            if arrays.pooled is not None:
                members = np.flatnonzero(self.shards.group[shard.indices] == group)
                if len(members):
                    vectors = vectors_of(arrays.pooled, stream, pooling, self.shards.kinds)
                    add(statistic, vectors, self.shards.keys[shard.indices], members)
                continue
            state = arrays.states.get(state_name(stream, pooling, group, kind, ""))
            if state is not None:
                statistic.merge(kind.from_state(state))
        return statistic

    def _arrays(self, shard: Shard) -> _ShardArrays:
        if shard.key not in self._read:
            self._read[shard.key] = _ShardArrays.of(self.run.load_chunk(shard.key))
        return self._read[shard.key]

    def _merge_if_large(self) -> None:
        while self._front in self.done:
            shard = self.shards.parts[self._front]
            self._unmerged += [shard] if self._arrays(shard).bytes else []
            self._front += 1
        if sum(self._arrays(shard).bytes for shard in self._unmerged) <= self.shards.size.accumulators:
            return
        streams, groups = range(len(self.job.work.streams)), range(int(self.shards.group.max()) + 1)
        map_on_cores(
            lambda place: self._merge_one(*place, self._front),
            [(stream, pooling, group) for stream in streams for pooling in range(len(POOLINGS)) for group in groups],
        )
        # Only now: killed before, every merged file says itself how far it goes.
        for shard in self._unmerged:
            light = {name: array for name, array in self.run.load_chunk(shard.key).items() if not _is_heavy(name)}
            self.run.save_chunk(shard.key, light)
            del self._read[shard.key]
        self._unmerged = []
        release_freed_memory()

    def _merge_one(self, stream: int, pooling: int, group: int, upto: int) -> None:
        arrays = {_THROUGH: np.array(upto)}
        for kind in self.shards.kinds:
            for name, array in self.merged(kind, stream, pooling, group, upto).state().items():
                arrays[state_name(stream, pooling, group, kind, name)] = array
        key = _merged_key(stream, pooling, group)
        self.run.save_chunk(key, arrays)
        self._merged_keys.add(key)


@dataclass(frozen=True)
class _ShardArrays:
    """What dataset measures need of one chunk on disk, mapped: its vectors, or the states of its statistics by their prefix."""

    pooled: np.ndarray | None
    states: dict[str, dict[str, np.ndarray]]
    bytes: int

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> _ShardArrays:
        states: dict[str, dict[str, np.ndarray]] = {}
        for name, array in arrays.items():
            if name.startswith(STATE):
                prefix, _, short = name.rpartition("/")
                states.setdefault(f"{prefix}/", {})[short] = array
        return cls(arrays.get(POOLED), states, sum(array.nbytes for name, array in arrays.items() if _is_heavy(name)))


@dataclass(frozen=True)
class MergedSource:
    """Statistics of every stream, merged from shards when asked for."""

    store: ShardStore

    @property
    def streams(self) -> Sequence[tuple[int, str]]:
        return self.store.job.work.streams

    @property
    def poolings(self) -> Sequence[str]:
        return POOLINGS

    def layer(self, stream: int, pooling: int) -> LayerStatistics:
        return MergedLayer(self.store, stream, pooling)


@dataclass(frozen=True)
class MergedLayer:
    """Statistics of one stream and one way of pooling."""

    store: ShardStore
    stream: int
    pooling: int

    @property
    def count(self) -> int:
        return len(self.store.shards.group)

    @property
    def width(self) -> int:
        return self.store.job.width

    def of(self, kind: type[Statistic]) -> list[Statistic] | None:
        if kind is LayerPair and self.stream == 0:
            return None
        if kind in (ViewScatter, ViewRows) and not self.store.job.work.views:
            return None
        groups = range(int(self.store.shards.group.max()) + 1)
        upto = len(self.store.shards.parts)
        return [self.store.merged(kind, self.stream, self.pooling, group, upto) for group in groups]


def _merged_key(stream: int, pooling: int, group: int) -> str:
    return f"merged-{stream:04d}-{pooling}-{group:03d}"


def _is_heavy(name: str) -> bool:
    return name == POOLED or name.startswith(STATE)
