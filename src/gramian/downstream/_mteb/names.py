"""Tasks of MTEB by the names it gives them: single tasks, benchmarks, and the presets that are sets of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from gramian.downstream._mteb.extra import mteb_package, undisturbed
from gramian.downstream._mteb.tasks import LoadedTask, MtebTask
from gramian.downstream._tasks.presets import LAYER_BY_LAYER, LAYER_BY_LAYER_BENCHMARK

__all__ = ["hub_task", "layer_by_layer", "mteb_tasks", "official_task"]


def mteb_tasks(name: str, *, unit_length: bool = True, loaded: LoadedTask | None = None) -> list[MtebTask]:
    """The task of MTEB, or the tasks of a benchmark of MTEB, with a name; data come from the hub or its cache.

    Args:
        name: Such as ``STS15`` or ``MTEB(eng, v2)``.
        unit_length: Whether vectors are scaled to length one, see `MtebTask`.
        loaded: Where data are held; tasks that are scored in one run should share it.

    Returns:
        Tasks in MTEB's order; an aggregate task is given as its parts.

    Raises:
        ImportError: MTEB is not installed.
        ValueError: A name that MTEB does not know, or a task of something else than text.
    """
    package = mteb_package(repr(name))
    with undisturbed():
        found = _benchmark(package, name)
        tasks = list(_parts(found)) if found is not None else list(_parts([official_task(name)]))
    shared = loaded or LoadedTask()
    return [hub_task(task, unit_length=unit_length, loaded=shared) for task in tasks]


def layer_by_layer(*, unit_length: bool = True, loaded: LoadedTask | None = None) -> list[MtebTask]:
    """The 32 tasks of `LAYER_BY_LAYER`, with the subsets and splits of the benchmark that they are from."""
    tasks = {task.name: task for task in mteb_tasks(LAYER_BY_LAYER_BENCHMARK, unit_length=unit_length, loaded=loaded)}
    return [tasks[name] for names in LAYER_BY_LAYER.values() for name in names]


def official_task(name: str) -> Any:
    """MTEB's own task object.

    Raises:
        ImportError: MTEB is not installed.
        ValueError: A name that MTEB does not know.
    """
    package = mteb_package(repr(name))
    try:
        with undisturbed():
            return package.get_task(name)
    except KeyError as error:
        raise ValueError(
            f"tasks: expected a task or benchmark of MTEB, a file, layer-by-layer or python-docs; got {name!r}.{_nearest(package, name)}"
        ) from error


def hub_task(task: Any, *, unit_length: bool, loaded: LoadedTask) -> MtebTask:
    """A layer task of MTEB's task object, whose data are loaded when they are first needed.

    Raises:
        ValueError: It is not about text alone.
    """
    facts = task.metadata
    if list(facts.modalities) != ["text"]:
        raise ValueError(
            f"tasks: expected tasks of text; got {facts.name}, of {' and '.join(facts.modalities)}. Leave it out."
        )
    identity = {
        "data": {key: str(value) for key, value in facts.dataset.items()},
        "subsets": list(task.hf_subsets),
        "splits": list(task.eval_splits),
        **scoring_identity(task, unit_length=unit_length),
    }
    return MtebTask(
        name=facts.name,
        type=facts.type,
        hash=sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest(),
        load=lambda: _with_data(task),
        unit_length=unit_length,
        loaded=loaded,
    )


def scoring_identity(task: Any, *, unit_length: bool) -> dict[str, Any]:
    """What the scores depend on beside data and vectors."""
    from mteb import __version__

    facts = {"name": task.metadata.name, "main": task.metadata.main_score, "seed": task.seed, "mteb": __version__}
    return {**facts, "unit_length": unit_length}


def _with_data(task: Any) -> Any:
    # A new object: data stay with it, and go with it when another task's turn comes.
    fresh = type(task)(seed=task.seed)
    vars(fresh).update({name: value for name, value in vars(task).items() if name in ("hf_subsets", "_eval_splits")})
    try:
        fresh.load_data()
    except OSError as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"task {task.metadata.name}: expected its data on the hub or in the hub's cache; got none ({reason}). "
            "Connect once, or give its files: see local files in the guide."
        ) from error
    if hasattr(fresh, "convert_v1_dataset_format_to_v2"):
        fresh.convert_v1_dataset_format_to_v2(num_proc=None)
    return fresh


def _benchmark(package: Any, name: str) -> Any:
    try:
        return package.get_benchmark(name)
    except KeyError:
        return None


def _parts(tasks: Any) -> Iterator[Any]:
    """Single tasks out of benchmarks within benchmarks and of aggregate tasks."""
    for one in tasks:
        if hasattr(one, "tasks"):
            yield from _parts(one.tasks)
        elif one.is_aggregate:
            yield from _parts(one.metadata.tasks)
        else:
            yield one


def _nearest(package: Any, name: str) -> str:
    from difflib import get_close_matches

    with undisturbed():
        names = [one.metadata.name for one in package.get_tasks()] + [one.name for one in package.get_benchmarks()]
    # Names end in what kind of task it is, which is what people leave out or get wrong.
    beginnings = {one[: len(name) + 1].lower(): one for one in reversed(names)}
    found = get_close_matches(name.lower(), beginnings, n=1)
    return f" Did you mean {beginnings[found[0]]!r}?" if found else " See the guide."
