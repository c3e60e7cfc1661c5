"""The data block of the page: everything its panels draw, as compact JSON."""

from __future__ import annotations

import json
from typing import Any

from gramian.report._columns import NUMBERS, columns_of
from gramian.report._facts import facts_of
from gramian.report._first_token import swallowed_layers
from gramian.report._grids import grids_of
from gramian.report._modes import modes_payload
from gramian.report._provenance import provenance_line
from gramian.report._recommendation import recommendation_payload
from gramian.report._score_sentences import verdict_of
from gramian.report._scores import TaskScores
from gramian.report._source import Source
from gramian.report._variants import describe_variant, parse_variant

# Inside a script element only "<" could end it early or open a comment; the separators are line ends in old JavaScript.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_SCORE_NUMBERS = ("value", "low", "high")


def payload_of(sources: list[Source]) -> dict[str, Any]:
    """The data block as plain lists and dicts: ``runs``, ``measures``, ``tasks``, ``cells``, ``variants``, ``provenance``."""
    cells, grids, left_out = grids_of([source.grids for source in sources])
    measures = list(dict.fromkeys(measure for source in sources for measure in source.series))
    measures = list(dict.fromkeys([*measures, *(measure for cell in cells for measure in cell["series"])]))
    tasks = _tasks(sources)
    places = {str(task["name"]): place for place, task in enumerate(tasks)}
    variants = _variants(sources, cells)
    return {
        "runs": [
            {**_run(source), "scores": _scores(sources, source, places), "grids": grids[place]}
            for place, source in enumerate(sources)
        ],
        "measures": facts_of(measures),
        "tasks": tasks,
        "cells": cells,
        "cells_left_out": left_out,
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


def _variants(sources: list[Source], cells: list[dict[str, Any]]) -> list[str]:
    found: dict[str, None] = {}
    for source in sources:
        found |= dict.fromkeys(series.variant for listed in source.series.values() for series in listed)
        found |= dict.fromkeys(str(entry["variant"]) for entry in [*source.distributions, *source.spectra])
        found |= dict.fromkeys(series.variant for task in source.scores for series in task.readings)
        found |= dict.fromkeys(str((document or {}).get("variant")) for document in [source.modes] if document)
    found |= dict.fromkeys(s["variant"] for cell in cells for listed in cell["series"].values() for s in listed)
    return list(found)


def _run(source: Source) -> dict[str, Any]:
    layers = source.layers
    return {
        "label": source.label,
        "identity": dict(source.identity),
        "directory": source.directory.name,
        "stands_for": source.stands_for,
        "layers": layers,
        "depth": source.depth,
        "series": {
            measure: [columns_of(series, layers, numbers=NUMBERS) for series in listed]
            for measure, listed in source.series.items()
        },
        "spectra": source.spectra,
        "distributions": source.distributions,
        "texts": dict(source.texts),
        "modes": modes_payload(source.modes),
        "recommendation": recommendation_payload(source),
    }


def _tasks(sources: list[Source]) -> list[dict[str, Any]]:
    """Each task once, those of one type together."""
    found: dict[str, TaskScores] = {}
    for source in sources:
        for task in source.scores:
            found.setdefault(task.name, task)
    types = list(dict.fromkeys(task.type for task in found.values()))
    ordered = sorted(found.values(), key=lambda task: types.index(task.type))
    return [{"name": one.name, "type": one.type, "metric": one.metric, "parts": one.parts} for one in ordered]


def _scores(sources: list[Source], source: Source, places: dict[str, int]) -> dict[str, Any] | None:
    """A source's scores, or the place of the source of the same model that holds them."""
    if not source.scores:
        return None
    owner = next(place for place, other in enumerate(sources) if other.scores is source.scores)
    if sources[owner] is not source:
        return {"owner": owner}
    verdict = verdict_of(source)
    return {
        "owner": owner,
        "tasks": {
            str(places[task.name]): [
                columns_of(series, source.layers, numbers=_SCORE_NUMBERS) for series in task.readings
            ]
            for task in source.scores
        },
        "reading": verdict.series.variant if verdict else source.scores[0].readings[0].variant,
        "swallowed": swallowed_layers(source.task_sink),
    }
