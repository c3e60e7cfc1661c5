"""Run directories read into what the page draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gramian.report._cells import Lineage, cells_of, lineages_of
from gramian.report._distributions import distributions_of, prompts_named
from gramian.report._documents import modes_of, with_recommendations
from gramian.report._joining import join_scores
from gramian.report._labels import labelled
from gramian.report._scores import pooled_share, scores_of, task_words
from gramian.report._series import series_of
from gramian.report._source import IDENTITY, Source
from gramian.report._spectra import spectra_of
from gramian.runs import RunRecord, read_run

__all__ = ["Source", "checked_directories", "read_sources"]


def read_sources(directories: Sequence[Path]) -> list[Source]:
    """Read run directories, each once, and tell their contents apart by label.

    Args:
        directories: run directories, in the order they are drawn.

    Returns:
        One source for each model, revision, corpus and condition of each directory; the scores of a downstream run join
        the measures of the same model and revision, and a collection of cells gives the few that stand for it.

    Raises:
        ValueError: when there is no directory, one is given twice, a run is half written or has nothing to draw, or the
            runs have different formats.
        TypeError: when a single path is given in place of a sequence.
    """
    paths = checked_directories(directories)
    records = [(path, read_run(path)) for path in paths]
    _check_same_format(records)
    sources = [source for path, record in records for source in _sources_of(path, record)]
    return labelled(with_recommendations(join_scores(sources), paths))


def checked_directories(directories: Sequence[Path]) -> list[Path]:
    """The directories as paths, at least one and each once.

    Raises:
        ValueError: none, or one twice.
        TypeError: a single path.
    """
    if isinstance(directories, str | Path):
        raise TypeError(
            f"directories: expected a sequence of run directories; got the single path {str(directories)!r}."
            " Wrap it in a list."
        )
    paths = [Path(directory) for directory in directories]
    if not paths:
        raise ValueError("directories: expected at least one run directory; got none. Name the run to show.")
    for path, count in Counter(path.resolve() for path in paths).items():
        if count > 1:
            raise ValueError(
                f"directories: expected each run once; got {str(path)!r} {count} times. A curve laid over itself"
                " would look like an agreement: leave the repetition out."
            )
    return paths


def _check_same_format(records: list[tuple[Path, RunRecord]]) -> None:
    found = {str(path): _format(record.manifest) for path, record in records}
    if len(set(found.values())) > 1:
        shown = ", ".join(f"{path} has {version}" for path, version in found.items())
        raise ValueError(
            f"directories: expected runs of one format; got {shown}. Write the older run again with this version."
        )


def _format(manifest: Mapping[str, Any]) -> str:
    return f"version {manifest.get('format_version', 'unknown')}"


def _sources_of(path: Path, record: RunRecord) -> list[Source]:
    rows = {name: record.tables[name].num_rows for name in ("measures", "scores", "cells") if name in record.tables}
    if rows.get("cells") and rows.get("measures"):
        lineages = lineages_of(cells_of(record.tables["cells"], record.tables["measures"]))
        return [_from_cell(path, record, lineage) for lineage in lineages]
    if not rows.get("measures") and not rows.get("scores"):
        raise ValueError(
            f"{path}: expected a run with a measures table or a scores table; got"
            f" {', '.join(sorted(record.tables)) or 'no tables'}. Only runs that measured or scored layers can be drawn."
        )
    if rows.get("scores"):
        return _scored(path, record, record.tables["measures"] if rows.get("measures") else None)
    return _measured(path, record)


def _measured(path: Path, record: RunRecord) -> list[Source]:
    tables = record.tables
    measures = tables["measures"]
    identities = measures.select(list(IDENTITY)).group_by(list(IDENTITY), use_threads=False).aggregate([]).to_pylist()
    sources = []
    for identity in identities:
        distributions = distributions_of(_matching(tables["prompts"], identity)) if "prompts" in tables else []
        wanted = prompts_named(distributions)
        sources.append(
            Source(
                directory=path,
                identity={key: str(value or "") for key, value in identity.items()},
                manifest=record.manifest,
                series=series_of(_matching(measures, identity)),
                distributions=distributions,
                # Spectra and texts carry no model or condition: they belong to the directory, which has one of each.
                spectra=spectra_of(tables["spectra"]) if "spectra" in tables and len(identities) == 1 else [],
                texts=_texts(tables["texts"], wanted) if "texts" in tables else {},
                modes=modes_of(path) if len(identities) == 1 else None,
            )
        )
    return sources


def _scored(path: Path, record: RunRecord, measures: pa.Table | None) -> list[Source]:
    """One source for each model of a downstream run; the first token's share is that of the texts of all its tasks."""
    sources = []
    for (model, revision), tasks in scores_of(record.tables["scores"]).items():
        own = _matching(measures, {"model": model, "revision": revision}) if measures is not None else None
        share = pooled_share(own) if own is not None else None
        sources.append(
            Source(
                directory=path,
                identity={
                    "model": model,
                    "revision": revision,
                    "corpus": task_words([task.name for task in tasks]),
                    "condition": "",
                },
                manifest=record.manifest,
                series={"sink_share": [share]} if share is not None else {},
                scores=tasks,
                task_sink=share,
            )
        )
    return sources


def _from_cell(path: Path, record: RunRecord, lineage: Lineage) -> Source:
    """The cell that stands for a lineage, from its own run directory where that is there."""
    facts = lineage.shown.facts
    identity = {key: facts[key] for key in IDENTITY}
    source = Source(path, identity, record.manifest, lineage.shown.series)
    folder = path / str(facts["directory"] or "")
    if folder.is_dir() and path.resolve() in folder.resolve().parents and (folder / "manifest.json").is_file():
        own = next((one for one in _measured(folder, read_run(folder)) if one.identity == identity), None)
        if own is not None:
            source = replace(own, others=((path, record.manifest),))
    return replace(source, grids=tuple(lineage.grids), stands_for=lineage.stands_for)


def _matching(table: pa.Table, identity: Mapping[str, Any]) -> pa.Table:
    keep = np.ones(table.num_rows, bool)
    for column, wanted in identity.items():
        if wanted is None:
            keep &= pc.is_null(table[column]).to_numpy(zero_copy_only=False)
        else:
            same = pc.fill_null(pc.equal(table[column], wanted), False)
            keep &= same.to_numpy(zero_copy_only=False)
    return table.filter(pa.array(keep))


def _texts(table: pa.Table, wanted: set[int]) -> dict[str, dict[str, Any]]:
    rows = table.filter(
        pc.is_in(table["prompt"], value_set=pa.array(sorted(wanted), table.schema.field("prompt").type))
    )
    return {
        str(row["prompt"]): {key: row.get(key) for key in ("text", "tokens", "label") if row.get(key) is not None}
        for row in rows.to_pylist()
    }
