"""What the page draws as one run: a model, corpus and condition, taken from a run directory's tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gramian.report._distributions import distributions_of, prompts_named
from gramian.report._series import Series, series_of
from gramian.report._spectra import spectra_of
from gramian.runs import RunRecord, read_run

_IDENTITY = ("model", "revision", "corpus", "condition")


@dataclass(frozen=True)
class Source:
    """One curve's worth of results: everything measured of one model on one corpus under one condition."""

    directory: Path
    identity: Mapping[str, str]
    manifest: Mapping[str, Any]
    series: Mapping[str, list[Series]]
    distributions: list[dict[str, Any]] = field(default_factory=list)
    spectra: list[dict[str, Any]] = field(default_factory=list)
    texts: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    label: str = ""

    @property
    def layers(self) -> list[int]:
        """The layers of the residual stream for which anything was measured, as numbers in order."""
        found = {point.layer for series in self._all() for point in series.points}
        return sorted(found | {series.final.layer for series in self._all() if series.final is not None})

    @property
    def depth(self) -> int:
        """The last layer, which relative depth calls 100 %."""
        return max(self.layers, default=0)

    def percent(self, layer: int) -> int:
        """A layer's place in the depth, in percent; 0 for a run of one layer."""
        return round(100 * layer / self.depth) if self.depth else 0

    def first(self, measure: str) -> Series | None:
        """The variant of a measure shown first, or None when the run lacks the measure."""
        return next(iter(self.series.get(measure, [])), None)

    def _all(self) -> list[Series]:
        return [series for variants in self.series.values() for series in variants]


def read_sources(directories: Sequence[Path]) -> list[Source]:
    """Read run directories, each once, and tell their contents apart by label.

    Args:
        directories: run directories, in the order they are drawn.

    Returns:
        One source for each model, revision, corpus and condition of each directory.

    Raises:
        ValueError: when there is no directory, one is given twice, a run is half written or has no measures, or the
            runs have different formats.
        TypeError: when a single path is given in place of a sequence.
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
    records = [(path, read_run(path)) for path in paths]
    _check_same_format(records)
    sources = [source for path, record in records for source in _split(path, record)]
    return _labelled(sources)


def _check_same_format(records: list[tuple[Path, RunRecord]]) -> None:
    found = {str(path): _format(record.manifest) for path, record in records}
    if len(set(found.values())) > 1:
        shown = ", ".join(f"{path} has {version}" for path, version in found.items())
        raise ValueError(
            f"directories: expected runs of one format; got {shown}. Write the older run again with this version."
        )


def _format(manifest: Mapping[str, Any]) -> str:
    return f"version {manifest.get('format_version', 'unknown')}"


def _split(path: Path, record: RunRecord) -> list[Source]:
    tables = record.tables
    if "measures" not in tables or not tables["measures"].num_rows:
        raise ValueError(
            f"{path}: expected a run with a measures table; got {', '.join(sorted(tables)) or 'no tables'}."
            " Only runs of `gramian measure` can be drawn."
        )
    measures = tables["measures"]
    identities = measures.select(list(_IDENTITY)).group_by(list(_IDENTITY), use_threads=False).aggregate([]).to_pylist()
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
            )
        )
    return sources


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


def _labelled(sources: list[Source]) -> list[Source]:
    """Names the model, and beyond it only what tells the sources apart."""
    candidates = [
        [source.identity[key] for key in _IDENTITY] + [source.directory.name or str(source.directory)]
        for source in sources
    ]
    parts = [0] + [part for part in range(1, 5) if len({names[part] for names in candidates}) > 1]
    labels = []
    for names in candidates:
        for used in range(1, len(parts) + 1):
            label = " · ".join(dict.fromkeys(names[part] for part in parts[:used] if names[part]))
            if sum(all(other[part] == names[part] for part in parts[:used]) for other in candidates) == 1:
                break
        labels.append(label or "saved activations")
    repeated = Counter(labels)
    seen: Counter[str] = Counter()
    result = []
    for source, label in zip(sources, labels, strict=True):
        seen[label] += 1
        name = f"{label} ({seen[label]})" if repeated[label] > 1 else label
        result.append(_with_label(source, name))
    return result


def _with_label(source: Source, label: str) -> Source:
    return Source(**{**{key: getattr(source, key) for key in source.__dataclass_fields__}, "label": label})
