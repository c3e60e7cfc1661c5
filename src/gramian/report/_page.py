"""The page itself: template, style, scripts, drawing library and data in one file that asks nobody for anything."""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from gramian import __version__
from gramian.report._cells import NONE, STEP, STRENGTH
from gramian.report._formulas import mathml
from gramian.report._headline import headline
from gramian.report._payload import payload_of, to_json
from gramian.report._provenance import accounts_of, citation, provenance_line
from gramian.report._source import Source

# In the order they build on each other; joined into one function so that no name leaks.
_SCRIPTS = (
    "state.js",
    "words.js",
    "theme.js",
    "scores.js",
    "bundle.js",
    "figure.js",
    "controls.js",
    "depth.js",
    "modes.js",
    "layer.js",
    "agreement.js",
    "scatter.js",
    "tasks.js",
    "recommendation.js",
    "along.js",
    "heat.js",
    "table.js",
    "main.js",
)

_COLLECTIONS = {STRENGTH: ("stress", "Stress"), STEP: ("evolution", "Evolution"), NONE: ("cells", "Cells")}
_LEADS = {
    "stress": "What breaks the picture: every layer at every strength of a perturbation, the text as it is as a row apart."
    " Click a cell to pin its layer.",
    "evolution": "How training made it: every layer at every step, an untrained copy as a row apart. Click a cell to pin"
    " its layer.",
    "cells": "Every cell of the collection by relative depth, a row each. Click a cell to pin its layer.",
}


def page_of(sources: list[Source]) -> str:
    """The HTML text for some sources.

    Only scripts whose SHA-256 the page's own policy lists may run, and nothing may be fetched: even if text from a
    prompt or a model's name got past the escaping, it could not execute.
    """
    payload = payload_of(sources)
    script = _script()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"mathml": mathml, "unbroken": _unbroken}
    context: dict[str, Any] = {
        "title": " and ".join(dict.fromkeys(source.label for source in sources[:3])),
        "policy": _policy(script),
        "style": Markup(_asset("page.css")),
        "script": Markup(script),
        "bundle": Markup(_bundle()),
        "data": Markup(to_json(payload)),
        "runs": payload["runs"],
        "measures": payload["measures"],
        "tasks": payload["tasks"],
        "left_out": payload["cells_left_out"],
        "leads": _LEADS,
        **_sections(sources),
        "sentences": headline(sources),
        "accounts": accounts_of(sources),
        "provenance": provenance_line(sources),
        "citation": citation(),
        "version": __version__,
    }
    return environment.from_string(_asset("template.html.j2")).render(context)


def _sections(sources: list[Source]) -> dict[str, Any]:
    """Which parts of the page have something to show."""
    axes = {grid.axis for source in sources for grid in source.grids}
    scored = any(source.scores for source in sources)
    return {
        "collections": [(name, title) for axis, (name, title) in _COLLECTIONS.items() if axis in axes],
        "task_counts": [len(source.scores) for source in sources],
        "recommended": any(source.recommendation for source in sources),
        # A page of scores alone has no use for what it could not fill; a page of measures says what is missing.
        "single_prompts": not scored or any(source.distributions or source.spectra for source in sources),
        "agreement": not scored or len({measure for source in sources for measure in source.series}) > 1,
    }


def _unbroken(text: str) -> str:
    """Keeps a number, its uncertainty and a percent sign on one line."""
    return text.replace(" ± ", "\u00a0±\u00a0").replace(" %", "\u00a0%")


def _asset(name: str) -> str:
    text = files("gramian.report").joinpath("page", name).read_text(encoding="utf-8")
    # A browser hashes a script with line feeds only, whatever the file was checked out with.
    return text.replace("\r\n", "\n")


@cache
def _script() -> str:
    joined = "\n".join(_asset(name) for name in _SCRIPTS)
    return f'(() => {{\n"use strict";\n{joined}\n}})();'


@cache
def _drawing_library() -> str:
    return str(get_plotlyjs()).replace("\r\n", "\n")


@cache
def _bundle() -> str:
    # Compressed, the library takes 2 MB of the page; as it comes, 4.8.
    return base64.b64encode(gzip.compress(_drawing_library().encode(), 9, mtime=0)).decode("ascii")


@cache
def _policy(script: str) -> str:
    allowed = " ".join(f"'sha256-{_sha256(text)}'" for text in (script, _drawing_library()))
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:;"
        " base-uri 'none'; form-action 'none'"
    )


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
