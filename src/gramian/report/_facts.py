"""What the page says about a measure: its name, unit, range, formula, meaning and reference."""

from __future__ import annotations

import inspect
import math
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
            "limits": [None, None] if measure is None else limits_of(measure.bounds),
            "summary": "Not a measure of this version." if measure is None else measure.summary,
            "formula": "" if measure is None else formula_of(measure.function),
            "reference": "" if measure is None else str(quality.reference(measure.source)),
        }
    return facts


def limits_of(bounds: str) -> list[float | None]:
    """Lower and upper end of a declared range, None where it is infinite or depends on the sample.

    >>> limits_of("[1, min(N, d)]"), limits_of("[0, pi]"), limits_of("(-inf, log N]")
    ([1.0, None], [0.0, 3.141592653589793], [None, None])
    """
    found = re.match(r"[\[(]\s*([^,]+),\s*(.+)[\])]", bounds)
    return [_number(end) for end in found.groups()] if found else [None, None]


def _number(text: str) -> float | None:
    if text == "pi":
        return math.pi
    return float(text) if re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", text) else None


def formula_of(function: Any) -> str:
    """The first displayed formula of a docstring, in TeX, on one line; empty when there is none."""
    found = re.search(
        r"\.\. math::[ \t]*(.*?)(?:\n[ \t]*\n(?![ \t]{4,})|\Z)", inspect.getdoc(function) or "", re.DOTALL
    )
    if not found:
        return ""
    return r" \quad ".join(" ".join(line.split()) for line in re.split(r"\n[ \t]*\n", found.group(1)) if line.strip())
