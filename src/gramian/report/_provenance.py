"""How a run was made, flattened into rows, and how to cite it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gramian import __version__
from gramian.report._sources import Source

_FIRST = ("command", "parameters", "model", "corpus", "seeds", "versions", "hardware", "seconds")


@dataclass(frozen=True)
class Account:
    """The provenance of one run directory: its name and rows of (key, value), nested keys joined by dots."""

    name: str
    rows: tuple[tuple[str, str], ...]


def accounts_of(sources: list[Source]) -> list[Account]:
    """One account for each run directory, the manifest's best-known keys first."""
    directories = {source.directory: source for source in sources}
    return [
        Account(str(directory.name or directory), tuple(_rows(source.manifest)))
        for directory, source in directories.items()
    ]


def provenance_line(sources: list[Source]) -> str:
    """One line for the foot of a figure: which model, corpus and version it came from."""
    models = list(dict.fromkeys(_model_and_revision(source) for source in sources))
    corpora = list(dict.fromkeys(filter(None, (source.identity["corpus"] for source in sources))))
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


def _rows(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    order = [key for key in _FIRST if key in manifest] + [key for key in manifest if key not in _FIRST]
    for key in order:
        yield from _flatten(key, manifest[key])


def _flatten(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for inner, content in value.items():
            yield from _flatten(f"{key}.{inner}", content)
    elif isinstance(value, list | tuple):
        yield key, ", ".join(str(item) for item in value) or "none"
    elif isinstance(value, float):
        yield key, f"{value:.6g}"
    else:
        yield key, "none" if value is None or value == {} else str(value)
