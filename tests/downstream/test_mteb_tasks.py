"""Tasks of MTEB for every layer: scores against independent arithmetic, no state between layers, no network, results apart."""

import json
import math
import random
import socket

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from gramian.downstream import LayerTask, Reading, evaluate_layers, local_tasks
from gramian.runs import read_run
from tests.downstream._fake_embed import embed_with, hashed
from tests.downstream._local_task_files import (
    CLASSES,
    FILES,
    PAIRS,
    QUERIES,
    RERANKING,
    SPEC,
    TRAIN,
    main_score,
    write_tasks,
)
from tests.downstream.test_local_files import write
from tests.layers._tiny import tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tasks(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(scope="module")
def tasks(folder):
    return {task.name: task for task in local_tasks(folder)}


def cosines(first, second):
    x, y = hashed(first), hashed(second)
    return (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)


def planted(prefix_of, width=8):
    """Vectors that say which group a text belongs to, with a little noise."""

    def read(texts):
        axes = np.array([prefix_of(text) for text in texts])
        return (np.eye(width, dtype=np.float32)[axes] + 0.05 * hashed(texts, width=width)).astype(np.float32)

    return read


def test_similarity_is_spearmans_correlation_with_the_cosine(tasks):
    expected = spearmanr(cosines(PAIRS["sentence1"], PAIRS["sentence2"]), list(map(int, PAIRS["score"]))).statistic
    for name in ("similarity", "STS15"):
        score = main_score(tasks[name].score(embed_with()))
        assert (score.metric, score.n, score.split, score.subset) == ("cosine_spearman", 30, "test", "default")
        assert score.value == pytest.approx(expected, abs=1e-6)


def test_pairs_are_told_apart_by_the_best_average_precision(tasks):
    scores = {score.metric: score for score in tasks["pairs"].score(embed_with())}
    labels = list(map(int, PAIRS["label"]))
    expected = average_precision_score(labels, cosines(PAIRS["sentence1"], PAIRS["sentence2"]))
    assert scores["cosine_ap"].value == pytest.approx(expected, abs=1e-6)
    assert scores["max_ap"].main
    assert scores["max_ap"].value == pytest.approx(
        max(s.value for m, s in scores.items() if m.endswith("_ap")), abs=1e-6
    )


def test_classification_is_logistic_regression_on_drawn_training_texts_of_unit_length(tasks):
    score = main_score(tasks["classes"].score(embed_with()))
    unit = {part: hashed(rows["text"]) for part, rows in (("train", TRAIN), ("test", CLASSES))}
    unit = {part: x / np.linalg.norm(x, axis=1, keepdims=True) for part, x in unit.items()}
    labels = ["abc".index(label) for label in TRAIN["label"]]
    drawn, order, found = np.random.RandomState, list(range(60)), []
    for _ in range(3):  # MTEB draws 8 texts a label, shuffling what the draw before has left
        drawn(42).shuffle(order)
        chosen = [i for c in range(3) for i in [k for k in order if labels[k] == c][:8]]
        model = LogisticRegression(max_iter=100, random_state=42).fit(
            unit["train"][chosen], [labels[i] for i in chosen]
        )
        found.append(model.score(unit["test"], ["abc".index(label) for label in CLASSES["label"]]))
    assert score.value == pytest.approx(np.mean(found), abs=1e-6)
    assert (score.metric, score.n) == ("accuracy", 60)


def test_planted_classes_and_clusters_are_found(tasks):
    read = planted(lambda text: int(text.split()[1]) % 3)
    for name in ("classes", "clusters", "Banking77Classification"):
        assert main_score(tasks[name].score(embed_with(read))).value == pytest.approx(1.0)


@pytest.mark.parametrize("names", [("0", "5"), ("1", "2"), ("no", "yes")])
def test_two_classes_score_alike_whatever_they_are_called(tmp_path, names):
    """Scores of all metrics: with other labels than 0 and 1, MTEB's average precision fails or means the other class."""
    found = []
    for labels in (("0", "1"), names):
        for part in ("train", "test"):
            rows = {"text": [f"{part} {i}" for i in range(40)], "label": [labels[i % 2] for i in range(40)]}
            write(tmp_path / f"{part}.csv", rows)
        entry = {"type": "classification", "train": "train.csv", "test": "test.csv", "experiments": 2}
        (tmp_path / "tasks.json").write_text(json.dumps({"two": entry}))
        (task,) = local_tasks(tmp_path)
        scores = task.score(embed_with(planted(lambda text: int(text.split()[-1]) // 7 % 2)))
        found.append({score.metric: score.value for score in scores})
    assert "ap" in found[0]
    assert found[1] == found[0]


def test_ranking_is_mean_average_precision_over_the_candidates(tasks):
    similar = {
        q: [cosines([q], [d])[0] for d in RERANKING["document"][3 * i : 3 * i + 3]]
        for i, q in enumerate(dict.fromkeys(RERANKING["query"]))
    }
    expected = np.mean([1 / (1 + sum(value > values[1] for value in values)) for values in similar.values()])
    score = main_score(tasks["ranking"].score(embed_with()))
    assert (score.metric, score.n) == ("map_at_1000", 4)
    assert score.value == pytest.approx(expected, abs=1e-5)


def test_a_document_is_read_as_its_title_and_its_text(tasks):
    asked = []
    score = main_score(tasks["search"].score(embed_with(planted(lambda text: int(text.split()[-1]) % 4), asked=asked)))
    assert {"Title body 4", "body 5", "ask 0"} <= {text for texts in asked for text in texts}
    assert "body 4" not in {text for texts in asked for text in texts}
    # Three documents a group, equally close to the query but for noise: the relevant one is somewhere among the first three.
    assert score.metric == "ndcg_at_10"
    assert 1 / math.log2(4) <= score.value <= 1


def test_an_instruction_stands_after_its_query(tmp_path):
    for name in ("corpus.jsonl", "qrels.tsv"):
        write(tmp_path / name, FILES[name])
    write(tmp_path / "queries.csv", {**QUERIES, "instruction": ["in short"] * 4})
    (tmp_path / "tasks.json").write_text(json.dumps({"search": SPEC["search"]}))
    asked = []
    local_tasks(tmp_path)[0].score(embed_with(asked=asked))
    assert "ask 0 in short" in {text for texts in asked for text in texts}


# No state between layers.


def test_every_layer_is_asked_for_the_same_texts_and_scored_alike(tasks):
    for task in tasks.values():
        first, second = [], []
        a, b = task.score(embed_with(asked=first)), task.score(embed_with(layer=4, asked=second))
        assert first == second, task.name
        assert [(s.metric, s.value) for s in a] == [(s.metric, s.value) for s in b], task.name


def test_data_are_loaded_once_for_all_layers_and_held_for_one_task_at_a_time(folder, monkeypatch):
    loads = []
    tasks = local_tasks(folder)
    for task in tasks:
        original = task.load
        object.__setattr__(task, "load", lambda task=task, original=original: (loads.append(task.name), original())[1])
    for task in tasks[2:4]:
        for layer in range(3):
            task.score(embed_with(layer=layer))
    assert loads == ["similarity", "pairs"]
    assert tasks[2].loaded is tasks[3].loaded
    assert tasks[2].loaded.owner is tasks[3]


def test_the_length_of_vectors_is_no_matter_unless_asked_for(folder):
    of_unit = next(task for task in local_tasks(folder) if task.name == "classes")
    as_is = next(task for task in local_tasks(folder, unit_length=False) if task.name == "classes")
    short = lambda texts: 1e-3 * hashed(texts)  # noqa: E731
    assert main_score(of_unit.score(embed_with(short))).value == main_score(of_unit.score(embed_with())).value
    assert main_score(as_is.score(embed_with(short))).value != main_score(as_is.score(embed_with())).value
    assert of_unit.hash != as_is.hash


def test_equal_vectors_leave_a_correlation_undefined_and_a_zero_vector_does_not_spread(tasks):
    equal = tasks["similarity"].score(embed_with(lambda texts: np.ones((len(texts), 4), dtype=np.float32)))
    assert math.isnan(main_score(equal).value)
    with_zero = lambda texts: np.where(np.arange(len(texts))[:, None] == 0, 0, hashed(texts)).astype(np.float32)  # noqa: E731
    assert math.isfinite(main_score(tasks["similarity"].score(embed_with(with_zero))).value)


def test_global_random_state_stays(tasks, folder):
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    local_tasks(folder)
    tasks["clusters"].score(embed_with())
    assert (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before


def test_whole_columns_score_as_rows_do(folder):
    """MTEB itself on the same data and vectors, without anything of ours between."""
    import mteb
    from datasets import Dataset, DatasetDict
    from mteb.models.abs_encoder import AbsEncoder
    from mteb.models.model_meta import ModelMeta

    class Plain(AbsEncoder):
        mteb_model_meta = ModelMeta.create_empty({"name": "plain/encoder", "revision": "1"})

        def encode(self, inputs, **_):
            x = hashed([text for batch in inputs for text in batch["text"]])
            return x / np.linalg.norm(x, axis=1, keepdims=True)

    task = mteb.get_task("Banking77Classification")
    data = {
        part: {"text": rows["text"], "label": ["abc".index(label) for label in rows["label"]]}
        for part, rows in (("train", TRAIN), ("test", CLASSES))
    }
    task.dataset = DatasetDict({part: Dataset.from_dict(rows) for part, rows in data.items()})
    task.data_loaded = True
    plain = mteb.evaluate(Plain(), task, cache=None, co2_tracker=False, show_progress_bar=False).task_results[0]
    ours = next(task for task in local_tasks(folder) if task.name == "Banking77Classification").score(embed_with())
    theirs = plain.scores["test"][0]
    assert main_score(ours).value == theirs["main_score"]
    assert {s.metric: s.value for s in ours if s.metric in theirs} == {s.metric: theirs[s.metric] for s in ours}
    assert len(ours) >= 7


# Results in MTEB's own format, and no network.


def test_results_lie_apart_by_layer_stream_reading_and_revision(tasks, tmp_path):
    from mteb.results import TaskResult

    scored = {}
    for layer, stream, revision, pooling in (
        (1, "residual", "", "mean"),
        (2, "residual", "", "mean"),
        (2, "final_norm", "", "mean"),
        (2, "residual", "step8", "mean"),
        (2, "residual", "", "last"),
    ):
        embed = embed_with(
            lambda texts, layer=layer: hashed(texts) * (1 + np.arange(24) ** layer),
            layer=layer,
            stream=stream,
            revision=revision,
            reading=Reading(pooling),
            folder=tmp_path,
            model="org/tiny",
        )
        scored[layer, stream, revision, pooling] = main_score(tasks["similarity"].score(embed)).value
    files = sorted(tmp_path.rglob("similarity.json"))
    assert len(files) == 5
    assert {file.parts[len(tmp_path.parts) + 2] for file in files} == {"abcdef012345", "step8"}
    (file,) = (f for f in files if "layer_1_" in str(f))
    meta = json.loads((file.parent / "model_meta.json").read_text())
    assert meta["name"] == "org/tiny"
    assert meta["experiment_kwargs"] == {
        "layer": 1,
        "stream": "residual",
        "pooling": "mean",
        "normalize": "raw",
        "unit_length": True,
    }
    assert TaskResult.from_disk(file).get_score() == pytest.approx(scored[1, "residual", "", "mean"], abs=1e-6)


def test_a_run_over_all_kinds_asks_no_network_and_leaves_both_tables_and_results(folder, tmp_path, monkeypatch):
    attempts = []

    def refused(*arguments, **_):
        attempts.append(arguments)
        raise OSError("no network in this test")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refused)
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refused)
    model = tiny_model("llama")
    tasks = local_tasks(folder)
    assert all(isinstance(task, LayerTask) for task in tasks)
    result = evaluate_layers(model, tasks, out=tmp_path / "run", layers=[0, 3], empty="zero")
    assert attempts == []
    assert [task["name"] for task in result.manifest["tasks"]] == list(SPEC)
    rows = [row for row in read_run(tmp_path / "run").tables["scores"].to_pylist() if row["main"]]
    assert {(row["task"], row["layer"], row["stream"]) for row in rows} == {
        (name, *place) for name in SPEC for place in ((0, "residual"), (3, "residual"), (3, "final_norm"))
    }
    assert len(list((tmp_path / "run" / "mteb").rglob("clusters.json"))) == 3
    again = evaluate_layers(model, local_tasks(folder), out=tmp_path / "run", layers=[0, 3], empty="zero")
    assert again.resumed
