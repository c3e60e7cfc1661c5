"""Task objects of MTEB with data from local files: a class of one's own, or an official one."""

from __future__ import annotations

from typing import Any

from gramian.downstream._local.contents import contents_of
from gramian.downstream._local.placing import kind_of, place
from gramian.downstream._local.spec import KINDS, LocalSpec
from gramian.downstream._mteb.names import official_task

__all__ = ["local_prototype", "official_prototype"]

# Kind: type of task in MTEB, name of its class, main score.
_CLASSES = {
    "classification": ("Classification", "AbsTaskClassification", "accuracy"),
    "clustering": ("Clustering", "AbsTaskClustering", "v_measure"),
    "sts": ("STS", "AbsTaskSTS", "cosine_spearman"),
    "pair_classification": ("PairClassification", "AbsTaskPairClassification", "max_ap"),
    "reranking": ("Reranking", "AbsTaskRetrieval", "map_at_1000"),
    "retrieval": ("Retrieval", "AbsTaskRetrieval", "ndcg_at_10"),
}
# Options of the spec and the attributes of a class that they set.
_ATTRIBUTES = {
    ("classification", "samples_per_label"): "samples_per_label",
    ("classification", "experiments"): "n_experiments",
    ("clustering", "experiments"): "n_clusters",
}
_LANGUAGE = "eng-Latn"


def local_prototype(spec: LocalSpec) -> tuple[Any, list[str]]:
    """A task of a class of its own, with its data, and notes of what was left out of them.

    Raises:
        ValueError: Data that do not fit, or a language that MTEB does not know.
    """
    from mteb import abstasks
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.languages import check_language_code

    kind = str(spec.kind)
    contents, notes = contents_of(spec, kind)
    type_, base, main_score = _CLASSES[kind]
    language = spec.options.get("language", _LANGUAGE)
    facts = {
        "name": spec.name,
        "description": f"Local {kind.replace('_', ' ')} task.",
        "type": type_,
        "category": None,
        "modalities": ["text"],
        "dataset": {"path": "local", "revision": "local"},
        "eval_splits": ["test"],
        "main_score": main_score,
    }
    try:
        check_language_code(language)
    except ValueError as error:
        raise ValueError(
            f"task {spec.name}: expected language as a code such as {_LANGUAGE}; got {language!r}. Correct it."
        ) from error
    metadata = TaskMetadata(**facts, eval_langs=[language])
    attributes: dict[str, Any] = {"metadata": metadata}
    if kind == "clustering":
        attributes |= {"max_document_to_embed": None, "max_fraction_of_documents_to_embed": None}
    attributes |= {
        name: spec.options[key] for (of, key), name in _ATTRIBUTES.items() if of == kind and key in spec.options
    }
    task = type(f"Local{base}", (getattr(abstasks, base),), attributes)()
    place(task, contents, subset=None)
    return task, notes


def official_prototype(spec: LocalSpec) -> tuple[Any, list[str]]:
    """An official task of MTEB with data from local files, and notes of what was left out of them.

    Raises:
        ValueError: No such task, one of another kind, splits or a subset that it does not have, data that do not fit.
    """
    task = official_task(spec.name)
    what = f"task {spec.name}"
    kind = kind_of(task)
    if kind is None:
        raise ValueError(
            f"{what}: expected an official task of one of the kinds {', '.join(KINDS)}; got {task.metadata.type}. "
            "Leave it out of the file: by its name alone it is loaded from the hub."
        )
    subset = _subset(task, spec, what)
    split = _split(task, spec, what) if "corpus" in spec.parts else None
    wanted = list(task.eval_splits) if split is None else [split]
    trained = [task.train_split] if kind == "classification" else []
    if split is None:
        wrong = next((part for part in spec.parts if part not in (*trained, *wanted)), None)
        lacking = next((part for part in trained if part not in spec.parts), None)
        if wrong or lacking or not set(wanted) & set(spec.parts):
            got = repr(wrong) if wrong else ", ".join(spec.parts)
            raise ValueError(f"{what}: expected the splits {', '.join((*trained, *wanted))}; got {got}. Correct it.")
        wanted = [one for one in wanted if one in spec.parts]
    contents, notes = contents_of(spec, kind, split=split or wanted[0])
    task.filter_eval_splits(wanted)
    place(task, contents, subset=subset)
    return task, [*notes, *_prepare(task, spec, what)]


def _subset(task: Any, spec: LocalSpec, what: str) -> str | None:
    there = list(task.metadata.hf_subsets)
    given = spec.options.get("subset")
    if given is None and len(there) > 1:
        raise ValueError(
            f"{what}: expected subset to say which one the files are of ({_some(there)}); got none. Add it."
        )
    if given is not None and given not in there:
        raise ValueError(f"{what}: expected subset to be one of {_some(there)}; got {given!r}. Correct it.")
    if not task.metadata.is_multilingual:
        return None
    task.hf_subsets = [given or there[0]]
    return str(task.hf_subsets[0])


def _split(task: Any, spec: LocalSpec, what: str) -> str:
    there = list(task.eval_splits)
    given = spec.options.get("split", there[0] if len(there) == 1 else None)
    if given not in there:
        raise ValueError(f"{what}: expected split to be one of {_some(there)}; got {given!r}. Correct it.")
    return str(given)


def _prepare(task: Any, spec: LocalSpec, what: str) -> list[str]:
    """Run the class's own preparation of its data where that is asked for; else say that there is one."""
    from mteb.abstasks import AbsTask

    if type(task).dataset_transform is AbsTask.dataset_transform:
        return []
    if not spec.options.get("transform"):
        return [f"{task.metadata.name} prepares its data (dataset_transform); local files are taken as they are"]
    try:
        task.dataset_transform()
    except (ValueError, KeyError, TypeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{what}: expected data that its transform takes; got an error ({reason}). Leave transform out."
        ) from error
    return []


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
