"""What the statistics of a whole set of prompts cost in bytes, as rows and as accumulators, before any model is loaded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gramian.layers._layer_statistics import CAPACITIES
from gramian.layers._plan import MeasurePlan
from gramian.quality import LayerPair, Moments, Rows, Statistic, ViewRows, ViewScatter

_ROW = 4  # pooled vectors are float32
_SUM = 8  # sums are float64
_KEY = 8
ALL_KINDS: tuple[type[Statistic], ...] = (Moments, Rows, ViewScatter, ViewRows, LayerPair)
_OF_VIEWS = (ViewScatter, ViewRows)


@dataclass(frozen=True)
class AccumulatorCost:
    """Bytes of everything that dataset measures of one run are finished from.

    Attributes:
        rows: on disk, the pooled vectors of every prompt and view.
        accumulators: on disk, the statistics once the vectors have been added to them.
        stream: the part of `accumulators` of one stream and one pooling: all groups.
        statistics: in memory, the statistics that are held at once while one stream and pooling is finished: those of the groups, of
            all prompts, and of all prompts but some groups, of the kind that takes most.
        vectors: in memory, the vectors of one stream and pooling, which are read whole where rows are kept.
    """

    rows: int
    accumulators: int
    stream: int
    statistics: int
    vectors: int

    @property
    def smaller(self) -> str:
        """`rows` while they take no more than the accumulators, else `moments`."""
        return "rows" if self.rows <= self.accumulators else "moments"

    @property
    def disk(self) -> int:
        """Most bytes of a sweep in the form that is smaller: of accumulators, as many again wait to be merged."""
        return self.rows if self.smaller == "rows" else 2 * self.accumulators

    @property
    def memory(self) -> int:
        """Bytes while one stream and pooling is finished, in the form that is smaller; temporaries of linear algebra are left out."""
        return self.statistics + (self.vectors if self.smaller == "rows" else 0)


def accumulator_cost(
    prompts: int,
    *,
    width: int,
    streams: int,
    views: int = 4,
    groups: int = 5,
    measures: Sequence[str] | None = None,
    poolings: int = 2,
) -> AccumulatorCost:
    """Bytes of the vectors of a run, and of the statistics that take their place.

    Rows grow with the prompts, and are the smaller of the two while there are fewer than a few times as many as dimensions.
    Accumulators have d x d sums for each stream, pooling and group of the jackknife, whatever the number of prompts.

    Args:
        prompts: of the corpus.
        width: d, of the states.
        streams: layers 0 to depth make depth + 1, and one more for the final-normed state.
        views: of each prompt, apart from the prompt itself; measures that read none do without.
        groups: of the jackknife.
        measures: names as in `measure`; None for all.
        poolings: 2: over all tokens, and without the first.

    Returns:
        An `AccumulatorCost`, exact but for a few hundred bytes of counts for each statistic.

    Raises:
        ValueError: a number below 1 (views: 0), or measures that are unknown or need views.

    >>> accumulator_cost(10_000, width=4096, streams=34, views=0).rows / 1e9
    11.14112
    >>> round(accumulator_cost(10_000, width=4096, streams=34, views=0, measures=["effective_rank"]).accumulators / 1e9)
    46
    """
    numbers = {"prompts": prompts, "width": width, "streams": streams, "groups": groups, "poolings": poolings}
    for name, value in numbers.items():
        if value < 1:
            raise ValueError(f"{name}: expected at least 1; got {value}. Correct it")
    if views < 0:
        raise ValueError(f"views: expected at least 0; got {views}. Correct it")
    plan = MeasurePlan.of(measures, orders=(1.0,), views=views, tokens=True)
    return footprint(
        prompts=prompts,
        width=width,
        streams=streams,
        views=views if plan.reads_views else 0,
        groups=min(groups, prompts),
        poolings=poolings,
        kinds=tuple(dict.fromkeys(m.statistic for m in plan.measures if m.needs != "tokens")),
    )


def footprint(
    *,
    prompts: int,
    width: int,
    streams: int,
    views: int,
    groups: int,
    poolings: int = 2,
    kinds: Collection[type[Statistic]] = ALL_KINDS,
) -> AccumulatorCost:
    """`accumulator_cost` of given kinds of statistics, whatever measures they are for."""
    each = -(-prompts // groups)
    present = [kind for kind in kinds if views or kind not in _OF_VIEWS]
    folded = {kind: _bytes_of_sums(kind, each, width, views) for kind in present}
    later = groups * sum(folded.values())
    first = later - groups * folded.get(LayerPair, 0)
    return AccumulatorCost(
        rows=prompts * (1 + views) * width * _ROW * streams * poolings if present else 0,
        accumulators=poolings * (first + (streams - 1) * later),
        stream=later,
        statistics=max((_bytes_held(kind, prompts, groups, width, views) for kind in present), default=0),
        # Beside the prompts' own vectors, their views' and those of the stream before.
        vectors=prompts * width * _ROW * (1 + views + (LayerPair in present)) if present else 0,
    )


def statistic_bytes(kind: type[Statistic], prompts: int, *, width: int, views: int) -> int:
    """Bytes of one statistic that has seen some prompts: rows while there are fewer than dimensions, then sums."""
    vectors = {ViewScatter: views, LayerPair: 2}.get(kind, 1)
    seen = prompts * views if kind is ViewScatter else prompts
    if kind in CAPACITIES or seen >= width:
        return _bytes_of_sums(kind, prompts, width, views)
    return prompts * vectors * width * _ROW


def _bytes_of_sums(kind: type[Statistic], prompts: int, d: int, views: int) -> int:
    moments = d * d + 2 * d  # scatter, mean, sum of directions
    means = moments if prompts >= d else prompts * d  # of each prompt's views, in float64
    if kind in CAPACITIES:
        return min(prompts, CAPACITIES[kind]) * (_ROW * d * (views if kind is ViewRows else 1) + _KEY)
    return _SUM * {Moments: moments, ViewScatter: d * d + means, LayerPair: (2 * d) ** 2 + 2 * d}[kind]


def _bytes_held(kind: type[Statistic], prompts: int, groups: int, width: int, views: int) -> int:
    """Of the jackknife: the groups, their union, and one union without some of them for each halving of the groups."""
    each = -(-prompts // groups)
    whole = statistic_bytes(kind, prompts, width=width, views=views)
    unions = 1 + (groups - 1).bit_length() if groups > 1 else 0
    return groups * statistic_bytes(kind, each, width=width, views=views) + unions * whole
