"""How every layer of a model does on tasks: one forward pass over each text serves all layers, readings and tasks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gramian.downstream._agreement.agreement import Agreement, agreement
from gramian.downstream._agreement.distance_correlation import distance_correlation
from gramian.downstream._agreement.pairs import PairAgreement
from gramian.downstream._evaluation.evaluating import EvaluationResult, evaluate_layers
from gramian.downstream._export.card import LayerScore
from gramian.downstream._export.export import ExportedLayer, export_layer
from gramian.downstream._export.run import export_run
from gramian.downstream._recommend.labels import LabelledTexts, choose_by_labels
from gramian.downstream._recommend.probe import LabelledChoice, choose_by_probe
from gramian.downstream._recommend.recommend import recommend_layer
from gramian.downstream._recommend.results import Recommendation
from gramian.downstream._recommend.tidy import TidyTables, tidy_tables
from gramian.downstream._tasks.labelled import LabelledTask, labelled_task
from gramian.downstream._tasks.protocol import Embed, LayerTask, Score
from gramian.downstream._vectors.reader import LayerReader
from gramian.downstream._vectors.readings import NORMALIZATIONS, POOLINGS, Reading, readings
from gramian.downstream._vectors.sink_shares import SinkShare
from gramian.downstream._vectors.store import DEFAULT_LIMIT, VectorStore, default_store_folder
from gramian.downstream._vectors.store_cost import store_cost

if TYPE_CHECKING:
    from gramian.downstream._local.tasks import local_tasks
    from gramian.downstream._mteb.names import mteb_tasks
    from gramian.downstream._mteb.tasks import MtebTask
    from gramian.downstream._tasks.choice import choose_tasks
    from gramian.downstream._tasks.presets import LAYER_BY_LAYER

__all__ = [
    "DEFAULT_LIMIT",
    "LAYER_BY_LAYER",
    "NORMALIZATIONS",
    "POOLINGS",
    "Agreement",
    "Embed",
    "EvaluationResult",
    "ExportedLayer",
    "LabelledChoice",
    "LabelledTask",
    "LabelledTexts",
    "LayerReader",
    "LayerScore",
    "LayerTask",
    "MtebTask",
    "PairAgreement",
    "Reading",
    "Recommendation",
    "Score",
    "SinkShare",
    "TidyTables",
    "VectorStore",
    "agreement",
    "choose_by_labels",
    "choose_by_probe",
    "choose_tasks",
    "default_store_folder",
    "distance_correlation",
    "evaluate_layers",
    "export_layer",
    "export_run",
    "labelled_task",
    "local_tasks",
    "mteb_tasks",
    "readings",
    "recommend_layer",
    "store_cost",
    "tidy_tables",
]

# Names of modules that load heavy libraries or that are read alone: looked up when they are first used.
_LAZY: dict[str, str] = {
    "LAYER_BY_LAYER": "gramian.downstream._tasks.presets",
    "MtebTask": "gramian.downstream._mteb.tasks",
    "choose_tasks": "gramian.downstream._tasks.choice",
    "local_tasks": "gramian.downstream._local.tasks",
    "mteb_tasks": "gramian.downstream._mteb.names",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
