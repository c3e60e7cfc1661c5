"""Evolution: a series of checkpoints of one training, beside an untrained copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from gramian.layers import find_source, is_checkpoint_name, training_step
from gramian.sweeps._plan import Cell, Plan

EVOLVE_MEASURES = (
    "prompt_entropy",
    "dataset_entropy",
    "curvature",
    "effective_rank",
    "intrinsic_dimension",
    "sink_share",
)


@dataclass(frozen=True)
class Checkpoint:
    """One point of a training: where it is, and after how many steps."""

    model: str
    revision: str | None
    step: int


def hub_checkpoints(model: str, revisions: Sequence[str]) -> list[Checkpoint]:
    """Revisions of a model on the hub, in order of their steps; each is looked up, none of their weights is loaded.

    Args:
        model: a hub id.
        revisions: branches, tags or commits whose names state the step (``step1000``), or ``NAME=STEP`` (``main=143000``).

    Raises:
        ValueError: no revision, one without a step, two of one step, or one that the hub does not have.
    """
    if not revisions:
        raise ValueError("revisions: expected at least one; got none. For example step1,step512,step143000")
    found = []
    for given in revisions:
        name, _, stated = given.partition("=")
        step = int(stated) if stated.isdecimal() else training_step(name) if not stated else None
        if step is None or not name:
            raise ValueError(
                f"revisions: expected names that state their step, such as step1000; got {given!r}. "
                f"Write it as {name or 'NAME'}=STEP, such as main=143000"
            )
        found.append(Checkpoint(model, name, step))
    ordered = _ordered("revisions", found)
    for checkpoint in ordered:
        # Only configuration and tokenizer: that all are there is to be known before the first is measured.
        find_source(model, revision=checkpoint.revision, weights=False)
    return ordered


def folder_checkpoints(folders: Sequence[str | Path]) -> list[Checkpoint]:
    """Checkpoint folders, in order of their steps.

    Args:
        folders: of checkpoints, whose names state the step (``step-000064``, ``checkpoint-500``), or of folders that hold some.

    Raises:
        ValueError: no folder, none there, one without checkpoints, without a step or without weights, or two of one step.
    """
    if not folders:
        raise ValueError("checkpoints: expected at least one folder; got none. For example runs/train/neox")
    paths = [path for folder in folders for path in _checkpoints_in(Path(folder))]
    found = []
    for path in paths:
        step = training_step(path.resolve().name)
        if step is None:
            raise ValueError(
                f"checkpoints: expected folders whose names state their step, such as step-000064; got {path.name!r}. Rename it"
            )
        find_source(str(path.resolve()), revision=None, weights=True)
        found.append(Checkpoint(str(path), None, step))
    return _ordered("checkpoints", found)


def _checkpoints_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        got = "a file" if folder.exists() else "nothing there"
        raise ValueError(f"checkpoints: expected a folder; got {folder}, {got}. Give folders that training saved")
    if (folder / "config.json").is_file() or is_checkpoint_name(folder.resolve().name):
        return [folder]
    inside = sorted(file.parent for file in folder.glob("*/config.json") if not file.parent.name.startswith("."))
    if not inside:
        raise ValueError(
            f"checkpoints: expected a checkpoint or a folder of checkpoints; got {folder} without a config.json in it or in a "
            "folder inside. Give folders that training saved"
        )
    return inside


def _ordered(name: str, checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    ordered = sorted(checkpoints, key=lambda checkpoint: checkpoint.step)
    for before, after in pairwise(ordered):
        if before.step == after.step:
            labels = " and ".join(one.revision or one.model for one in (before, after))
            raise ValueError(f"{name}: expected each step once; got step {after.step} twice, {labels}. Leave one out")
    return ordered


def evolve_plan(
    checkpoints: Sequence[Checkpoint],
    *,
    untrained: bool = True,
    corpus: str = "python-docs",
    model_options: Mapping[str, Any] | None = None,
    corpus_options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of ``gramian evolve``: every checkpoint on the same prompts, and the last one's architecture with random weights.

    Args:
        checkpoints: from `hub_checkpoints` or `folder_checkpoints`.
        untrained: whether the baseline is measured; it stands at step 0 beside a checkpoint of step 0, whose random weights differ.
        corpus: as for `layers.load_corpus`.
        model_options: more arguments of `load_model`.
        corpus_options: more arguments of `load_corpus`.
        settings: of the plan; by default `EVOLVE_MEASURES` without views and 100 prompts of at most 128 tokens.

    Returns:
        The plan, for `run_plan`.

    Raises:
        ValueError: no checkpoint.
    """
    if not checkpoints:
        raise ValueError("checkpoints: expected at least one; got none. See hub_checkpoints and folder_checkpoints")
    options = dict(model_options or {})
    cells = [
        Cell(
            checkpoint.model,
            model_options=options | _revision(checkpoint),
            corpus=corpus,
            corpus_options=corpus_options or {},
            axis="step",
            step=float(checkpoint.step),
        )
        for checkpoint in checkpoints
    ]
    if untrained:
        last = checkpoints[-1]
        baseline = options | _revision(last) | {"untrained": True}
        cells.append(
            Cell(
                last.model,
                model_options=baseline,
                corpus=corpus,
                corpus_options=corpus_options or {},
                axis="step",
                step=0.0,
            )
        )
    defaults = {"measures": list(EVOLVE_MEASURES), "views": 0, "prompts": 100, "max_tokens": 128}
    return Plan(tuple(cells), defaults | dict(settings or {}), command="evolve", threads=None)


def _revision(checkpoint: Checkpoint) -> dict[str, str]:
    return {} if checkpoint.revision is None else {"revision": checkpoint.revision}
