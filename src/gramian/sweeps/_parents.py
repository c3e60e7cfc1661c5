"""The run directory of a whole plan: opened, gone on with, or taken over by a plan of other cells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gramian.runs import RunDirectory
from gramian.runs._manifest import plain
from gramian.sweeps._plan import Plan


def known_cells(folder: Path) -> Mapping[str, Any]:
    """The names that a run in this directory gave its cells, and their parameters; none where there is no such run."""
    found = _parameters(folder).get("cells", {})
    return found if isinstance(found, dict) else {}


def open_parent(folder: Path, plan: Plan, cells: Mapping[str, Any], *, overwrite: bool, extend: bool) -> RunDirectory:
    """Open the run directory of a plan.

    Args:
        folder: the directory.
        plan: what is measured.
        cells: parameters of each cell, by the name of its directory.
        overwrite: start anew.
        extend: if the run there differs in nothing but its cells, take over those that are in the plan too.

    Raises:
        RunMismatch: a run of another plan is there; the message shows the difference.
        RunError: what is there is no run, or another process writes it.
    """
    parameters = {"cells": dict(cells), **plan.parameters()}
    if not extend or overwrite or not _differs_in_cells_alone(folder, parameters):
        return RunDirectory.open(folder, command=plan.command, parameters=parameters, overwrite=overwrite)
    # The cells' own directories say which sweep they are of: with the token they stay finished.
    token = json.loads((folder / "manifest.json").read_bytes()).get("token")
    run = RunDirectory.open(folder, command=plan.command, parameters=parameters, overwrite=True)
    if token:
        run.update_manifest(token=token)
    return run


def _differs_in_cells_alone(folder: Path, parameters: Mapping[str, Any]) -> bool:
    there = _parameters(folder)
    now = plain(parameters)
    return bool(there) and there != now and {**there, "cells": None} == {**now, "cells": None}


def _parameters(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "manifest.json").read_bytes())["parameters"]
    except (OSError, ValueError, KeyError, TypeError):  # RunDirectory.open says what is wrong with it
        return {}
    return found if isinstance(found, dict) else {}
