"""Tasks of MTEB with data from local files: classes of one's own, and the official ones. Nothing here asks a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from gramian.downstream._local.prototypes import local_prototype, official_prototype
from gramian.downstream._local.spec import LocalSpec, read_spec
from gramian.downstream._mteb.extra import mteb_package, undisturbed
from gramian.downstream._mteb.names import scoring_identity
from gramian.downstream._mteb.tasks import LoadedTask, MtebTask

__all__ = ["local_tasks"]


def local_tasks(path: str | Path, *, unit_length: bool = True, loaded: LoadedTask | None = None) -> list[MtebTask]:
    """The tasks that a file names, with data from the files it names; see "Local files" in the guide for the form.

    Args:
        path: A ``.yaml``, ``.yml`` or ``.json`` file, or a folder with one called ``tasks``.
        unit_length: Whether vectors are scaled to length one, see `MtebTask`.
        loaded: Where data are held; tasks that are scored in one run should share it.

    Returns:
        Tasks in the file's order. All data have been read once, so that what is wrong with them is known now.

    Raises:
        ValueError: A file that is not there or cannot be read, or data that do not fit their task.
        ImportError: MTEB is not installed.
    """
    specs = read_spec(path)
    mteb_package(f"the tasks of {path}")
    shared = loaded or LoadedTask()
    return [_task(spec, unit_length, shared) for spec in specs]


def _task(spec: LocalSpec, unit_length: bool, loaded: LoadedTask) -> MtebTask:
    make = official_prototype if spec.kind is None else local_prototype
    with undisturbed():
        prototype, notes = make(spec)
        identity = {
            "files": {part: [_content(file) for file in files] for part, files in spec.parts.items()},
            "kind": spec.kind,
            "columns": dict(spec.columns) if isinstance(spec.columns, Mapping) else spec.columns,
            "options": dict(spec.options),
            **scoring_identity(prototype, unit_length=unit_length),
        }
    return MtebTask(
        name=spec.name,
        type=prototype.metadata.type,
        hash=sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest(),
        load=partial(_load, spec),
        notes=tuple(notes),
        unit_length=unit_length,
        loaded=loaded,
    )


def _load(spec: LocalSpec) -> Any:
    make = official_prototype if spec.kind is None else local_prototype
    return make(spec)[0]


def _content(file: Path) -> str:
    digest = sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
