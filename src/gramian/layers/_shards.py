"""Shards: parts of a run's prompts that are worked on apart, and merged in their order.

How a corpus is cut into shards depends on the corpus, the model and the plan alone, never on how many workers there are or which of
them was quicker. A shard comes back as accumulators: each prompt's own values, and what the measures of the whole set need of it, as
the vectors themselves while they are smaller than sums over them (`docs/design/accumulators.md`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from gramian.layers._accumulator_cost import AccumulatorCost, footprint
from gramian.layers._chunks import ChunkWork, compute_chunk, plan_chunks
from gramian.layers._job import Job
from gramian.layers._layer_statistics import LayerVectors, add, begin
from gramian.layers._layered_model import LanguageModel, VisionModel
from gramian.quality import LayerPair, Statistic

FORMS = ("auto", "rows", "moments")
POOLED = "pooled"
STATE = "state/"
POOLINGS = ("all", "no_first")


@dataclass(frozen=True)
class Shard:
    """Some whole chunks of a run.

    Attributes:
        number: its place in the order of merging.
        chunks: the prompts of each chunk.
    """

    number: int
    chunks: tuple[tuple[int, ...], ...]

    @property
    def key(self) -> str:
        """Its name in the run directory."""
        return f"shard-{self.number:06d}"

    @property
    def indices(self) -> list[int]:
        """Its prompts, in the order of their rows."""
        return [index for chunk in self.chunks for index in chunk]


@dataclass(frozen=True)
class Shards:
    """A run cut into shards.

    Attributes:
        parts: the shards, in the order of merging.
        form: `rows`: vectors are kept until the run is whole; `moments`: they give way to sums as soon as that is smaller.
        size: what either takes.
        kinds: the statistics that the run's measures are finished from.
        group: the jackknife's group of every prompt.
        keys: of every prompt in bounded samples.
    """

    parts: tuple[Shard, ...]
    form: str
    size: AccumulatorCost
    kinds: tuple[type[Statistic], ...]
    group: np.ndarray
    keys: np.ndarray

    @property
    def parameters(self) -> dict[str, Any]:
        """What two sessions must agree on, for the manifest."""
        cut = json.dumps([shard.chunks for shard in self.parts])
        return {"count": len(self.parts), "form": self.form, "hash": sha256(cut.encode()).hexdigest()}


@dataclass(frozen=True)
class ShardWork:
    """What a worker needs to know of a shard beside its prompts: plain data."""

    work: ChunkWork
    prompts: tuple[Any, ...]  # texts, or images that are not read yet
    chunks: tuple[tuple[int, ...], ...]  # places in `prompts`
    kinds: tuple[type[Statistic], ...]
    group: np.ndarray
    keys: np.ndarray
    fold: bool


def plan_shards(job: Job, *, tokens: int, form: str = "auto") -> Shards:
    """Cut a run into shards of whole chunks.

    Args:
        job: the run.
        tokens: most tokens of a shard, views included; a longer prompt is a shard of its own. At least 1.
        form: `rows`, `moments`, or `auto`: rows while all of them take no more room than the accumulators would.

    Raises:
        ValueError: for a number or a form out of range.
    """
    if tokens < 1:
        raise ValueError(f"shard_tokens: expected at least 1; got {tokens}. 16384 is the default")
    if form not in FORMS:
        raise ValueError(f"accumulators: expected one of {', '.join(FORMS)}; got {form!r}. Choose one of them")
    plan = job.plan
    groups = job.groups()
    group = np.empty(len(job.corpus.texts), dtype=np.int32)
    for number, members in enumerate(groups.members):
        group[members] = number
    kinds = tuple(dict.fromkeys(m.statistic for m in plan.measures if m.needs != "tokens"))
    size = footprint(
        prompts=len(group),
        width=job.width,
        streams=len(job.work.streams),
        views=job.work.views,
        groups=len(groups.members),
        poolings=len(POOLINGS),
        kinds=kinds,
    )
    chunks = plan_chunks(job.lengths, job.work.views, tokens=tokens)
    parts: list[list[tuple[int, ...]]] = []
    held = tokens
    for chunk in chunks:
        cost = job.cost(chunk)
        if held + cost > tokens:
            parts.append([])
            held = 0
        parts[-1].append(tuple(chunk))
        held += cost
    return Shards(
        parts=tuple(Shard(number, tuple(part)) for number, part in enumerate(parts)),
        form=size.smaller if form == "auto" else form,
        size=size,
        kinds=kinds,
        group=group,
        keys=groups.keys,
    )


def shard_work(job: Job, shards: Shards, shard: Shard) -> ShardWork:
    """What is sent to the worker that computes a shard."""
    indices = shard.indices
    group = shards.group[indices]
    smallest = min(int((group == number).sum()) for number in range(int(shards.group.max()) + 1))
    sizes = [len(chunk) for chunk in shard.chunks]
    starts = np.cumsum([0, *sizes])
    return ShardWork(
        work=job.work,
        prompts=tuple(job.corpus.prompts[i] for i in indices),
        chunks=tuple(tuple(range(start, start + size)) for start, size in zip(starts, sizes, strict=False)),
        kinds=shards.kinds,
        group=group,
        keys=shards.keys[indices],
        # While a group has fewer prompts than dimensions its rows are the smaller of the two, and nothing is lost by keeping them.
        fold=shards.form == "moments" and smallest >= job.width,
    )


def compute_shard(model: LanguageModel | VisionModel, shard: ShardWork) -> dict[str, np.ndarray]:
    """The accumulators of one shard, as arrays.

    Returns:
        Each prompt's values as in `compute_chunk`, and of the vectors either `pooled`, as there, or the state of each statistic
        under the name that `state_name` gives.

    Cost: the forward passes of its prompts and views; memory of its vectors, or of one accumulator for each stream, pooling and group.
    """
    own: dict[str, list[np.ndarray]] = {}
    held: dict[tuple[int, int, int], dict[type[Statistic], Statistic]] = {}
    for places in shard.chunks:
        arrays = compute_chunk(model, [shard.prompts[i] for i in places], shard.work)
        if shard.fold:
            _fold(held, shard, arrays.pop(POOLED), np.asarray(places))
        for name, array in arrays.items():
            own.setdefault(name, []).append(array)
    whole = {name: np.concatenate(parts, axis=-2 if name == POOLED else -1) for name, parts in own.items()}
    for (stream, pooling, group), statistics in held.items():
        for kind, statistic in statistics.items():
            for name, array in statistic.state().items():
                whole[state_name(stream, pooling, group, kind, name)] = array
    return whole


def _fold(
    held: dict[tuple[int, int, int], dict[type[Statistic], Statistic]],
    shard: ShardWork,
    pooled: np.ndarray,
    places: np.ndarray,
) -> None:
    groups = shard.group[places]
    for stream in range(len(pooled)):
        for pooling in range(len(POOLINGS)):
            vectors = vectors_of(pooled, stream, pooling, shard.kinds)
            for group in np.unique(groups):
                statistics = held.setdefault((stream, pooling, int(group)), {kind: begin(kind) for kind in shard.kinds})
                members = np.flatnonzero(groups == group)
                for statistic in statistics.values():
                    add(statistic, vectors, shard.keys[places], members)


def vectors_of(pooled: np.ndarray, stream: int, pooling: int, kinds: Sequence[type[Statistic]]) -> LayerVectors:
    """The vectors of one stream, from an array `(streams, poolings, 1 + views, prompts, d)`."""
    views = pooled[stream, pooling, 1:]
    pairs = stream > 0 and LayerPair in kinds
    return LayerVectors(
        embeddings=pooled[stream, pooling, 0],
        views=views.swapaxes(0, 1) if len(views) else None,
        previous=pooled[stream - 1, pooling, 0] if pairs else None,
    )


def state_name(stream: int, pooling: int, group: int, kind: type[Statistic], name: str) -> str:
    """What an array of a statistic's state is called among those of a shard; of no name, what all of them begin with."""
    return f"{STATE}{stream}/{pooling}/{group}/{kind.__name__}/{name}"
