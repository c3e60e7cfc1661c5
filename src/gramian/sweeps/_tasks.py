"""What a worker does for a plan: decide on a cell, and compute a shard of it; its model stays loaded for the next task."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gramian.layers import LanguageModel, VisionModel, load_model
from gramian.layers._corpus import PYTHON_DOCS
from gramian.layers._job import Job, load_inputs, plan_job
from gramian.layers._settings import MeasureSettings
from gramian.layers._shards import ShardWork, compute_shard
from gramian.layers._wheels import WHEELS
from gramian.sweeps._plan import Cell, Plan


@dataclass(frozen=True)
class ModelRequest:
    """Which model, as another process can load it.

    Attributes:
        name: as for `load_model`; a path that exists where the plan was started is absolute.
        options: other arguments of `load_model`.
        local: whether the name is a path.
    """

    name: str
    options: Mapping[str, Any]
    local: bool

    @property
    def key(self) -> str:
        """Equal for requests that one loaded model serves."""
        return json.dumps([self.name, dict(self.options)], sort_keys=True, default=str)


@dataclass(frozen=True)
class CellRequest:
    """A cell to be decided on: which prompts, which parameters."""

    model: ModelRequest
    corpus: str
    corpus_options: Mapping[str, Any]
    corpus_local: bool
    settings: MeasureSettings


@dataclass(frozen=True)
class ShardRequest:
    """A shard to be computed by the model that the cell was decided with."""

    model: ModelRequest
    weights_hash: str
    shard: ShardWork


def settings_of(plan: Plan, cell: Cell) -> MeasureSettings:
    """The settings of a cell: the plan's, and its own condition."""
    own = {} if cell.condition is None else {"condition": cell.condition}
    return MeasureSettings(**{**plan.settings, **own})


def cell_request(plan: Plan, cell: Cell) -> CellRequest:
    """What is sent to a worker, whose working directory may be another: paths that exist here are made absolute."""
    settings = settings_of(plan, cell)
    name, local = _absolute(cell.model)
    corpus, corpus_local = _absolute(cell.corpus)
    options = {"seed": settings.seed, **cell.model_options}
    return CellRequest(ModelRequest(name, options, local), corpus, dict(cell.corpus_options), corpus_local, settings)


def decide_cell(request: CellRequest) -> Job:
    """Load the model and the corpus, and decide on the run."""
    if request.corpus_local:
        _check_there("corpus", request.corpus)
    model, corpus = load_inputs(
        held_model(request.model), request.corpus, request.settings, corpus_options=request.corpus_options
    )
    return plan_job(model, corpus, request.settings)


def compute_cell_shard(request: ShardRequest) -> dict[str, np.ndarray]:
    """The accumulators of one shard.

    Raises:
        ValueError: as `layers.measure`; or the model here is not the one that the cell was decided with.
    """
    model = held_model(request.model)
    if model.weights_hash != request.weights_hash:
        raise ValueError(
            f"model: expected the weights of {request.model.name} that the cell began with, {request.weights_hash[:12]}; "
            f"got {model.weights_hash[:12]} on {platform.node()}. Give every machine the same files"
        )
    return compute_shard(model, request.shard)


class _Held:
    """The model of this process: one at a time, because two may not fit."""

    key: str | None = None
    model: LanguageModel | VisionModel | None = None


def held_model(request: ModelRequest) -> LanguageModel | VisionModel:
    """The model of a request, loaded unless it is the one that this process used last."""
    if _Held.model is None or _Held.key != request.key:
        forget_model()
        if request.local:
            _check_there("model", request.name)
        _Held.model, _Held.key = load_model(request.name, **request.options), request.key
    return _Held.model


def forget_model() -> None:
    """Let go of the model of this process."""
    _Held.model = _Held.key = None


def _absolute(name: str) -> tuple[str, bool]:
    """A path that exists here made absolute, and whether it is one; names that are known before any path stay."""
    if name in WHEELS or name == PYTHON_DOCS:
        return name, False
    prefix = "hf:" if name.startswith("hf:") else ""
    path = Path(name.removeprefix(prefix))
    return (f"{prefix}{path.resolve()}", True) if path.exists() else (name, False)


def _check_there(what: str, name: str) -> None:
    if not Path(name.removeprefix("hf:")).exists():
        raise ValueError(
            f"{what}: expected {name} on every machine; got nothing there on {platform.node()}. "
            "Put it on a file system that all of them see, at the same path"
        )
