"""A folder of small local tasks of every kind."""

from __future__ import annotations

import json
from pathlib import Path

from tests.downstream.test_local_files import write

CLASSES = {"text": [f"text {i}" for i in range(60)], "label": ["abc"[i % 3] for i in range(60)]}
TRAIN = {"text": [f"train {i}" for i in range(60)], "label": ["abc"[i % 3] for i in range(60)]}
PAIRS = {
    "sentence1": [f"left {i}" for i in range(30)],
    "sentence2": [f"right {i}" for i in range(30)],
    "score": [str((i * 7) % 11) for i in range(30)],
    "label": [str(i % 2) for i in range(30)],
}
RERANKING = {
    "query": [f"query {i // 3}" for i in range(12)],
    "document": [f"answer {i}" for i in range(12)],
    "relevance": [str(int(i % 3 == 1)) for i in range(12)],
}
CORPUS = {
    "id": [f"d{i}" for i in range(12)],
    "title": ["Title" if i == 4 else "" for i in range(12)],
    "text": [f"body {i}" for i in range(12)],
}
QUERIES = {"id": [f"q{i}" for i in range(4)], "text": [f"ask {i}" for i in range(4)]}
QRELS = {"query": [f"q{i}" for i in range(4)], "document": [f"d{i + 4}" for i in range(4)], "relevance": ["1"] * 4}
FILES = {
    "train.csv": TRAIN,
    "test.csv": CLASSES,
    "pairs.csv": PAIRS,
    "rerank.csv": RERANKING,
    "corpus.jsonl": CORPUS,
    "queries.csv": QUERIES,
    "qrels.tsv": QRELS,
}
SPEC = {
    "classes": {"type": "classification", "train": "train.csv", "test": "test.csv", "experiments": 3},
    "clusters": {"type": "clustering", "test": "test.csv"},
    "similarity": {"type": "sts", "test": "pairs.csv"},
    "pairs": {"type": "pair_classification", "test": "pairs.csv"},
    "ranking": {"type": "reranking", "test": "rerank.csv"},
    "search": {"type": "retrieval", "corpus": "corpus.jsonl", "queries": "queries.csv", "qrels": "qrels.tsv"},
    "STS15": {"test": "pairs.csv"},
    "Banking77Classification": {"train": "train.csv", "test": "test.csv"},
}


def write_tasks(folder: Path) -> Path:
    """Write the files and the spec that names them; returns the folder."""
    for name, columns in FILES.items():
        write(folder / name, columns)
    (folder / "tasks.json").write_text(json.dumps(SPEC))
    return folder


def main_score(scores):
    """The main one of some scores."""
    return next(score for score in scores if score.main)
