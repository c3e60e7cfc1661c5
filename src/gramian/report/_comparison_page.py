"""The page of `gramian compare`: the evidence, where the samples differ, and the points that show it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gramian import __version__
from gramian.report._comparison import ComparedSample, Comparison
from gramian.report._comparison_payload import comparison_payload
from gramian.report._comparison_words import comparison_sentences, joined, telling_columns, telling_points
from gramian.report._numbers import plain

__all__ = ["render_comparison"]

# In the order they build on each other.
_SCRIPTS = ("state.js", "words.js", "theme.js", "bundle.js", "figure.js", "comparison.js")
_ROWS, _COLUMNS, _PICTURES = 8, 8, 12


def render_comparison(comparison: Comparison, *, out: Path) -> Path:
    """Write a comparison as one HTML page that works offline, and give its path; the same comparison gives the same bytes.

    Args:
        comparison: What was found.
        out: The file; missing parents are created. It appears whole or not at all.

    Raises:
        ValueError: ``out`` is a directory, or the extra ``report`` is not installed.
    """
    path = Path(out)
    if path.is_dir():
        raise ValueError(f"out: expected a file to write; got the directory {str(path)!r}. Add a file name to it.")
    from gramian.report._render import _write_whole

    try:
        text = _page(comparison)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] not in {"plotly", "jinja2", "markupsafe", "pyarrow"}:
            raise
        raise ValueError(
            f"report: expected the packages that draw the page; got no {missing.name}."
            " Install them with `pip install gramian[report]`."
        ) from missing
    _write_whole(path, text)
    return path


def _page(comparison: Comparison) -> str:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    from gramian.report._page import _asset, _bundle, _policy
    from gramian.report._payload import to_json
    from gramian.report._provenance import citation

    joined_scripts = "\n".join(_asset(name) for name in _SCRIPTS)
    script = f'(() => {{\n"use strict";\n{joined_scripts}\n}})();'
    names = [sample.name for sample in comparison.samples]
    payload = comparison_payload(comparison)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"plain": _number}
    return environment.from_string(_asset("comparison.html.j2")).render(
        title=f"{names[0]} against {names[1]}" if len(names) == 2 else f"{len(names)} samples side by side",
        policy=_policy(script),
        style=Markup(_asset("page.css") + _asset("comparison.css")),
        script=Markup(script),
        bundle=Markup(_bundle()),
        data=Markup(to_json(payload)),
        names=names,
        samples=comparison.samples,
        found=comparison.found,
        sentences=comparison_sentences(comparison),
        notes=comparison.notes,
        pairs=sorted(comparison.pairs, key=lambda pair: -pair.effect),
        level=comparison.level,
        result=comparison.result,
        scales=payload["scales"],
        difference=comparison.difference,
        telling=list(_telling(comparison)),
        between=_between(comparison, names),
        account=_rows(comparison.account),
        citation=citation(),
        version=__version__,
    )


def _between(comparison: Comparison, names: list[str]) -> str:
    difference = comparison.difference
    return "" if difference is None else joined([names[difference.first], names[difference.second]])


def _telling(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """Of both samples that differ most, the points most typical of the one and least of the other."""
    difference = comparison.difference
    if difference is None:
        return
    both = (difference.first, difference.second)
    columns = telling_columns(comparison, _COLUMNS)
    most = _PICTURES if comparison.samples[0].picture else _ROWS
    for place, other, points in zip(both, both[::-1], telling_points(comparison, most), strict=True):
        sample = comparison.samples[place]
        scores = difference.scores[both.index(place)]
        yield {
            "place": place,
            "name": sample.name,
            "against": comparison.samples[other].name,
            "columns": [sample.columns[column] for column in columns],
            "pictures": [
                {"name": sample.rows[point], "data": _data_uri(sample, point), "witness": float(scores[point])}
                for point in (points if sample.picture else ())
            ],
            "rows": [
                {
                    "name": sample.rows[point],
                    "witness": float(scores[point]),
                    "values": [float(sample.points[point, column]) for column in columns],
                }
                for point in (() if sample.picture else points)
            ],
        }


def _data_uri(sample: ComparedSample, point: int) -> str:
    picture = sample.picture(point) if sample.picture else b""
    return f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"


def _rows(account: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[tuple[str, str]]]]:
    from gramian.report._provenance import _flatten

    return [
        (
            heading,
            [
                row
                for key, value in content.items()
                for row in _flatten(key.replace("_", " ") if heading == "Parameters" else key, value)
            ],
        )
        for heading, content in account.items()
    ]


def _number(value: float) -> str:
    """To three digits, wide numbers with separators and tiny ones with an exponent."""
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}".replace("-", "−")
    return plain(value) if 1e-3 <= abs(value) < 1e6 else f"{value:.2e}".replace("-", "−")
