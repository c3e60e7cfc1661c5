"""Tasks by what a user calls them: a preset, a task or benchmark of MTEB, a file of local tasks, a file with labels."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gramian.downstream._mteb.tasks import LoadedTask
from gramian.downstream._tasks.labelled import Probe, labelled_task
from gramian.downstream._tasks.protocol import LayerTask
from gramian.layers._corpus import EXTENSIONS, PYTHON_DOCS

__all__ = ["LAYER_BY_LAYER_PRESET", "choose_tasks", "split_names"]

LAYER_BY_LAYER_PRESET = "layer-by-layer"
_SPECS = (".yaml", ".yml", ".json")
# Names of benchmarks have commas between brackets.
_COMMA = re.compile(r",(?![^()]*\))")


def choose_tasks(
    names: Sequence[str],
    *,
    field: str | None = None,
    label_field: str | None = None,
    probe: Probe | None = None,
    prompts: int | None = None,
    unit_length: bool = True,
    seed: int = 0,
) -> list[LayerTask]:
    """The tasks that some names stand for, each once.

    Args:
        names: ``layer-by-layer`` (the 32 tasks of the published scores per layer), ``python-docs`` (topics of the built-in
            corpus), a task or benchmark of MTEB, a ``.yaml`` or ``.json`` file of local tasks or a folder with one, or a file
            with labels (``.csv``, ``.tsv``, ``.jsonl``, ``.parquet``, ``org/name`` on the hub). A name may hold several with
            commas between them.
        field: The text's field in files with labels.
        label_field: The label's field there.
        probe: What reads texts with labels: ``logistic``, ``knn`` or ``ridge``; None for what fits the labels.
        prompts: How many texts of files with labels to take; None for all.
        unit_length: Whether MTEB's tasks get vectors of length one, see `MtebTask`. The built-in probes scale features themselves.
        seed: Of the built-in probes; MTEB's tasks keep theirs.

    Returns:
        Layer tasks, in order.

    Raises:
        ValueError: A name that stands for nothing, or an argument that none of the tasks takes.
        ImportError: MTEB is not installed, and a task needs it.
    """
    items = [item for name in names for item in split_names(name)]
    if not items:
        raise ValueError("tasks: expected at least one; got none. Name a task of MTEB, a file, or python-docs.")
    labelled = [item for item in items if _is_labelled(item, label_field)]
    of_files = [item for item in labelled if item != PYTHON_DOCS]
    _refuse_unused({"field": field, "label_field": label_field}, of_files, "a file with labels")
    _refuse_unused({"probe": probe, "prompts": prompts}, labelled, "texts with labels")
    loaded = LoadedTask()
    tasks: dict[tuple[str, str], LayerTask] = {}
    for item in items:
        if item in labelled:
            named = item != PYTHON_DOCS
            one = labelled_task(
                item,
                field=field if named else None,
                label_field=label_field if named else None,
                probe=probe,
                prompts=prompts,
                seed=seed,
            )
            found: Sequence[LayerTask] = [one]
        else:
            found = _of_mteb(item, unit_length, loaded)
        tasks |= {(task.name, task.hash): task for task in found if (task.name, task.hash) not in tasks}
    return list(tasks.values())


def split_names(text: str) -> list[str]:
    """Names with commas between them; commas in brackets belong to a name, and so do those of a path that is there.

    >>> split_names("STS15, MTEB(eng, v2)")
    ['STS15', 'MTEB(eng, v2)']
    """
    # A long list of names is no path, and pathlib would not bear it.
    if os.path.exists(text):
        return [text]
    return [name.strip() for name in _COMMA.split(text) if name.strip()]


def _of_mteb(item: str, unit_length: bool, loaded: LoadedTask) -> Sequence[LayerTask]:
    from gramian.downstream._local.tasks import local_tasks
    from gramian.downstream._mteb.names import layer_by_layer, mteb_tasks

    if item == LAYER_BY_LAYER_PRESET:
        return layer_by_layer(unit_length=unit_length, loaded=loaded)
    if Path(item).is_dir() or Path(item).suffix.lower() in _SPECS:
        return local_tasks(item, unit_length=unit_length, loaded=loaded)
    if "/" in item:
        raise ValueError(
            f"tasks: expected a file or folder; got {item}, which does not exist. A data set of the hub needs label_field."
        )
    return mteb_tasks(item, unit_length=unit_length, loaded=loaded)


def _is_labelled(item: str, label_field: str | None) -> bool:
    path = Path(item)
    if item == PYTHON_DOCS or path.suffix.lower() in EXTENSIONS:
        return True
    on_hub = item.startswith("hf:") or ("/" in item and not path.exists() and path.suffix.lower() not in _SPECS)
    return on_hub and label_field is not None


def _refuse_unused(given: dict[str, Any], users: Sequence[str], what: str) -> None:
    for name, value in given.items():
        if value is not None and not users:
            raise ValueError(f"{name}: expected none without {what} among the tasks; got {value!r}. Leave it out.")
