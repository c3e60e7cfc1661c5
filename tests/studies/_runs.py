"""Where studies keep what takes long, and how they read the curves of a collection of cells."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gramian.runs import read_run

ROOT = Path(__file__).parents[2]
_IDENTITY = ("model", "revision", "corpus", "condition")


def study_folder(name: str) -> Path:
    """A folder that outlives the test run, so that a study that was stopped goes on."""
    return Path(os.environ.get("GRAMIAN_STUDY_RUNS", ROOT / "runs" / "studies")) / name


def cells_with_curves(directory: Path) -> list[tuple[dict[str, Any], dict[tuple[str, str], list[float]]]]:
    """Every cell of a collection, with its residual curves by measure and variant, in order of layers."""
    record = read_run(directory)
    rows = [row for row in record.tables["measures"].to_pylist() if row["stream"] == "residual"]
    curves: dict[tuple[str, ...], dict[tuple[str, str], list[float]]] = {}
    for row in sorted(rows, key=lambda row: row["layer"]):
        own = curves.setdefault(_key(row), {})
        own.setdefault((row["measure"], row["variant"]), []).append(row["value"])
    return [(cell, curves[_key(cell)]) for cell in record.tables["cells"].to_pylist()]


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in _IDENTITY)


def valley(curve: Sequence[float]) -> float:
    """How far the lowest value inside lies under the lower end; negative where an end is the lowest.

    >>> round(valley([0.8, 0.4, 0.7]), 3), round(valley([0.8, 0.7, 0.6]), 3)
    (0.3, -0.1)
    """
    return min(curve[0], curve[-1]) - min(curve[1:-1])
