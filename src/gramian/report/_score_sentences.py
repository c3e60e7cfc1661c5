"""What the task scores say: the best layer against the last, and the recommended layer with its regret."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gramian.report._numbers import plain, with_uncertainty
from gramian.report._scores import mean_over_tasks
from gramian.report._sentences import Part, Sentence, show
from gramian.report._series import Point, Series
from gramian.report._source import Source
from gramian.report._variants import describe_variant


@dataclass(frozen=True)
class Verdict:
    """The best stream of a mean over tasks by one reading, and the last: what the model hands out."""

    series: Series
    best: Point
    last: Point

    @property
    def gain(self) -> float:
        """Best less last."""
        return self.best.value - self.last.value

    @property
    def half_width(self) -> float | None:
        """Of the gain, as if the two scores were independent: on the same texts they rise and fall together, so it is wide."""
        halves = [half for point in (self.best, self.last) if (half := point.half_width) is not None]
        return math.hypot(*halves) if len(halves) == 2 else None

    @property
    def clear(self) -> bool:
        """Whether the gain is more than its uncertainty."""
        return self.gain > (self.half_width or 0.0)


def verdict_of(source: Source) -> Verdict | None:
    """The recommended reading's verdict where there is one, else that of the reading with the highest mean score.

    None where no reading was used for every task, or at fewer than two streams.
    """
    readings = list(dict.fromkeys(series.variant for task in source.scores for series in task.readings))
    wanted = (source.recommendation or {}).get("reading")
    verdicts = [
        verdict
        for reading in ([wanted] if wanted in readings else readings)
        if (mean := mean_over_tasks(source.scores, reading)) and (verdict := _verdict(mean))
    ]
    return max(verdicts, key=lambda verdict: verdict.best.value, default=None)


def best_and_last(place: int, source: Source, *, named: bool = False) -> Sentence | None:
    """By how much the best layer beats the last on the tasks."""
    verdict = verdict_of(source)
    if verdict is None:
        return None
    tasks = source.scores
    whose = f"{source.label}, " if named else ""
    subject = tasks[0].name if len(tasks) == 1 else f"{len(tasks)} tasks"
    start = "on" if len(tasks) == 1 else "over"
    lead = [Part(f"{whose}{start} " if named else f"{start.capitalize()} "), Part(subject, "tasks", source=place)]
    reading = describe_variant(verdict.series.variant)
    best, last = verdict.best, verdict.last
    if best is last:
        which = "score" if len(tasks) == 1 else "mean score"
        rest = f", no layer’s {which} is above that of {_last_words(verdict)}: {show(last)} ({reading})."
        return Sentence("finding", (*lead, Part(rest)))
    verb = " scores highest" if len(tasks) == 1 else " has the highest mean score"
    parts = [
        *lead,
        Part(", "),
        Part(f"layer {best.layer} ({source.percent(best.layer)} % of the depth)", "tasks", best.layer, place),
        Part(f"{verb}: {show(best)} ({reading}), "),
    ]
    if verdict.clear or verdict.half_width is None:
        parts.append(Part(f"{with_uncertainty(verdict.gain, verdict.half_width)} above {_last_words(verdict)}"))
        parts.append(Part("" if verdict.half_width is not None else "; the run gives no uncertainty"))
    else:
        parts.append(Part(f"which cannot be told from {_last_words(verdict)} ({show(last)})"))
    return Sentence("finding", (*parts, Part(f"{_spread(source, verdict.series.variant)}.")))


def recommended_layer(place: int, source: Source, *, named: bool = False) -> Sentence | None:
    """The layer that `gramian recommend` chose, by which rule, and how far that rule falls behind the best layer."""
    document = source.recommendation
    chosen = (document or {}).get("recommended") or {}
    layer = chosen.get("layer")
    if document is None or not isinstance(layer, int):
        return None
    rule: Mapping[str, Any] = next(
        (one for one in document.get("rules", []) if one.get("rule") == chosen.get("rule")), {}
    )
    whose = f"{source.label}: recommended is " if named else "Recommended is "
    parts = [
        Part(whose),
        Part(f"layer {layer} ({source.percent(layer)} % of the depth)", "recommendation", layer, place),
        Part(f", by the rule “{rule.get('title') or chosen.get('rule')}”"),
    ]
    mean = rule.get("mean")
    if not mean:
        return Sentence("finding", (*parts, Part("; no task score has checked it.")))
    count = mean.get("tasks") or len(document.get("tasks", []))
    where = "on the task" if count == 1 else f"on average over {count} tasks"
    behind, ahead = _with_interval(mean, "regret_best"), _with_interval(mean, "gain_last")
    flattered = "" if mean.get("held_out") else ", chosen on the very scores it is judged by"
    rest = f": {where} the rule’s layer scores {behind} below the best and {ahead} above the last{flattered}."
    return Sentence("finding", (*parts, Part(rest)))


def _verdict(mean: Series) -> Verdict | None:
    streams = [*mean.known, *([mean.final] if mean.final is not None and np.isfinite(mean.final.value) else [])]
    if len(streams) < 2:
        return None
    last = streams[-1]
    best = max(streams, key=lambda point: point.value)
    return Verdict(mean, last if best.value == last.value else best, last)


def _last_words(verdict: Verdict) -> str:
    return "the last layer after the final norm" if verdict.last is verdict.series.final else "the last layer"


def _spread(source: Source, reading: str) -> str:
    """Where the best layers of the single tasks lie, when they are several."""
    series = [one for task in source.scores if (one := task.reading(reading)) and one.known]
    if len(series) < 2:
        return ""
    layers = [max(one.known, key=lambda point: point.value).layer for one in series]
    if min(layers) == max(layers):
        return f"; every task is best at layer {layers[0]}"
    return f"; the best layers of single tasks lie between {min(layers)} and {max(layers)}"


def _with_interval(numbers: Mapping[str, Any], name: str) -> str:
    value, low, high = (numbers.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return "an unknown amount"
    return with_uncertainty(value, (high - low) / 2) if low is not None and high is not None else plain(value)
