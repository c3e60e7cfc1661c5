"""What the statistics of a whole set of prompts cost in bytes, as rows and as accumulators."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from gramian.layers._layer_statistics import CAPACITIES
from gramian.quality import LayerPair, Moments, Rows, Statistic, ViewRows, ViewScatter

_ROW = 4  # pooled vectors are float32
_SUM = 8  # sums are float64
ALL_KINDS: tuple[type[Statistic], ...] = (Moments, Rows, ViewScatter, ViewRows, LayerPair)


@dataclass(frozen=True)
class Footprint:
    """Bytes of everything that dataset measures of one run are finished from.

    Attributes:
        rows: the pooled vectors of every prompt and view.
        accumulators: the statistics, once the vectors have been added to them.
        stream: the part of `accumulators` of one stream and one pooling: all groups.
    """

    rows: int
    accumulators: int
    stream: int

    @property
    def smaller(self) -> str:
        """`rows` while they take no more than the accumulators, else `moments`."""
        return "rows" if self.rows <= self.accumulators else "moments"


def footprint(
    *,
    prompts: int,
    width: int,
    streams: int,
    views: int,
    groups: int,
    poolings: int = 2,
    kinds: Collection[type[Statistic]] = ALL_KINDS,
) -> Footprint:
    """Bytes of the vectors of a run, and of the statistics that take their place.

    Rows grow with the prompts and stay small while there are fewer than dimensions. Accumulators have d x d sums for each stream,
    pooling and group of the jackknife, whatever the number of prompts.

    Args:
        prompts: of the corpus.
        width: d, of the states.
        streams: residual streams and the final-normed state.
        views: of each prompt, apart from the prompt itself.
        groups: of the jackknife.
        poolings: 2: with the first token and without.
        kinds: of statistics.

    Returns:
        A `Footprint`, exact but for a few hundred bytes of counts.
    """
    each = -(-prompts // groups)
    of_kind: dict[type[Statistic], Callable[[int], int]] = {
        Moments: _moments,
        Rows: lambda d: min(each, CAPACITIES[Rows]) * (_ROW * d + _SUM),
        ViewScatter: lambda d: _SUM * d * d + _moments(d),
        ViewRows: lambda d: min(each, CAPACITIES[ViewRows]) * (_ROW * d * views + _SUM),
        LayerPair: lambda d: _SUM * ((2 * d) ** 2 + 2 * d),
    }
    present = [kind for kind in kinds if views or kind not in (ViewScatter, ViewRows)]
    first = groups * sum(of_kind[kind](width) for kind in present if kind is not LayerPair)
    later = groups * sum(of_kind[kind](width) for kind in present)
    return Footprint(
        rows=prompts * (1 + views) * width * _ROW * streams * poolings,
        accumulators=poolings * (first + (streams - 1) * later),
        stream=later,
    )


def _moments(d: int) -> int:
    # Scatter, mean, sum of directions.
    return _SUM * (d * d + 2 * d)
