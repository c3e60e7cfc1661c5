"""Collections of cells as `gramian stress`, `evolve` and `sweep` leave them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from gramian.runs import RunDirectory, read_run
from tests.report._synthetic import MEASURES, RunSpec, write_run

PERTURBATIONS = ("repetition", "shuffle")
STRENGTHS = (0.1, 0.25, 0.5, 1.0)
STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)


@dataclass(frozen=True)
class CollectionSpec:
    """A collection; every cell is a run of ``base`` with a valley of its own depth."""

    base: RunSpec = field(
        default_factory=lambda: RunSpec(
            depth=12, prompts=40, measures=MEASURES[:4], spectra=False, texts=False, revision=""
        )
    )
    untrained: bool = True
    directories: bool = True


def write_stress(path: Path, spec: CollectionSpec | None = None) -> Path:
    """A model and its untrained copy under two perturbations of four strengths, and as they are."""
    spec = spec or CollectionSpec()
    cells: list[tuple[RunSpec, dict[str, Any]]] = []
    for untrained in (False, True) if spec.untrained else (False,):
        model = spec.base.model + (" (untrained)" if untrained else "")
        base = replace(spec.base, model=model, condition="natural", strength=0.2 if untrained else 1.0)
        facts = {"axis": "strength", "untrained": untrained}
        cells.append((base, {**facts, "perturbation": "natural", "strength": 0.0}))
        for kind in PERTURBATIONS:
            # Out of order on purpose: tables need not be sorted.
            for strength in reversed(STRENGTHS):
                cell = replace(base, condition=f"{kind} p={strength:g}", strength=base.strength * (1 + strength))
                cells.append((cell, {**facts, "perturbation": kind, "strength": strength}))
    return write_collection(path, cells, command="stress", spec=spec)


def write_evolution(path: Path, spec: CollectionSpec | None = None) -> Path:
    """Eleven revisions of one model in no order, and its untrained copy."""
    spec = spec or CollectionSpec()
    cells: list[tuple[RunSpec, dict[str, Any]]] = []
    for step in (1000, *STEPS[:-1]):
        name = f"step{step}"
        cell = replace(
            spec.base, condition="natural", revision=name, strength=0.1 + 0.09 * STEPS.index(step), seed=step
        )
        cells.append((cell, {"axis": "step", "step": float(step), "untrained": False}))
    if spec.untrained:
        bare = replace(spec.base, model=f"{spec.base.model} (untrained)", condition="natural", strength=0.0, seed=7)
        cells.append((bare, {"axis": "step", "step": 0.0, "untrained": True}))
    return write_collection(path, cells, command="evolve", spec=spec)


def write_sweep(path: Path, count: int) -> Path:
    """Models of growing depth without an axis."""
    base = RunSpec(prompts=40, measures=MEASURES[:3], spectra=False, texts=False, condition="natural")
    cells = [(replace(base, model=f"model-{n}", depth=4 + n, seed=n), {"untrained": False}) for n in range(count)]
    return write_collection(path, cells, command="sweep", spec=CollectionSpec(base))


def write_collection(
    path: Path, cells: list[tuple[RunSpec, dict[str, Any]]], *, command: str, spec: CollectionSpec
) -> Path:
    """Write the cells' own run directories, and the parent with the tables of all of them."""
    rows, tables = [], []
    with RunDirectory.open(path, command=command, parameters={"cells": len(cells)}) as run:
        for number, (cell, facts) in enumerate(cells):
            place = f"cells/{number:03d}"
            tables.append(read_run(write_run(path / place, cell)).tables["measures"])
            rows.append({
                "cell": number, "directory": place if spec.directories else "cells/absent", "model": cell.model,
                "revision": cell.revision, "corpus": "python-docs", "condition": cell.condition, "axis": facts.get("axis"),
                "perturbation": facts.get("perturbation"), "strength": facts.get("strength"), "step": facts.get("step"),
                "untrained": facts["untrained"],
            })  # fmt: skip
        run.write_table("measures", tables)
        run.write_table("cells", [pa.Table.from_pylist(rows, schema=_SCHEMA)])
        run.update_manifest(warnings=[], seconds=3.0)
        run.finish()
    return path


_SCHEMA = pa.schema(
    [("cell", pa.int32())]
    + [
        (name, pa.string())
        for name in ("directory", "model", "revision", "corpus", "condition", "axis", "perturbation")
    ]
    + [("strength", pa.float64()), ("step", pa.float64()), ("untrained", pa.bool_())]
)
