"""How a run was made, flattened into rows, and how to cite it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gramian import __version__
from gramian.report._facts import title_of
from gramian.report._scores import task_words
from gramian.report._source import Source

_FIRST = ("command", "parameters", "model", "corpus", "seeds", "versions", "hardware", "seconds")


@dataclass(frozen=True)
class Account:
    """The provenance of one run directory: its name, and groups of rows (key, value) under a heading each."""

    name: str
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    remarks: tuple[str, ...]


def accounts_of(sources: list[Source]) -> list[Account]:
    """One account for each run directory, the manifest's best-known keys first."""
    made = [(source.directory, source.manifest) for source in sources]
    made += [other for source in sources for other in source.others]
    return [
        Account(str(directory.name or directory), tuple(_groups(manifest)), _remarks(manifest))
        for directory, manifest in dict(made).items()
    ]


def provenance_line(sources: list[Source]) -> str:
    """One line for the foot of a figure: which model, corpus and version it came from."""
    models = list(dict.fromkeys(_model_and_revision(source) for source in sources))
    corpora = list(dict.fromkeys(filter(None, (source.identity["corpus"] for source in sources))))
    tasks = list(dict.fromkeys(task.name for source in sources for task in source.scores))
    corpora += [] if not tasks or task_words(tasks) in corpora else [task_words(tasks)]
    pieces = [" and ".join(models), " and ".join(corpora), f"Gramian {__version__}"]
    return " · ".join(piece for piece in pieces if piece)


def citation() -> str:
    """A BibTeX entry for the software that made the page."""
    return (
        f"@software{{gramian,\n"
        f"  author  = {{{{The Gramian authors}}}},\n"
        f"  title   = {{Gramian: information theory of representations, from the spectrum of kernel matrices}},\n"
        f"  version = {{{__version__}}},\n"
        f"  url     = {{https://gramian.readthedocs.io}}\n"
        f"}}"
    )


def _model_and_revision(source: Source) -> str:
    model, revision = source.identity["model"] or source.label, source.identity["revision"]
    return f"{model} @ {revision}" if revision else model


def _groups(manifest: Mapping[str, Any]) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """What happened, then what with; a parameter that the manifest states by itself is not said twice."""
    single = {key: value for key, value in manifest.items() if not isinstance(value, Mapping) and key != "warnings"}
    nested = {key: value for key, value in manifest.items() if isinstance(value, Mapping)}
    parameters = nested.get("parameters", {})
    nested["parameters"] = {
        key: value for key, value in parameters.items() if not _said_elsewhere(value, nested.get(key))
    }
    for heading, content in [("run", _known_first(single)), *_known_first(nested).items()]:
        rows = tuple(row for key, value in content.items() for row in _flatten(_words(key), value))
        if rows:
            yield _words(heading).capitalize(), rows


def _said_elsewhere(value: Any, other: Any) -> bool:
    both = isinstance(value, Mapping) and isinstance(other, Mapping)
    return both and all(key in other and other[key] == inner for key, inner in value.items())


def _known_first(content: Mapping[str, Any]) -> dict[str, Any]:
    order = [key for key in _FIRST if key in content] + [key for key in content if key not in _FIRST]
    return {key: content[key] for key in order}


def _remarks(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The run's warnings, those of several measures in the same words joined."""
    measures: dict[str, list[str]] = {}
    for warning in manifest.get("warnings", ()):
        measure, separator, text = str(warning).partition(": ")
        if separator and measure.isidentifier():
            measures.setdefault(text, []).append(title_of(measure))
        else:
            measures.setdefault(str(warning), [])
    return tuple(f"{', '.join(names)}: {text}" if names else text for text, names in measures.items())


def _words(key: str) -> str:
    return str(key).replace("_", " ")


def _flatten(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for inner, content in value.items():
            yield from _flatten(f"{key}: {_words(inner)}", content)
    elif isinstance(value, bool):
        yield key, "yes" if value else "no"
    elif isinstance(value, list | tuple):
        separator = ", " if all(len(str(item)) < 24 for item in value) else "; "
        yield key, separator.join(str(item) for item in value) or "none"
    elif isinstance(value, float):
        yield key, f"{value:.6g}"
    elif key == "memory" and isinstance(value, int):
        yield key, f"{value / 2**30:.1f} GiB"
    else:
        yield key, "none" if value is None or value in ({}, "") else str(value)
