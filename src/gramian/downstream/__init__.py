"""How every layer of a model does on tasks: one forward pass over each text serves all layers, readings and tasks."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gramian.downstream._agreement import Agreement, agreement
from gramian.downstream._agreement_pairs import PairAgreement
from gramian.downstream._distance_correlation import distance_correlation
from gramian.downstream._evaluating import EvaluationResult, evaluate_layers
from gramian.downstream._labelled import LabelledTask, labelled_task
from gramian.downstream._reader import LayerReader
from gramian.downstream._readings import NORMALIZATIONS, POOLINGS, Reading, readings
from gramian.downstream._sink_shares import SinkShare
from gramian.downstream._store import DEFAULT_LIMIT, VectorStore, default_store_folder
from gramian.downstream._store_cost import store_cost
from gramian.downstream._tasks import Embed, LayerTask, Score

__all__ = [
    "DEFAULT_LIMIT",
    "NORMALIZATIONS",
    "POOLINGS",
    "Agreement",
    "Embed",
    "EvaluationResult",
    "LabelledTask",
    "LayerReader",
    "LayerTask",
    "PairAgreement",
    "Reading",
    "Score",
    "SinkShare",
    "VectorStore",
    "agreement",
    "default_store_folder",
    "distance_correlation",
    "evaluate_layers",
    "labelled_task",
    "readings",
    "store_cost",
]

# Names of modules that load heavy libraries or that are read alone: looked up when they are first used.
_LAZY: dict[str, str] = {}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
