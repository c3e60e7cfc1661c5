"""What was concluded from a run's tables and lies beside them: `recommendation.json` and `bimodality.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gramian.report._source import Source
from gramian.runs import read_document

RECOMMENDATION = "recommendation.json"
BIMODALITY = "bimodality.json"


def modes_of(directory: Path) -> dict[str, Any] | None:
    """The document of `gramian bimodality`, or None where the run was not tested.

    Raises:
        RunError: the file is no such document.
    """
    return read_document(directory / BIMODALITY, format="gramian-bimodality")


def with_recommendations(sources: Sequence[Source], directories: Sequence[Path]) -> list[Source]:
    """Give each recommendation found in the directories to the sources of its model and revision.

    Raises:
        RunError: a file of that name is no such document.
    """
    found = {
        directory: read_document(directory / RECOMMENDATION, format="gramian-recommendation")
        for directory in directories
    }
    documents = [document for document in found.values() if document is not None]
    return [replace(source, recommendation=_matching(source, documents)) for source in sources]


def outdated(source: Source) -> list[str]:
    """Names of the runs that were made anew after the source's recommendation."""
    document = source.recommendation
    if document is None:
        return []
    made = [(source.directory, source.manifest), *source.others]
    now = {directory.resolve().name: manifest.get("completed") for directory, manifest in made}
    then = {str(run.get("name")): run.get("completed") for run in document.get("runs", [])}
    return [name for name, completed in then.items() if name in now and completed and now[name] != completed]


def _matching(source: Source, documents: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    key = (source.identity["model"], source.identity["revision"])
    return next((one for one in documents if (one.get("model") or "", one.get("revision") or "") == key), None)
