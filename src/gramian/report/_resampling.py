"""The page of `gramian resample`: a table before and after."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from gramian import __version__

__all__ = ["render_resampling"]


def render_resampling(document: Mapping[str, Any], *, title: str, out: Path) -> Path:
    """Write the page of a resampled table, one HTML file without scripts, and give its path.

    Args:
        document: what ``Resampling.document()`` of the room ``sampling`` gives.
        title: of the page, such as the table's name.
        out: the file; missing parents are created.

    Raises:
        ValueError: when the extra ``report`` is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ModuleNotFoundError as missing:
        raise ValueError(
            f"report: expected the packages that draw the page; got no {missing.name}."
            " Install them with `pip install gramian[report]`."
        ) from missing
    from gramian.report._render import _write_whole

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"figures": _figures, "signed": _signed}
    text = environment.from_string(_asset("resampling.html.j2")).render(
        title=title,
        style=Markup(_asset("page.css")),
        version=__version__,
        largest=max(count["before"] for count in document["counts"].values()),
        sentences=[_sentence(name, found, document) for name, found in document["classes"].items()],
        **document,
    )
    _write_whole(Path(out), text)
    return Path(out)


def _sentence(name: str, found: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    count = document["counts"][name]
    what = "rows kept of" if document["method"] == "select" else "learned rows in place of the"
    text = (
        f"{count['after']} {what} {count['before']} of {name} diverge from it by {_figures(found['divergence'])} nats"
    )
    best, mean = found["random_best"], found["random_mean"]
    text += f"; random subsets of that size by {_figures(mean)} on average, {_figures(best)} at best of {found['random_subsets']}."
    return text


def _figures(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.3g}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _asset(name: str) -> str:
    return files("gramian.report").joinpath("page", name).read_text(encoding="utf-8").replace("\r\n", "\n")
