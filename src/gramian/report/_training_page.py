"""The page of training runs: curves, the film of the eigenvalues, and what is read off them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from gramian import __version__
from gramian.report._numbers import plain
from gramian.report._page import _asset, _bundle, _policy
from gramian.report._payload import to_json
from gramian.report._provenance import Account, _groups, citation
from gramian.report._training import Curve, TrainingRun
from gramian.report._training_payload import metric_facts, spectrum_facts, training_payload
from gramian.report._training_words import training_sentences

__all__ = ["training_page"]

# In the order they build on each other.
_SCRIPTS = ("state.js", "words.js", "theme.js", "bundle.js", "figure.js", "controls.js", "training.js", "film.js")


def training_page(runs: Sequence[TrainingRun]) -> str:
    """The HTML text for some training runs; the same runs give the same text."""
    joined = "\n".join(_asset(name) for name in _SCRIPTS)
    script = f'(() => {{\n"use strict";\n{joined}\nstartTraining();\n}})();'
    payload = training_payload(runs)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_asset("training.html.j2")).render(
        title=" and ".join(run.label for run in runs[:3]),
        policy=_policy(script),
        style=Markup(_asset("page.css") + _asset("training.css")),
        script=Markup(script),
        bundle=Markup(_bundle()),
        data=Markup(to_json(payload)),
        runs=[{"label": run.label, "facts": _facts(run)} for run in runs],
        sentences=training_sentences(runs),
        filmed=any(run.films for run in runs),
        measured=any(run.measures for run in runs),
        table=list(_table(runs, payload)),
        accounts=[Account(str(run.directory.name or run.directory), tuple(_groups(run.manifest)), ()) for run in runs],
        provenance=payload["provenance"],
        citation=citation(),
        version=__version__,
    )


def _facts(run: TrainingRun) -> str:
    curves = [*run.curves.values(), *(curve for found in run.measures.values() for curve in found.values())]
    last = max(curves, key=lambda curve: float(curve.places["step"][-1]))
    steps, epochs = last.places["step"][-1], last.places["epoch"][-1]
    looks = max((len(film.eigenvalues) for film in run.films.values()), default=0)
    pieces = [
        f"{int(steps):,} steps",
        f"{float(epochs):g} epoch{'' if epochs == 1 else 's'}",
        f"{looks} looks at the spectrum" if looks else "",
    ]
    return " · ".join(piece for piece in pieces if piece)


def _table(runs: Sequence[TrainingRun], payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """First, last, lowest and highest of every number of every run."""
    for metric in payload["metrics"]:
        facts = metric_facts(metric)
        for place, run in enumerate(runs):
            if metric in run.curves:
                yield _row(place, run, facts, "", run.curves[metric])
    for source in payload["sources"]:
        for entry in payload["spectra"]:
            measure, variant = entry["key"].split("|")
            for place, run in enumerate(runs):
                curve = run.measures.get(source, {}).get((measure, variant))
                if curve is not None:
                    facts = spectrum_facts(measure, variant)
                    order = variant.partition(";")[0].replace("alpha=", "order ")
                    title = f"{facts['title']}{', ' + order if order else ''}"
                    yield _row(place, run, {**facts, "title": title}, source, curve)


def _row(place: int, run: TrainingRun, facts: dict[str, Any], source: str, curve: Curve) -> dict[str, Any]:
    known = curve.known * (100 if facts["unit"] == "%" else 1)
    numbers = [known[0], known[-1], known.min(), known.max()] if len(known) else []
    return {
        "place": place,
        "run": run.label,
        "title": facts["title"],
        "unit": facts["unit"],
        "source": source,
        "count": len(curve.value),
        "numbers": [plain(float(number), digits=4) for number in numbers] or ["–"] * 4,
    }
