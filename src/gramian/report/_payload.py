"""The data block of the page: everything its panels draw, as compact JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from gramian.report._facts import facts_of
from gramian.report._numbers import compact
from gramian.report._provenance import provenance_line
from gramian.report._series import Series
from gramian.report._sources import Source
from gramian.report._variants import describe_variant, parse_variant

_NUMBERS = ("value", "low", "high", "stderr")
# Inside a script element only "<" could end it early or open a comment; the separators are line ends in old JavaScript.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def payload_of(sources: list[Source]) -> dict[str, Any]:
    """The data block as plain lists and dicts: ``runs``, ``measures``, ``variants``, ``provenance``."""
    measures = list(dict.fromkeys(measure for source in sources for measure in source.series))
    variants = _variants(sources)
    return {
        "runs": [_run(source) for source in sources],
        "measures": facts_of(measures),
        "variants": {
            variant: {"keys": parse_variant(variant), "words": describe_variant(variant)} for variant in variants
        },
        "provenance": provenance_line(sources),
    }


def to_json(payload: dict[str, Any]) -> str:
    r"""JSON that may stand inside a script element whatever text it holds.

    >>> to_json({"text": "</script>"})
    '{"text":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def _variants(sources: list[Source]) -> list[str]:
    found: dict[str, None] = {}
    for source in sources:
        found |= dict.fromkeys(series.variant for listed in source.series.values() for series in listed)
        found |= dict.fromkeys(str(entry["variant"]) for entry in [*source.distributions, *source.spectra])
    return list(found)


def _run(source: Source) -> dict[str, Any]:
    layers = source.layers
    return {
        "label": source.label,
        "identity": dict(source.identity),
        "directory": source.directory.name,
        "layers": layers,
        "depth": source.depth,
        "series": {
            measure: [_series(series, layers) for series in listed] for measure, listed in source.series.items()
        },
        "spectra": source.spectra,
        "distributions": source.distributions,
        "texts": dict(source.texts),
    }


def _series(series: Series, layers: list[int]) -> dict[str, Any]:
    points = {point.layer: point for point in series.points}
    columns: dict[str, Any] = {"variant": series.variant}
    for name in _NUMBERS:
        numbers = [getattr(points[layer], name) if layer in points else np.nan for layer in layers]
        columns[name] = compact(np.asarray(numbers))
    counts = [int(points[layer].n) if layer in points and np.isfinite(points[layer].n) else None for layer in layers]
    columns["n"] = counts[0] if len(set(counts)) == 1 else counts
    final = series.final
    columns["final"] = None
    if final is not None:
        columns["final"] = {name: compact(np.array([getattr(final, name)]))[0] for name in _NUMBERS}
        columns["final"]["n"] = int(final.n) if np.isfinite(final.n) else None
    return columns
