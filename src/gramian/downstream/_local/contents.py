"""What the files of a local task hold, checked, by split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gramian.downstream._local.data import as_classes, as_pairs, as_scored_pairs, read_roles, texts_of
from gramian.downstream._local.retrieval import Retrieval, documents_of, reranking_of
from gramian.downstream._local.rows import Columns
from gramian.downstream._local.spec import LocalSpec

__all__ = ["Contents", "contents_of"]

Contents = Mapping[str, Columns | Retrieval]
_RETRIEVAL_PARTS = ("corpus", "queries", "qrels")


def contents_of(spec: LocalSpec, kind: str, *, split: str = "test") -> tuple[Contents, list[str]]:
    """The data of a task by split, in the roles of its kind, and notes of what was left out.

    Args:
        spec: The task.
        kind: One of `KINDS`.
        split: What to call the split of retrieval, whose parts are not splits.

    Raises:
        ValueError: Files that cannot be read, or data that the kind of task cannot use.
    """
    what = f"task {spec.name}"
    if kind == "classification":
        return _labelled(spec, what), []
    if kind == "clustering":
        return {part: _clusters(_rows(spec, part, ("text", "label"), what), what) for part in spec.parts}, []
    if kind == "sts":
        scored = {
            part: as_scored_pairs(_rows(spec, part, ("sentence1", "sentence2", "score"), what), what=what)
            for part in spec.parts
        }
        return {part: pairs for part, (pairs, _) in scored.items()}, [n for _, notes in scored.values() for n in notes]
    if kind == "pair_classification":
        roles = ("sentence1", "sentence2", "label")
        return {part: as_pairs(_rows(spec, part, roles, what), what=what) for part in spec.parts}, []
    if set(spec.parts) & set(_RETRIEVAL_PARTS):
        found = {split: _documents(spec, what)}
    else:
        found = {part: reranking_of(_candidates(spec, part, what), what=what) for part in spec.parts}
    return found, [note for one in found.values() for note in one.notes]


def _rows(spec: LocalSpec, part: str, roles: Sequence[str], what: str, optional: Sequence[str] = ()) -> Columns:
    return read_roles(spec.parts[part], roles, optional=optional, columns=spec.columns, what=f"{what}: {part}")


def _labelled(spec: LocalSpec, what: str) -> dict[str, Columns]:
    rows = {part: _rows(spec, part, ("text", "label"), what) for part in spec.parts}
    labels = as_classes({part: columns["label"] for part, columns in rows.items()}, what=what)
    for part, of_part in labels.items():
        there = set(of_part)
        if len(there) < 2:
            raise ValueError(f"{what}: expected at least 2 different labels in {part}; got 1. Add texts of others.")
        if part != "train" and len(there) == 2 and 1 not in there:
            names = sorted({str(rows[part]["label"][of_part.index(label)]) for label in there})
            raise ValueError(
                f"{what}: expected more labels in {part} than {' and '.join(names)}, or only these two in every part; got more "
                "elsewhere. MTEB scores a test of two labels as a binary one: add texts of the others, or leave them out."
            )
    return {
        part: {"text": texts_of(columns["text"], role="text", what=f"{what}: {part}"), "label": labels[part]}
        for part, columns in rows.items()
    }


def _clusters(rows: Columns, what: str) -> Columns:
    """Texts with their clusters, or sets of them: then every row holds two lists."""
    if not any(isinstance(text, list) for text in rows["text"]):
        labels = as_classes({"test": rows["label"]}, what=what)["test"]
        if len(set(labels)) < 2:
            raise ValueError(f"{what}: expected at least 2 clusters; got 1. Add texts of others.")
        return {"text": texts_of(rows["text"], role="text", what=what), "label": labels}
    sets: Columns = {"text": [], "label": []}
    for number, (texts, of_texts) in enumerate(zip(rows["text"], rows["label"], strict=True), 1):
        if not isinstance(texts, list) or not isinstance(of_texts, list) or len(texts) != len(of_texts):
            raise ValueError(
                f"{what}: expected as many labels as texts in every row of lists; got others in row {number}. Correct it."
            )
        sets["text"].append(texts_of(texts, role="text", what=what))
        sets["label"].append(as_classes({"test": of_texts}, what=what)["test"])
    return sets


def _candidates(spec: LocalSpec, part: str, what: str) -> Columns:
    rows = _rows(spec, part, ("query",), what, optional=("positive", "negative", "document", "relevance"))
    if not {"positive", "negative"} <= rows.keys() and not {"document", "relevance"} <= rows.keys():
        raise ValueError(
            f"{what}: expected columns positive and negative with lists of texts, or document and relevance; got neither. "
            "Say which ones: columns: {positive: NAME, negative: NAME}."
        )
    return rows


def _documents(spec: LocalSpec, what: str) -> Retrieval:
    missing = [part for part in _RETRIEVAL_PARTS if part not in spec.parts]
    if missing:
        raise ValueError(f"{what}: expected files for corpus, queries and qrels; got no {missing[0]}. Name them.")
    return documents_of(
        _rows(spec, "corpus", ("id", "text"), what, optional=("title",)),
        _rows(spec, "queries", ("id", "text"), what, optional=("instruction",)),
        _rows(spec, "qrels", ("query", "document", "relevance"), what),
        what=what,
    )
