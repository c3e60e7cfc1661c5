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
from gramian.report._formulas import mathml
from gramian.report._headline import headline
from gramian.report._payload import payload_of, to_json
from gramian.report._provenance import accounts_of, citation, provenance_line
from gramian.report._sources import Source

# In the order they build on each other; joined into one function so that no name leaks.
_SCRIPTS = (
    "state.js",
    "words.js",
    "theme.js",
    "bundle.js",
    "figure.js",
    "controls.js",
    "depth.js",
    "layer.js",
    "agreement.js",
    "table.js",
    "main.js",
)


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
        "sentences": headline(sources),
        "accounts": accounts_of(sources),
        "provenance": provenance_line(sources),
        "citation": citation(),
        "version": __version__,
    }
    return environment.from_string(_asset("template.html.j2")).render(context)


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
