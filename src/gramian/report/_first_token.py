"""What the first token does to a stream, said where it carries most of the squared norm."""

from __future__ import annotations

from gramian.report._numbers import plain, with_uncertainty
from gramian.report._scores import mean_over_tasks
from gramian.report._sentences import Part, Sentence, layer_words, lower, percent, show, unit_words, upper
from gramian.report._series import Point, Series
from gramian.report._source import Source
from gramian.report._variants import parse_variant, sibling

_DOMINANT_SHARE = 0.5
_OVERWHELMING_SHARE = 0.9
RAW_MEAN = "pooling=mean;normalize=raw"
WITHOUT_FIRST = "pooling=mean_no_first;normalize=raw"


def swallowed_layers(share: Series | None) -> list[int]:
    """The layers whose raw mean is mostly the first token: it outweighs the others' sum, not just their squares."""
    return [point.layer for point in share.known if lower(point) > _OVERWHELMING_SHARE] if share else []


def first_token(place: int, source: Source, *, named: bool = False) -> Sentence | None:
    """How much of the squared norm the first token carries, and what that does to prompt entropy."""
    share = source.first("sink_share")
    whose = [Part(f"{source.label}: ")] if named else []
    if share is None or not share.known:
        return None
    heavy = [point for point in share.known if lower(point) > _DOMINANT_SHARE]
    subject = Part("the first token" if heavy or named else "The first token", "m-sink_share", source=place)
    if not heavy:
        largest = max(share.known, key=lambda point: point.value)
        if upper(largest) >= _DOMINANT_SHARE:
            return None
        amount = f" never carries more than {percent(largest)} of the squared norm"
        rest = Part(f"{amount} (layer {largest.layer}): no layer is dominated by it.")
        return Sentence("finding", (*whose, subject, rest))
    largest = max(heavy, key=lambda point: point.value)
    lead = f"at {layer_words([point.layer for point in heavy])}, "
    parts = [
        *whose,
        Part(lead if named else lead.capitalize()),
        subject,
        Part(" carries up to "),
        Part(percent(largest), "m-sink_share", largest.layer, place),
        Part(f" of the squared norm (layer {largest.layer})"),
    ]
    mostly = largest.layer in swallowed_layers(share)
    closing = ": a mean over raw tokens is mostly that token." if mostly else "."
    return Sentence("finding", (*parts, Part(_with_and_without(source, largest.layer) + closing)))


def raw_mean(place: int, source: Source, *, named: bool = False) -> Sentence | None:
    """That the raw mean of the tasks' texts is mostly their first token, from which layer to which, and what that costs."""
    layers = swallowed_layers(source.task_sink)
    readings = {series.variant for task in source.scores for series in task.readings}
    if not layers or not source.task_sink or RAW_MEAN not in readings:
        return None
    largest = max(source.task_sink.known, key=lambda point: point.value)
    whose = f"{source.label}: " if named else ""
    start = f"raw mean pooling is mostly the first token at {layer_words(layers)}"
    parts = [
        Part(f"{whose}{start if named else start[0].upper() + start[1:]}", "tasks", source=place),
        Part(", where it carries up to "),
        Part(percent(largest), "m-sink_share" if "sink_share" in source.series else "tasks", largest.layer, place),
        Part(f" of the squared norm{_cost(source, layers)}."),
    ]
    return Sentence("finding", tuple(parts))


def _cost(source: Source, layers: list[int]) -> str:
    means = [mean_over_tasks(source.scores, reading) for reading in (RAW_MEAN, WITHOUT_FIRST)]
    whole = [mean for mean in means if mean is not None]
    if len(whole) < 2:
        return ""
    pairs = [(there, here) for layer in layers if (here := whole[0].at(layer)) and (there := whole[1].at(layer))]
    if not pairs:
        return ""
    without, with_first = max(pairs, key=lambda pair: pair[0].value - pair[1].value)
    if without.value <= with_first.value:
        return "; leaving it out scores no higher there"
    subject = "the score" if len(source.scores) == 1 else "the mean score"
    return f"; leaving it out lifts {subject} by up to {_difference(without, with_first)} (layer {without.layer})"


def _difference(one: Point, other: Point) -> str:
    halves = [half for point in (one, other) if (half := point.half_width) is not None]
    difference = one.value - other.value
    if len(halves) < 2:
        return plain(difference)
    return with_uncertainty(difference, (halves[0] ** 2 + halves[1] ** 2) ** 0.5)


def _with_and_without(source: Source, layer: int) -> str:
    with_first = source.first("prompt_entropy")
    if with_first is None or parse_variant(with_first.variant).get("tokens") != "all":
        return ""
    wanted = sibling(with_first.variant, tokens="no_first")
    without = next((series for series in source.series["prompt_entropy"] if series.variant == wanted), None)
    here, there = with_first.at(layer), without.at(layer) if without else None
    if here is None or there is None or here.overlaps(there):
        return ""
    return f"; prompt entropy there is {show(here)} with it and {show(there)}{unit_words(with_first)} without"
