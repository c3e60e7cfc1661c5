"""What `gramian recommend` reads: runs, tables of any origin, and a labelled file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramian.cli._plan_options import names
from gramian.cli._progress import ProgressBar

if TYPE_CHECKING:
    from gramian.downstream import LabelledTexts
    from gramian.runs import RunRecord

__all__ = ["Found", "Labels", "choose_on_labels", "of_runs", "of_tables"]

Rows = list[dict[str, Any]]
_COLUMNS = ("layer", "measure", "task", "value", "model", "revision", "variant", "corpus", "condition", "stream")


@dataclass(frozen=True)
class Found:
    """Measures and scores, and where they are from.

    Attributes:
        measures: Rows, None where there are none.
        scores: Rows, None where there are none.
        folder: Where the recommendation belongs.
        runs: Name, command and time of each source, for the document.
        notes: What a reader must know.
        records: The runs; empty for tables.
    """

    measures: Rows | None
    scores: Rows | None
    folder: Path
    runs: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()
    records: tuple[RunRecord, ...] = ()


@dataclass(frozen=True)
class Labels:
    """The options of a choice on a labelled file."""

    source: str
    field: str | None
    label_field: str | None
    probe: str
    prompts: int | None
    weights: str | None
    device: str | None
    store: Path | None


def of_runs(directories: Sequence[Path]) -> Found:
    """The tables of runs together."""
    from gramian.runs import read_run

    records = [read_run(directory) for directory in directories]
    rows = {
        name: [row for record in records if name in record.tables for row in record.table(name).to_pylist()]
        for name in ("measures", "scores")
    }
    with_scores = [record.path for record in records if "scores" in record.tables]
    return Found(
        measures=rows["measures"] or None,
        scores=rows["scores"] or None,
        folder=(with_scores or [records[0].path])[0],
        runs=tuple(
            {"name": one.path.name, "command": one.manifest["command"], "completed": one.manifest.get("completed")}
            for one in records
        ),
        records=tuple(records),
    )


def of_tables(paths: Sequence[Path], *, tasks: Sequence[str] | None, columns: str | None, rule: str | None) -> Found:
    """Tables that others made."""
    from gramian.downstream import tidy_tables

    found = tidy_tables(paths, tasks=tasks, columns=_column_names(columns))
    named = ", ".join(found.unknown)
    known = {row["measure"] for row in found.measures or ()} - set(found.unknown)
    if found.scores is None and not known and rule is None:
        raise ValueError(
            f"--task: expected names among {named}; got none, and no rule reads any of them. Name the scores with --task, or a rule "
            "with --rule, such as least:anisotropy."
        )
    notes: tuple[str, ...] = ()
    if found.scores is None and found.unknown:
        notes = (f"Taken for measures, since no --task names them as scores: {named}.",)
    return Found(
        measures=found.measures,
        scores=found.scores,
        folder=paths[0].parent,
        runs=tuple({"name": path.name, "command": "table", "completed": None} for path in paths),
        notes=notes,
    )


def choose_on_labels(
    found: Found,
    labels: Labels,
    *,
    model: str | None,
    revision: str | None,
    tasks: Sequence[str] | None,
    reading: str | None,
    streams: str,
    seed: int,
    quiet: bool,
) -> LabelledTexts:
    """The choice on a labelled file, by the reading and among the streams of the scores where there are some."""
    from gramian.downstream import VectorStore, choose_by_labels
    from gramian.downstream._recommend.inputs import read_inputs

    inputs = None
    if found.measures or found.scores:
        inputs = read_inputs(
            found.measures,
            found.scores,
            model=model,
            revision=revision,
            tasks=tasks if found.scores else None,
            choose_on=None,
            split=None,
            choose_split=None,
            reading=reading,
            streams=streams,
            labelled=None,
        )
    name = inputs.model if inputs is not None else ""
    record = next((one for one in found.records if _model_name(one) == name), found.records[0])
    with ProgressBar(quiet=quiet) as bar:
        bar.begin("Loading model")
        return choose_by_labels(
            record,
            labels.source,
            field=labels.field,
            label_field=labels.label_field,
            probe=labels.probe,
            prompts=labels.prompts,
            reading=inputs.reading if inputs is not None else reading or "",
            streams=streams,
            candidates=inputs.candidates if inputs is not None and inputs.board is not None else None,
            model=labels.weights,
            model_options={} if labels.device is None else {"device": labels.device},
            store=VectorStore(labels.store),
            seed=seed,
            progress=bar.update,
        )


def _model_name(record: RunRecord) -> str:
    facts = record.manifest.get("model")
    return str(facts.get("name", "")) if isinstance(facts, Mapping) else ""


def _column_names(text: str | None) -> dict[str, str]:
    found = dict(part.partition("=")[::2] for part in names(text or ""))
    wrong = [f"{ours}={theirs}" for ours, theirs in found.items() if ours not in _COLUMNS or not theirs]
    if wrong or (text is not None and not found):
        raise ValueError(
            f"--columns: expected pairs such as layer=Depth,value=score, of {', '.join(_COLUMNS)}; got {', '.join(wrong) or text!r}. "
            "Correct it."
        )
    return found
