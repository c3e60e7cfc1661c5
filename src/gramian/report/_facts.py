"""What the page says about a measure: its name, unit, range, formula, meaning and reference."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from gramian import quality

_TITLES = {
    "lidar": "LiDAR",
    "lidar_entropy": "LiDAR entropy",
    "infonce": "InfoNCE",
    "infonce_bound": "InfoNCE bound",
    "augmentation_dime": "DiME of views",
    "effective_rank": "Effective rank",
    "alpha_req": "α-ReQ",
    "nesum": "NESum",
    "intrinsic_dimension": "Intrinsic dimension",
    "linear_cka": "CKA with layer before",
    "adjacent_cosine": "Cosine with layer before",
    "sink_share": "First token’s share",
}


def title_of(measure: str) -> str:
    """A measure's name as a heading.

    >>> title_of("stable_rank"), title_of("lidar")
    ('Stable rank', 'LiDAR')
    """
    return _TITLES.get(measure, measure.replace("_", " ").capitalize())


def unit_of(measure: str) -> str:
    """A measure's unit, empty when it has none or this version does not know the measure."""
    declared = {known.name: known.unit for known in quality.available()}
    unit = declared.get(measure, "none")
    return "" if unit == "none" else unit


def facts_of(measures: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Facts about each measure named; one that this version does not know keeps its name and no unit."""
    declared = {measure.name: measure for measure in quality.available()}
    facts = {}
    for name in measures:
        measure = declared.get(name)
        facts[name] = {
            "title": title_of(name),
            "unit": "" if measure is None or measure.unit == "none" else measure.unit,
            "bounds": "" if measure is None else measure.bounds,
            "summary": "Not a measure of this version." if measure is None else measure.summary,
            "formula": "" if measure is None else formula_of(measure.function),
            "reference": "" if measure is None else str(quality.reference(measure.source)),
        }
    return facts


def formula_of(function: Any) -> str:
    """The first displayed formula of a docstring, in TeX, on one line; empty when there is none."""
    found = re.search(
        r"\.\. math::[ \t]*(.*?)(?:\n[ \t]*\n(?![ \t]{4,})|\Z)", inspect.getdoc(function) or "", re.DOTALL
    )
    return " ".join(found.group(1).split()) if found else ""
