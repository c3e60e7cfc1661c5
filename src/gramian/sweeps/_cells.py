"""Where the cells of a plan lie, and the table that tells them apart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gramian.sweeps._plan import Cell

if TYPE_CHECKING:
    import pyarrow as pa

CELLS = "cells"
_LONGEST_SLUG = 60
_ODD = re.compile(r"[^A-Za-z0-9.=]+")


def slug(cell: Cell) -> str:
    """A short readable name of a cell for its directory; two cells may share one.

    >>> slug(Cell("org/tiny", model_options={"revision": "step8"}))
    'tiny-step8-python-docs'
    """
    parts = [cell.model.rstrip("/").split("/")[-1], cell.model_options.get("revision")]
    parts += ["untrained" if cell.untrained else None, cell.corpus.rstrip("/").split("/")[-1]]
    parts += [str(getattr(cell.condition, "name", cell.condition)) if cell.condition is not None else None]
    text = "-".join(str(part) for part in parts if part)
    return _ODD.sub("-", text)[:_LONGEST_SLUG].strip("-.") or "cell"


def name_cells(cells: Sequence[Cell], known: Mapping[str, Any]) -> list[str]:
    """A directory name `<number>-<slug>` for every cell; a cell that an earlier plan named keeps its name.

    Args:
        cells: of the plan.
        known: names given before, with the cell's parameters.
    """
    free = dict(known)
    number = max((int(name.split("-")[0]) for name in known), default=-1) + 1
    names = []
    for cell in cells:
        facts = cell.parameters()
        name = next((name for name, held in free.items() if held == facts), None)
        if name is None:
            name = f"{number:03d}-{slug(cell)}"
            number += 1
        free.pop(name, None)
        names.append(name)
    return names


def cells_table(cells: Sequence[Cell], names: Sequence[str], identities: Sequence[Mapping[str, str]]) -> pa.Table:
    """The table `cells`: one row a cell, with the columns by which its rows in `measures` are found.

    Args:
        cells: of the plan.
        names: of their directories.
        identities: `model`, `revision`, `corpus` and `condition` of each, as `measures` has them.
    """
    import pyarrow as pa

    count = len(cells)
    columns = {
        "cell": pa.array(range(count), pa.int32()),
        "directory": pa.array([f"{CELLS}/{name}" for name in names], pa.string()),
    }
    for column in ("model", "revision", "corpus", "condition"):
        columns[column] = pa.array([identity[column] for identity in identities], pa.string())
    columns["axis"] = pa.array([cell.axis for cell in cells], pa.string())
    columns["perturbation"] = pa.array([cell.perturbation for cell in cells], pa.string())
    columns["strength"] = pa.array([cell.strength for cell in cells], pa.float64())
    columns["step"] = pa.array([cell.step for cell in cells], pa.float64())
    columns["untrained"] = pa.array([cell.untrained for cell in cells], pa.bool_())
    return pa.table(columns)
