"""The sentences at the top of the page, each made from the numbers and left out when they do not carry it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gramian import quality
from gramian.report._cell_sentences import largest_change
from gramian.report._facts import title_of
from gramian.report._first_token import first_token, raw_mean
from gramian.report._numbers import layer_ranges
from gramian.report._score_sentences import best_and_last, recommended_layer
from gramian.report._sentences import Part, Sentence, layer_words, show, unit_words
from gramian.report._series import Point, Series
from gramian.report._source import Source

_FEW_PROMPTS = 30
_MOST_SENTENCES = 5


def headline(sources: list[Source]) -> list[Sentence]:
    """Three to five sentences where the numbers allow: warnings about the sample first, then what the layers show.

    Task scores come before what the measures say, because they are what a reader chooses a layer by. ``±`` is half the
    width of the 95 % interval. Two numbers are called different only when their intervals are disjoint.
    """
    warnings = list(_warnings(sources))[:2]
    findings = list(_of_one(sources[0]) if len(sources) == 1 else _of_several(sources))
    told = [sentence for sentence in findings if sentence is not None]
    return warnings + told[: max(1, _MOST_SENTENCES - len(warnings))]


def _of_one(source: Source) -> Iterator[Sentence | None]:
    yield best_and_last(0, source)
    yield recommended_layer(0, source)
    swallowed = raw_mean(0, source)
    yield swallowed
    yield largest_change(0, source)
    yield _compression(0, source)
    yield None if swallowed else first_token(0, source)
    yield _best_layers(0, source)
    yield _largest_rank(0, source)


def _of_several(sources: list[Source]) -> Iterator[Sentence | None]:
    places = list(enumerate(sources))
    scored = [(at, one) for at, one in places if all(one.scores is not other.scores for other in sources[:at])]
    yield from (best_and_last(place, source, named=True) for place, source in scored)
    for place, source in places:
        if all(source.recommendation is not other.recommendation for other in sources[:place]):
            yield recommended_layer(place, source, named=True)
    yield from (raw_mean(place, source, named=True) for place, source in scored)
    yield from (largest_change(place, source, named=True) for place, source in places)
    yield _side_by_side(sources, "prompt_entropy", np.argmin, "lowest")
    for measure in ("lidar", "effective_rank"):
        yield _side_by_side(sources, measure, np.argmax, "highest")
    yield from (first_token(place, source, named=True) for place, source in places if not raw_mean(place, source))


def _warnings(sources: list[Source]) -> Iterator[Sentence]:
    """The warnings of each source; what is said of several in the same words is said once."""
    found: dict[str, list[tuple[Source, Sentence]]] = {}
    for place, source in enumerate(sources):
        for sentence in _warnings_of(place, source):
            found.setdefault(sentence.text, []).append((source, sentence))
    for told in found.values():
        labels = [source.label for source, _ in told]
        whose = (Part(f"{' and '.join(labels)}: "),) if len(labels) < len(sources) else ()
        yield Sentence(told[0][1].kind, (*whose, *told[0][1].parts))


def _warnings_of(place: int, source: Source) -> Iterator[Sentence]:
    sizes = [
        point.n for variants in source.series.values() for series in variants for point in series.known if point.n > 0
    ]
    if sizes and min(sizes) < _FEW_PROMPTS:
        parts = (
            Part("Only "),
            Part(f"{min(sizes):.0f} prompts", "table", source=place),
            Part(" were measured: intervals are wide, and differences between layers may be chance."),
        )
        yield Sentence("warning", parts)
    for why, measures in _too_small(source).items():
        titles = [title_of(measure) for measure in measures]
        shown = ", ".join(titles[:3]) + (f" and {len(titles) - 3} more measures" if len(titles) > 3 else "")
        parts = (Part("Small sample for "), Part(shown, f"m-{measures[0]}", source=place), Part(f": {why}"))
        yield Sentence("warning", parts)


def _too_small(source: Source) -> dict[str, list[str]]:
    """The run's own warnings, ``measure: why``, put together where the reason is the same."""
    known = {measure.name for measure in quality.available()}
    grouped: dict[str, list[str]] = {}
    for warning in source.manifest.get("warnings") or []:
        measure, _, why = str(warning).partition(": ")
        # The first token's weight is a finding, with a sentence of its own.
        if why and measure in known and measure != "sink_share":
            grouped.setdefault(why, []).append(measure)
    return grouped


def _compression(place: int, source: Source) -> Sentence | None:
    series = source.first("prompt_entropy")
    if series is None or len(series.known) < 3:
        return None
    points = series.known
    first, last = points[0], points[-1]
    lowest = min(points, key=lambda point: point.value)
    if lowest is first or lowest.overlaps(first):
        return _expansion(place, source, series)
    unit = unit_words(series)
    fall = [
        Part("Prompt entropy", "m-prompt_entropy", source=place),
        Part(f" falls from {show(first)}{unit} at {_name(first, first)} to "),
        Part(f"{show(lowest)} at {_name(lowest, last)}", "m-prompt_entropy", lowest.layer, place),
    ]
    if lowest is last:
        return Sentence("finding", (*fall, Part(": it is compressed to the end and does not recover.")))
    recovers = not last.overlaps(lowest)
    end = (
        f" and recovers to {show(last)} at the last"
        if recovers
        else ", and the last layer cannot be told from the lowest"
    )
    return Sentence("finding", (*fall, Part(f"{end}: {_where(source, points, lowest)}")))


