"""The sentences at the top of the page, each made from the numbers and left out when they do not carry it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gramian.report._facts import title_of, unit_of
from gramian.report._numbers import layer_ranges, with_uncertainty
from gramian.report._series import Point, Series
from gramian.report._sources import Source
from gramian.report._variants import parse_variant, sibling

_FEW_PROMPTS = 30
_DOMINANT_SHARE = 0.5
_OVERWHELMING_SHARE = 0.9
_MOST_SENTENCES = 5


@dataclass(frozen=True)
class Part:
    """A piece of a sentence; with a panel it is a link there, with a layer following it also pins that layer."""

    text: str
    panel: str = ""
    layer: int | None = None
    source: int = 0


@dataclass(frozen=True)
class Sentence:
    """One statement; ``kind`` is ``warning`` (about the sample, said first) or ``finding``."""

    kind: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The statement without its links."""
        return "".join(part.text for part in self.parts)


def headline(sources: list[Source]) -> list[Sentence]:
    """Three to five sentences where the numbers allow: warnings about the sample first, then what the layers show.

    ``±`` is half the width of the 95 % interval. Two numbers are called different only when their intervals are
    disjoint.
    """
    warnings = [sentence for place, source in enumerate(sources) for sentence in _warnings(place, source, len(sources))]
    findings: list[Sentence | None] = []
    if len(sources) == 1:
        tell: list[Callable[[int, Source], Sentence | None]] = [_compression, _first_token, _best_layers, _largest_rank]
        findings = [sentence(0, sources[0]) for sentence in tell]
    else:
        findings = [_side_by_side(sources, "prompt_entropy", np.argmin, "lowest")]
        findings += [_side_by_side(sources, measure, np.argmax, "highest") for measure in ("lidar", "effective_rank")]
        findings += [_first_token(place, source, named=True) for place, source in enumerate(sources)]
    told = [sentence for sentence in findings if sentence is not None]
    return warnings[:2] + told[: max(1, _MOST_SENTENCES - len(warnings[:2]))]


def _warnings(place: int, source: Source, count: int) -> list[Sentence]:
    whose = f"{source.label}: " if count > 1 else ""
    sentences = []
    sizes = [
        point.n for variants in source.series.values() for series in variants for point in series.known if point.n > 0
    ]
    if sizes and min(sizes) < _FEW_PROMPTS:
        parts = (
            Part(f"{whose}Only "),
            Part(f"{min(sizes):.0f} prompts", "table", source=place),
            Part(" were measured: intervals are wide, and differences between layers may be chance."),
        )
        sentences.append(Sentence("warning", parts))
    for why, measures in _too_small(source).items():
        titles = [title_of(measure) for measure in measures]
        shown = ", ".join(titles[:3]) + (f" and {len(titles) - 3} more measures" if len(titles) > 3 else "")
        parts = (Part(f"{whose}Small sample for "), Part(shown, f"m-{measures[0]}", source=place), Part(f": {why}"))
        sentences.append(Sentence("warning", parts))
    return sentences


def _too_small(source: Source) -> dict[str, list[str]]:
    """The run's own warnings, ``measure: why``, put together where the reason is the same."""
    grouped: dict[str, list[str]] = {}
    for warning in source.manifest.get("warnings") or []:
        measure, _, why = str(warning).partition(": ")
        if why:
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
    unit = _unit(series)
    fall = [
        Part("Prompt entropy", "m-prompt_entropy", source=place),
        Part(f" falls from {_show(first)}{unit} at {_name(first, first)} to "),
        Part(f"{_show(lowest)} at {_name(lowest, last)}", "m-prompt_entropy", lowest.layer, place),
    ]
    if lowest is last:
        return Sentence("finding", (*fall, Part(": it is compressed to the end and does not recover.")))
    recovers = not last.overlaps(lowest)
    end = (
        f" and recovers to {_show(last)} at the last"
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
        Part(f" rises from {_show(first)}{_unit(series)} at {_name(first, first)} to "),
        Part(f"{_show(highest)} at {_name(highest, last)}", "m-prompt_entropy", highest.layer, place),
        Part(f", {source.percent(highest.layer)} % of the depth: no layer compresses below the input."),
    )
    return Sentence("finding", parts)


