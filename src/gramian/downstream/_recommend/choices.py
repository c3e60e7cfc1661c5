"""Which stream a label-free rule names, from a table of measures."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gramian.downstream._agreement.readings import FINAL_NORMED, is_reading, mismatch, pairs_of
from gramian.downstream._recommend.rules import Rule
from gramian.downstream._recommend.scores import Stream, stream_order
from gramian.downstream._tables.columns import Columns, number
from gramian.downstream._tables.layers import layer_number, required, text_of

__all__ = ["MeasureCurve", "RuleChoice", "choose", "is_plain", "measure_curves"]

# Of the variants of one measure, those that the sources' rules are about.
_PLAIN = {"alpha": "1", "norm": "raw"}


@dataclass(frozen=True)
class MeasureCurve:
    """A measure in one variant on one corpus, for every stream."""

    measure: str
    variant: str
    corpus: str
    condition: str
    values: Mapping[Stream, float]


@dataclass(frozen=True)
class RuleChoice:
    """What a rule names.

    Attributes:
        layer: The layer.
        stream: Its stream.
        value: The measure there.
        variant: Of the measure.
        corpus: What it was measured on.
        matched: Whether it is of the vectors that are read; None where the scores do not say how they were read.
        note: What differs, or what was not measured; None where there is nothing to say.
    """

    layer: int
    stream: str
    value: float
    variant: str
    corpus: str
    matched: bool | None
    note: str | None


def measure_curves(columns: Columns, *, by: Sequence[str], group: tuple[str, ...]) -> list[MeasureCurve]:
    """The curves of one model in a table of measures, under natural conditions.

    Raises:
        ValueError: A missing column, a cell that is no number, or two rows for one measure and stream.
    """
    required(columns, ["layer", "measure", "value", *by], "measures")
    found: dict[tuple[str, str, str, str], dict[Stream, float]] = {}

    def cell(name: str, row: int) -> str:
        return text_of(columns[name][row]) if name in columns else ""

    for row in range(len(columns["layer"])):
        condition = cell("condition", row)
        if tuple(cell(column, row) for column in by) != group or not _is_natural(condition):
            continue
        where = f"measures, row {row + 1}"
        key = (cell("measure", row), cell("variant", row), cell("corpus", row), condition)
        stream = (layer_number(columns["layer"][row], where=where), cell("stream", row) or "residual")
        values = found.setdefault(key, {})
        if stream in values:
            raise ValueError(
                f"measures: expected one row for each measure and layer; got two for layer {stream[0]} of {key[0]} "
                f"({key[1] or 'no variant'}, {key[2] or 'no corpus'}). Give each run once."
            )
        values[stream] = number(columns["value"][row], where=where)
    return [MeasureCurve(*key, values=values) for key, values in found.items()]


def choose(
    rule: Rule,
    curves: Sequence[MeasureCurve],
    *,
    reading: str,
    streams: Collection[Stream],
    corpus: str | None,
    task: str | None = None,
    tasks: Collection[str] = (),
) -> RuleChoice | None:
    """The stream a rule names; of equal values the shallowest.

    Args:
        rule: The rule.
        curves: Of one model.
        reading: How vectors are read: the variant of the same vectors is taken, or the note says what differs.
        streams: The candidates.
        corpus: Which corpus, where there are several.
        task: Measures of this task's own texts come before others.
        tasks: All tasks: a measure of another task's texts is no choice.

    Returns:
        The choice, or None where the measure is not there for two candidates or more.

    Raises:
        ValueError: Several corpora and none named.
    """
    fitting = [one for one in curves if one.measure == rule.measure and is_plain(one.variant)]
    if task is not None and any(one.corpus == task for one in fitting):
        fitting = [one for one in fitting if one.corpus == task]
    else:
        fitting = [one for one in fitting if one.corpus not in tasks]
        names = list(dict.fromkeys(one.corpus for one in fitting))
        if corpus is not None:
            fitting = [one for one in fitting if one.corpus == corpus]
        elif len(names) > 1:
            raise ValueError(
                f"corpus: expected one of {', '.join(names)}, on all of which {rule.measure} was measured; got none. Name one."
            )
    if not fitting:
        return None
    curve = min(fitting, key=lambda one: _distance(mismatch(one.variant, one.condition, reading)))
    there = {s: v for s, v in curve.values.items() if s in streams and math.isfinite(v)}
    if len(there) < 2:
        return None
    sign = 1 if rule.direction == "least" else -1
    layer, stream = min(there, key=lambda one: (sign * there[one], stream_order(one)))
    differs = mismatch(curve.variant, curve.condition, reading)
    return RuleChoice(
        layer=layer,
        stream=stream,
        value=there[layer, stream],
        variant=curve.variant,
        corpus=curve.corpus,
        matched=differs is None if is_reading(reading) else None,
        note="; ".join(part for part in (differs, _unmeasured(streams, there)) if part) or None,
    )


def _is_natural(condition: str) -> bool:
    return condition in ("", "natural") or condition.endswith(FINAL_NORMED)


def is_plain(variant: str) -> bool:
    """Whether a variant is of order 1 and not normalised, where it says."""
    pairs = pairs_of(variant)
    return all(pairs.get(key, value) == value for key, value in _PLAIN.items())


def _distance(differs: str | None) -> int:
    return 0 if differs is None else 1 + differs.count(";")


def _unmeasured(streams: Collection[Stream], there: Mapping[Stream, float]) -> str | None:
    missing = sorted((one for one in streams if one not in there), key=stream_order)
    if not missing:
        return None
    names = [str(layer) if stream == "residual" else stream for layer, stream in missing]
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f"not measured at {shown}"