def _where(source: Source, points: tuple[Point, ...], lowest: Point) -> str:
    tied = [point.layer for point in points if point.overlaps(lowest)]
    deepest = f"the deepest compression is at {source.percent(lowest.layer)} % of the depth"
    return f"{deepest} (layers {layer_ranges(tied)} share its interval)." if len(tied) > 1 else f"{deepest}."


def _expansion(place: int, source: Source, series: Series) -> Sentence | None:
    first, last = series.known[0], series.known[-1]
    highest = max(series.known, key=lambda point: point.value)
    if highest.overlaps(first):
        return None
    parts = (
        Part("Prompt entropy", "m-prompt_entropy", source=place),
        Part(f" rises from {show(first)}{unit_words(series)} at {_name(first, first)} to "),
        Part(f"{show(highest)} at {_name(highest, last)}", "m-prompt_entropy", highest.layer, place),
        Part(f", {source.percent(highest.layer)} % of the depth: no layer compresses below the input."),
    )
    return Sentence("finding", parts)


def _best_layers(place: int, source: Source) -> Sentence | None:
    lidar = _extreme(source, ("lidar", "lidar_entropy"), highest=True)
    bound = _extreme(source, ("infonce_bound",), highest=True) or _extreme(source, ("infonce",), highest=False)
    told = [entry for entry in (lidar, bound) if entry is not None]
    if not told:
        return None
    parts: list[Part] = []
    for series, best, tied in told:
        title = {"lidar": "LiDAR", "lidar_entropy": "LiDAR entropy", "infonce_bound": "the InfoNCE bound"}
        name = title.get(series.measure, "the InfoNCE loss")
        verb = "is lowest" if series.measure == "infonce" else "peaks"
        parts += [
            Part(" and " if parts else ""),
            Part(name[0].upper() + name[1:] if not parts else name, f"m-{series.measure}", source=place),
            Part(f" {verb} at "),
            Part(
                f"layer {best.layer} ({source.percent(best.layer)} % of the depth)",
                f"m-{series.measure}",
                best.layer,
                place,
            ),
            Part(
                f" with {show(best)}{unit_words(series)}" + (f", level with {_others(tied, best)}" if tied[1:] else "")
            ),
        ]
    if len(told) == 2:
        shared = sorted(set(told[0][2]) & set(told[1][2]))
        verdict = f"both allow {layer_words(shared)}" if shared else "their intervals share no layer"
        parts.append(Part(f"; {verdict}"))
    return Sentence("finding", (*parts, Part(".")))


def _largest_rank(place: int, source: Source) -> Sentence | None:
    found = _extreme(source, ("effective_rank",), highest=True)
    if found is None:
        return None
    series, best, _ = found
    least = min(series.known, key=lambda point: point.value)
    if least.overlaps(best):
        return None
    parts = (
        Part("Effective rank", "m-effective_rank", source=place),
        Part(f" is between {show(least)} (layer {least.layer}) and "),
        Part(f"{show(best)} (layer {best.layer})", "m-effective_rank", best.layer, place),
        Part(" dimensions over the corpus."),
    )
    return Sentence("finding", parts)


def _extreme(source: Source, measures: tuple[str, ...], *, highest: bool) -> tuple[Series, Point, list[int]] | None:
    """The best layer and all whose interval overlaps its own; None when that is half of the layers or more."""
    for measure in measures:
        series = source.first(measure)
        if series is None or len(series.known) < 3:
            continue
        best = (max if highest else min)(series.known, key=lambda point: point.value)
        tied = [point.layer for point in series.known if point.overlaps(best)]
        if len(tied) * 2 < len(series.known):
            return series, best, tied
    return None


def _side_by_side(sources: list[Source], measure: str, pick: Callable[..., object], word: str) -> Sentence | None:
    told = []
    for place, source in enumerate(sources):
        series = source.first(measure)
        if series is None or len(series.known) < 3:
            continue
        best = series.known[int(np.asarray(pick([point.value for point in series.known])))]
        told.append((place, source, series, best))
    if len(told) < 2:
        return None
    parts = [Part(title_of(measure), f"m-{measure}"), Part(f" is {word} at ")]
    for number, (place, source, series, best) in enumerate(told):
        parts += [
            Part(_place_in_depth(source, best), f"m-{measure}", best.layer, place),
            Part(f" in {source.label} ({show(best)}{unit_words(series)})"),
            Part("." if number == len(told) - 1 else (" and at " if number == len(told) - 2 else ", at ")),
        ]
    return Sentence("finding", tuple(parts))


def _place_in_depth(source: Source, point: Point) -> str:
    if point.layer == 0:
        return "the input"
    return "the last layer" if point.layer == source.depth else f"{source.percent(point.layer)} % of the depth"


def _others(tied: list[int], best: Point) -> str:
    rest = [layer for layer in tied if layer != best.layer]
    return layer_words(rest)


def _name(point: Point, last: Point) -> str:
    if point.layer == 0:
        return "the input"
    return "the last layer" if point is last and point.layer else f"layer {point.layer}"
