"""Contents of local files put where a task class of MTEB looks for its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gramian.downstream._local.contents import Contents
from gramian.downstream._local.retrieval import Retrieval
from gramian.downstream._local.rows import Columns

__all__ = ["kind_of", "place"]


def kind_of(task: Any) -> str | None:
    """The kind of local data that feeds a task of MTEB; None where there is none."""
    from mteb.abstasks import (
        AbsTaskClassification,
        AbsTaskClustering,
        AbsTaskClusteringLegacy,
        AbsTaskPairClassification,
        AbsTaskRetrieval,
        AbsTaskSTS,
    )

    if isinstance(task, AbsTaskRetrieval):
        return "reranking" if task.metadata.type == "Reranking" else "retrieval"
    kinds = {
        AbsTaskClassification: "classification",
        AbsTaskClustering: "clustering",
        AbsTaskClusteringLegacy: "clustering",
        AbsTaskSTS: "sts",
        AbsTaskPairClassification: "pair_classification",
    }
    return next((kind for cls, kind in kinds.items() if isinstance(task, cls)), None)


def place(task: Any, contents: Contents, *, subset: str | None) -> None:
    """Give a task its data; afterwards it counts as loaded.

    Args:
        task: Of MTEB, without data.
        contents: By split.
        subset: The subset that the data are of; None for a task that has one only.
    """
    from datasets import Dataset, DatasetDict

    splits: dict[str, Any] = {}
    for split, of_split in contents.items():
        if isinstance(of_split, Retrieval):
            splits[split] = {
                "corpus": Dataset.from_dict(of_split.corpus),
                "queries": Dataset.from_dict(of_split.queries),
                "relevant_docs": of_split.relevant,
                "top_ranked": of_split.candidates,
            }
        else:
            splits[split] = Dataset.from_dict(_renamed(task, of_split))
    if any(isinstance(of_split, Retrieval) for of_split in contents.values()):
        task.dataset = {subset or "default": splits}
    else:
        task.dataset = DatasetDict(splits) if subset is None else {subset: DatasetDict(splits)}
    task.data_loaded = True


def _renamed(task: Any, columns: Columns) -> Columns:
    """The columns by the names that the class reads."""
    from mteb.abstasks import AbsTaskClusteringLegacy, AbsTaskPairClassification, AbsTaskSTS

    if isinstance(task, AbsTaskSTS):
        names: Mapping[str, str] = dict(zip(("sentence1", "sentence2"), task.column_names, strict=True))
    elif isinstance(task, AbsTaskPairClassification):
        names = {
            "sentence1": task.input1_column_name,
            "sentence2": task.input2_column_name,
            "label": task.label_column_name,
        }
    else:
        names = {"text": task.input_column_name, "label": task.label_column_name}
        if isinstance(task, AbsTaskClusteringLegacy) and not isinstance(columns["text"][0], list):
            columns = {role: [values] for role, values in columns.items()}
    return {names.get(role, role): values for role, values in columns.items()}
