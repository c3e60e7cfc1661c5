"""A plan from start to end: every cell measured, their tables together in one run directory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramian.layers import Progress, measure
from gramian.runs import RunDirectory, read_run
from gramian.sweeps._cells import CELLS, cells_table, name_cells
from gramian.sweeps._plan import Cell, Plan

if TYPE_CHECKING:
    import pyarrow as pa

_IDENTITY = ("model", "revision", "corpus", "condition")


@dataclass(frozen=True)
class SweepResult:
    """Where a sweep is, what it says of itself, and the run directories of its cells in the plan's order."""

    directory: Path
    manifest: dict[str, Any]
    cells: tuple[Path, ...]
    resumed: bool


def run_plan(
    plan: Plan,
    *,
    out: str | Path,
    executor: Any | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
    command_line: str | None = None,
) -> SweepResult:
    """Measure every cell of a plan, and leave one run directory with the tables of all of them.

    Each cell is a run directory of its own under `cells/`. A plan that was stopped goes on where it was when it is run again, and ends
    with the same tables.

    Args:
        plan: what to measure.
        out: the run directory.
        executor: where the work is done; None for this process.
        overwrite: start anew whatever run is there, its cells included.
        progress: called after every piece of work.
        command_line: what a user typed, for the manifests.

    Returns:
        The directory, its manifest, the cells' directories, and whether earlier work was used.

    Raises:
        ValueError: as `layers.measure`; a directory that holds a run of another plan; or cells whose rows could not be told apart.
    """
    started = time.monotonic()
    folder = Path(out)
    names = name_cells(plan.cells, _known_cells(folder))
    facts = {name: cell.parameters() for name, cell in zip(names, plan.cells, strict=True)}
    paths = tuple(folder / CELLS / name for name in names)
    with RunDirectory.open(
        folder, command=plan.command, parameters={"cells": facts, **plan.parameters()}, overwrite=overwrite
    ) as run:
        if run.finished:
            return SweepResult(run.path, run.manifest, paths, resumed=True)
        if command_line:
            run.update_manifest(command_line=command_line)
        before = run.manifest.get("seconds", 0.0)
        resumed = False
        try:
            for cell, path in zip(plan.cells, paths, strict=True):
                resumed |= _measure_cell(cell, plan, path, overwrite, progress, command_line)
        finally:
            run.update_manifest(seconds=round(before + time.monotonic() - started, 1))
        identities = [_identity(path) for path in paths]
        _check_told_apart(identities, names)
        run.write_table("measures", _measures(paths))
        run.write_table("cells", [cells_table(plan.cells, names, identities)])
        run.update_manifest(warnings=_warnings(paths), tokens=sum(read_run(path).manifest["tokens"] for path in paths))
        run.finish()
        return SweepResult(run.path, run.manifest, paths, resumed=resumed)


def _known_cells(folder: Path) -> Mapping[str, Any]:
    """The names that a run in this directory gave its cells; none where there is no such run."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return {}
    try:
        found = json.loads(manifest.read_bytes())["parameters"]["cells"]
    except (ValueError, KeyError, TypeError):  # RunDirectory.open says what is wrong with it
        return {}
    return found if isinstance(found, dict) else {}


def _measure_cell(
    cell: Cell,
    plan: Plan,
    path: Path,
    overwrite: bool,
    progress: Callable[[Progress], None] | None,
    command_line: str | None,
) -> bool:
    more = {} if cell.condition is None else {"condition": cell.condition}
    result = measure(
        cell.model,
        corpus=cell.corpus,
        out=path,
        overwrite=overwrite,
        model_options=dict(cell.model_options),
        corpus_options=dict(cell.corpus_options),
        command_line=command_line,
        progress=progress,
        **plan.settings,
        **more,
    )
    return result.resumed


def _identity(path: Path) -> dict[str, str]:
    first = read_run(path).table("measures", _IDENTITY).slice(0, 1).to_pylist()[0]
    return {name: str(value) for name, value in first.items()}


def _check_told_apart(identities: Sequence[Mapping[str, str]], names: Sequence[str]) -> None:
    seen: dict[tuple[str, ...], str] = {}
    for identity, name in zip(identities, names, strict=True):
        key = tuple(identity.values())
        if key in seen:
            raise ValueError(
                f"cells: expected cells that differ in model, revision, corpus or condition; got {seen[key]} and {name}, "
                f"both {', '.join(part for part in key if part)}. Put them into plans of their own"
            )
        seen[key] = name


def _measures(paths: Sequence[Path]) -> Iterator[pa.Table]:
    for path in paths:
        yield read_run(path).tables["measures"]


def _warnings(paths: Sequence[Path]) -> list[str]:
    return list(dict.fromkeys(warning for path in paths for warning in read_run(path).manifest.get("warnings", [])))
