"""Agreement between measures and task scores over the layers of a model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gramian.downstream._agreement.block_bootstrap import LEAST_LAYERS
from gramian.downstream._agreement.estimates import FEWEST_LAYERS, BootstrapSettings, estimate_pairs
from gramian.downstream._agreement.pairs import PairAgreement
from gramian.downstream._agreement.readings import is_reading, mismatch
from gramian.downstream._agreement.series import TableNames, read_series
from gramian.downstream._agreement.signs import sign_warnings
from gramian.downstream._tables.columns import TableLike
from gramian.downstream._tables.layers import LayerSeries

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Agreement", "agreement"]

_Pair = tuple[PairAgreement, LayerSeries, LayerSeries]


@dataclass(frozen=True)
class Agreement:
    """Agreement of every measure with every task.

    Attributes:
        pairs: One entry a pair, in the order of the tables.
        warnings: What a reader must know, in sentences: signs that differ, intervals that were refused, series that are constant.
    """

    pairs: tuple[PairAgreement, ...]
    warnings: tuple[str, ...]

    @property
    def table(self) -> pa.Table:
        """The pairs as a table, one row each; the group's columns first."""
        import pyarrow as pa

        return pa.Table.from_pylist(self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """The pairs as plain mappings, for JSON."""
        return [dict(pair.group) | {k: v for k, v in asdict(pair).items() if k != "group"} for pair in self.pairs]


def agreement(
    table: TableLike,
    scores: TableLike | None = None,
    *,
    layer: str = "layer",
    measure: str = "measure",
    task: str = "task",
    value: str = "value",
    measures: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    by: Sequence[str] | None = None,
    split: str | None = None,
    block: int | None = None,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Agreement:
    """Spearman's, Kendall's and distance correlation of every measure with every task over layers.

    Tables may come from our runs or from anybody. *Long*: one row a layer and quantity, with a column that names it
    (`measure`, `task`) and one with its value. *Wide*: one row a layer, one column a quantity. Layers may stand in any order, as numbers or
    in names (`layer_10`), and need not be the same for every quantity: a pair is compared on the layers that have both. In
    our own tables only the residual stream is taken, scores are the main ones, a measure is paired with the readings of the
    same vectors where there are any, and runs are joined by model and revision.

    Intervals come from a moving-block bootstrap, since neighbouring layers are alike and an ordinary bootstrap would take them for
    independent: expanded percentiles of resamples made of blocks of `block_length(layers)` layers. Below `LEAST_LAYERS`
    layers an interval is refused: there are fewer than four blocks. The bootstrap takes the series for stationary; a
    trend that both share counts as agreement.

    Source: [skean2025] for the three coefficients over layers, [kunsch1989] and [hesterberg2015] for the intervals.

    Args:
        table: Measures; with the scores in it as well where `scores` is not given.
        scores: Scores.
        layer: Column of the layer.
        measure: Column that names the measure in a long table.
        task: Column that names the task in a long table.
        value: Column of the value in a long table.
        measures: Keep these measures only: names in a long table, columns in a wide one. Default: all, in a wide table all columns of
            numbers that are nothing else.
        tasks: Likewise for tasks. Needed where one table holds both and does not tell them apart.
        by: Columns that tell sequences of layers apart. Default: `model` and `revision`, where the tables have them.
        split: Of the scores; default: `test` where there is one, else the mean over splits.
        block: Layers in a block of the bootstrap; None for the rule.
        resamples: Of the bootstrap.
        confidence: Of the intervals, between 0 and 1.
        seed: Of the bootstrap.

    Returns:
        The pairs and the warnings.

    Raises:
        ValueError: A column that is not there, a cell that is neither number nor missing, two rows for one quantity and
            layer, no measure or no task, or an argument out of range.
        TypeError: Something that is no table.

    Cost: O(pairs x resamples x layers^2).

    >>> rows = [{"layer": f"layer_{k}", "rank": k * k, "STS": 1.0 - 0.01 * k} for k in range(12)]
    >>> agreement(rows, tasks=["STS"]).pairs[0].spearman
    -1.0
    """
    _check(resamples=resamples, confidence=confidence, block=block, seed=seed)
    names = TableNames(layer=layer, measure=measure, task=task, value=value)
    found = read_series(table, scores, names=names, measures=measures, tasks=tasks, by=by, split=split)
    pairs = list(_pairs(found.measures, found.scores, found.by))
    if not pairs:
        raise ValueError(
            f"table: expected a measure and a task of the same {' and '.join(found.by) or 'table'}; got "
            f"{len(found.measures)} measures and {len(found.scores)} tasks without a common one. "
            "Give runs of the same model, or name the columns that tell models apart with by."
        )
    settings = BootstrapSettings(block=block, resamples=resamples, confidence=confidence, seed=seed)
    done = tuple(estimate_pairs(pairs, settings))
    return Agreement(pairs=done, warnings=(*_missing_warnings(done), *sign_warnings(done)))


def _check(*, resamples: int, confidence: float, block: int | None, seed: int) -> None:
    if resamples < 100:
        raise ValueError(f"resamples: expected at least 100; got {resamples}. 2000 is the default.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a share between 0 and 1; got {confidence}. 0.95 is the default.")
    if block is not None and block < 1:
        raise ValueError(f"block: expected at least 1 layer; got {block}. Leave it out for the rule.")
    if seed < 0:
        raise ValueError(f"seed: expected at least 0; got {seed}. Any whole number from 0 will do.")


def _pairs(measures: Sequence[LayerSeries], scores: Sequence[LayerSeries], by: Sequence[str]) -> Iterator[_Pair]:
    tasks = {score.name for score in scores}
    for score in scores:
        reading = score.labels.get("variant", "")
        # A measure of one task's own texts says nothing of another task.
        elsewhere = tasks - {score.name}
        same = [one for one in measures if one.group == score.group and one.labels.get("corpus") not in elsewhere]
        differs = {
            id(one): mismatch(one.labels.get("variant", ""), one.labels.get("condition", ""), reading) for one in same
        }
        for one in same:
            note = differs[id(one)]
            # Another variant of the measure is of the very vectors that were scored: this one would only confuse.
            if note and any(
                differs[id(other)] is None
                and other.name == one.name
                and other.labels.get("corpus") == one.labels.get("corpus")
                for other in same
            ):
                continue
            yield (
                PairAgreement(
                    group=tuple(zip(by, score.group, strict=True)),
                    measure=one.name,
                    variant=one.labels.get("variant", ""),
                    corpus=one.labels.get("corpus", ""),
                    condition=one.labels.get("condition", ""),
                    task=score.name,
                    reading=reading,
                    matched=(note is None) if is_reading(reading) else None,
                    layers=0,
                    note=note,
                ),
                one,
                score,
            )


def _missing_warnings(pairs: Sequence[PairAgreement]) -> list[str]:
    """What could not be computed, one sentence a reason."""
    sentences = []
    short = sorted({pair.layers for pair in pairs if FEWEST_LAYERS <= pair.layers < LEAST_LAYERS})
    if short:
        counts = " and ".join(str(count) for count in short)
        sentences.append(
            f"No interval for pairs over {counts} layers: neighbouring layers depend on each other, and below {LEAST_LAYERS} "
            "there are too few stretches of them to tell chance from agreement."
        )
    undefined: dict[str, list[str]] = {}
    for pair in pairs:
        if math.isnan(pair.spearman) and pair.note:
            reason = pair.note.rpartition("undefined: ")[2]
            undefined.setdefault(reason, []).append(f"{pair.quantity} with {pair.task}")
    for reason, which in undefined.items():
        more = f" and {len(which) - 3} more pairs" if len(which) > 3 else ""
        sentences.append(f"Not defined for {', '.join(which[:3])}{more}: {reason}.")
    return sentences
