"""Queries with the documents that answer them, from local files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gramian.downstream._local.data import number_of, texts_of
from gramian.downstream._local.rows import Columns

__all__ = ["Retrieval", "documents_of", "reranking_of"]


@dataclass
class Retrieval:
    """Queries and documents as MTEB's retrieval tasks take them.

    Attributes:
        corpus: Columns ``id``, ``text``, perhaps ``title``.
        queries: Columns ``id``, ``text``, perhaps ``instruction``.
        relevant: Relevance of documents by query.
        candidates: Documents to be ranked by query; None for the whole corpus.
        notes: What was left out.
    """

    corpus: Columns
    queries: Columns
    relevant: dict[str, dict[str, int]]
    candidates: dict[str, list[str]] | None = None
    notes: list[str] = field(default_factory=list)


def reranking_of(rows: Columns, *, what: str) -> Retrieval:
    """Queries with the documents to rank: lists ``positive`` and ``negative``, or one candidate a row with its relevance."""
    grouped: dict[str, list[tuple[str, int]]] = {}
    queries = texts_of(rows["query"], role="query", what=what)
    if "positive" in rows:
        for number, query in enumerate(queries):
            for role, relevance in (("positive", 1), ("negative", 0)):
                listed = rows[role][number]
                if not isinstance(listed, list):
                    raise ValueError(f"{what}: expected a list of texts in {role!r}; got {listed!r}. Give JSON lines.")
                grouped.setdefault(query, []).extend(
                    (text, relevance) for text in texts_of(listed, role=role, what=what)
                )
    else:
        documents = texts_of(rows["document"], role="document", what=what)
        for query, text, value in zip(queries, documents, rows["relevance"], strict=True):
            grouped.setdefault(query, []).append((text, _relevance(value, what)))
    found = Retrieval({"id": [], "text": []}, {"id": [], "text": []}, {}, {})
    for number, (query, listed) in enumerate(grouped.items()):
        key = f"q{number}"
        if not any(relevance for _, relevance in listed):
            continue
        keys = [f"{key}-d{place}" for place in range(len(listed))]
        found.queries["id"].append(key)
        found.queries["text"].append(query)
        found.corpus["id"] += keys
        found.corpus["text"] += [text for text, _ in listed]
        found.relevant[key] = {at: relevance for at, (_, relevance) in zip(keys, listed, strict=True) if relevance}
        if found.candidates is not None:
            found.candidates[key] = keys
    return _with_relevant(found, len(grouped), what)


def documents_of(corpus: Columns, queries: Columns, qrels: Columns, *, what: str) -> Retrieval:
    """A corpus, queries, and which documents are relevant to which query.

    Raises:
        ValueError: An identifier that occurs twice or is not there, or no query with a relevant document.
    """
    keys = {}
    for part, rows in (("corpus", corpus), ("queries", queries)):
        keys[part] = [str(one) for one in rows["id"]]
        if len(set(keys[part])) < len(keys[part]):
            raise ValueError(f"{what}: expected each id once in {part}; got one that occurs twice. Remove the copies.")
    known = {part: set(of_part) for part, of_part in keys.items()}
    relevant: dict[str, dict[str, int]] = {}
    for query, document, value in zip(qrels["query"], qrels["document"], qrels["relevance"], strict=True):
        for part, one in (("queries", str(query)), ("corpus", str(document))):
            if one not in known[part]:
                raise ValueError(
                    f"{what}: expected ids of {part} in qrels; got {one!r}, which is not there. Correct it."
                )
        relevance = _relevance(value, what)
        if relevance:
            relevant.setdefault(str(query), {})[str(document)] = relevance
    texts = texts_of(queries["text"], role="text", what=what)
    asked = [at for at, key in enumerate(keys["queries"]) if key in relevant]
    found = Retrieval(
        corpus={"id": keys["corpus"], "text": texts_of(corpus["text"], role="text", what=what)},
        queries={
            "id": [keys["queries"][at] for at in asked],
            "text": [texts[at] for at in asked],
        },
        relevant=relevant,
    )
    if "title" in corpus:
        found.corpus["title"] = texts_of([one or "" for one in corpus["title"]], role="title", what=what)
    if "instruction" in queries:
        instructions = texts_of(queries["instruction"], role="instruction", what=what)
        found.queries["instruction"] = [instructions[at] for at in asked]
    return _with_relevant(found, len(keys["queries"]), what)


def _with_relevant(found: Retrieval, queries: int, what: str) -> Retrieval:
    kept = len(found.queries["id"])
    if not kept:
        raise ValueError(
            f"{what}: expected at least one query with a relevant document; got none. Check the relevance."
        )
    if kept < queries:
        found.notes.append(f"{queries - kept:,} of {queries:,} queries have no relevant document and are left out")
    return found


def _relevance(value: Any, what: str) -> int:
    number = number_of(value)
    if number is None or number < 0 or number != int(number):
        raise ValueError(f"{what}: expected relevance as a whole number from 0; got {value!r}. Correct it.")
    return int(number)