def _first_token(place: int, source: Source, *, named: bool = False) -> Sentence | None:
    share = source.first("sink_share")
    whose = [Part(f"{source.label}: ")] if named else []
    if share is None or not share.known:
        return None
    heavy = [point for point in share.known if _lower(point) > _DOMINANT_SHARE]
    subject = Part("the first token" if heavy or named else "The first token", "m-sink_share", source=place)
    if not heavy:
        largest = max(share.known, key=lambda point: point.value)
        if _upper(largest) >= _DOMINANT_SHARE:
            return None
        amount = f" never carries more than {_percent(largest)} of the squared norm"
        rest = Part(f"{amount} (layer {largest.layer}): no layer is dominated by it.")
        return Sentence("finding", (*whose, subject, rest))
    largest = max(heavy, key=lambda point: point.value)
    layers = [point.layer for point in heavy]
    lead = f"at layers {layer_ranges(layers)}, " if len(layers) > 1 else f"at layer {layers[0]}, "
    parts = [
        *whose,
        Part(lead if named else lead.capitalize()),
        subject,
        Part(" carries up to "),
        Part(_percent(largest), "m-sink_share", largest.layer, place),
        Part(f" of the squared norm (layer {largest.layer})"),
    ]
    # The mean of the raw vectors is that token only where it outweighs the others' sum, not just their squares.
    closing = ": a mean over raw tokens is mostly that token." if _lower(largest) > _OVERWHELMING_SHARE else "."
    return Sentence("finding", (*parts, Part(_with_and_without(source, largest.layer) + closing)))


def _with_and_without(source: Source, layer: int) -> str:
    with_first = source.first("prompt_entropy")
    if with_first is None or parse_variant(with_first.variant).get("tokens") != "all":
        return ""
    wanted = sibling(with_first.variant, tokens="no_first")
    without = next((series for series in source.series["prompt_entropy"] if series.variant == wanted), None)
    here, there = with_first.at(layer), without.at(layer) if without else None
    if here is None or there is None or here.overlaps(there):
        return ""
    return f"; prompt entropy there is {_show(here)} with it and {_show(there)}{_unit(with_first)} without"


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
            Part(f" with {_show(best)}{_unit(series)}" + (f", level with {_others(tied, best)}" if tied[1:] else "")),
        ]
    if len(told) == 2:
        shared = sorted(set(told[0][2]) & set(told[1][2]))
        verdict = f"both allow layer {layer_ranges(shared)}" if shared else "their intervals share no layer"
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
        Part(f" is between {_show(least)} (layer {least.layer}) and "),
        Part(f"{_show(best)} (layer {best.layer})", "m-effective_rank", best.layer, place),
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
            Part(f" in {source.label} ({_show(best)}{_unit(series)})"),
            Part("." if number == len(told) - 1 else (" and at " if number == len(told) - 2 else ", at ")),
        ]
    return Sentence("finding", tuple(parts))


def _place_in_depth(source: Source, point: Point) -> str:
    if point.layer == 0:
        return "the input"
    return "the last layer" if point.layer == source.depth else f"{source.percent(point.layer)} % of the depth"


def _others(tied: list[int], best: Point) -> str:
    rest = [layer for layer in tied if layer != best.layer]
    return f"{'layers' if len(rest) > 1 else 'layer'} {layer_ranges(rest)}"


def _lower(point: Point) -> float:
    return point.low if np.isfinite(point.low) else point.value


def _upper(point: Point) -> float:
    return point.high if np.isfinite(point.high) else point.value


def _show(point: Point) -> str:
    return with_uncertainty(point.value, point.half_width)


def _percent(point: Point) -> str:
    half = point.half_width
    return f"{with_uncertainty(100 * point.value, None if half is None else 100 * half)} %"


def _name(point: Point, last: Point) -> str:
    if point.layer == 0:
        return "the input"
    return "the last layer" if point is last and point.layer else f"layer {point.layer}"


def _unit(series: Series) -> str:
    unit = unit_of(series.measure)
    normalised = parse_variant(series.variant).get("norm", "raw") != "raw"
    return f" {unit}" if unit and not normalised else ""
