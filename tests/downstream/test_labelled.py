"""Tasks from labelled texts: what is kept, which probe reads them, and how they score."""

import csv
import json
from collections import Counter

import numpy as np
import pytest

from gramian.downstream import Embed, LayerTask, Reading, labelled_task
from gramian.layers import load_corpus
from gramian.probes import knn_probe, linear_probe, ridge_probe


def write_csv(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def rows_of(counts):
    """So many texts a label."""
    return [(f"{label} text {i}", label) for label, count in counts.items() for i in range(count)]


def embed_by(vector_of):
    return Embed("model", "", 3, "residual", Reading(), lambda texts: np.stack([vector_of(t) for t in texts]))


def vector_of(text):
    """Readable: a label's texts lie around a place of their own."""
    generator = np.random.default_rng(sum(map(ord, text)))
    place = {"tea": 0.0, "coffee": 4.0}.get(text.split()[0], 8.0)
    return (place + generator.normal(size=4)).astype(np.float32)


@pytest.fixture
def drinks(tmp_path):
    return write_csv(tmp_path / "drinks.csv", rows_of({"tea": 20, "coffee": 20}))


def test_a_file_with_text_labels_is_a_classification(drinks):
    task = labelled_task(drinks, label_field="label")
    assert isinstance(task, LayerTask)
    assert (task.name, task.type, task.probe) == ("drinks.csv logistic", "Classification", "logistic")
    (score,) = task.score(embed_by(vector_of))
    assert (score.metric, score.main, score.n, score.split) == ("accuracy", True, 40, "cross-validation")
    assert score.low < score.value <= score.high
    assert score.value > 0.9
    (chance,) = task.score(
        embed_by(lambda text: np.random.default_rng(list(text.encode())).normal(size=4).astype(np.float32))
    )
    assert chance.value < 0.75


@pytest.mark.parametrize(("probe", "function"), [("logistic", linear_probe), ("knn", knn_probe)])
def test_a_score_is_the_probes(drinks, probe, function):
    task = labelled_task(drinks, label_field="label", probe=probe, folds=4, seed=3)
    (score,) = task.score(embed_by(vector_of))
    x, y = np.stack([vector_of(text) for text in task.texts]), np.array(task.labels)
    expected = function(x, y, groups=np.arange(40), folds=4, seed=3)
    assert (score.value, score.low, score.high) == (expected.score, expected.low, expected.high)


def test_labels_with_a_fraction_are_predicted_by_ridge(tmp_path):
    rows = [
        (f"{label} text {i}", f"{vector_of(f'{label} text {i}').sum() / 7:.3f}")
        for label in ("tea", "coffee")
        for i in range(20)
    ]
    task = labelled_task(write_csv(tmp_path / "grades.csv", rows), label_field="label")
    assert (task.type, task.probe) == ("Regression", "ridge")
    (score,) = task.score(embed_by(vector_of))
    expected = ridge_probe(np.stack([vector_of(t) for t in task.texts]), np.array(task.labels), groups=np.arange(40))
    assert (score.metric, score.value) == ("r2", expected.score)
    assert score.value > 0.9


def test_json_labels_may_be_fractions(tmp_path):
    path = tmp_path / "grades.jsonl"
    path.write_text("\n".join(json.dumps({"text": f"text {i}", "grade": i / 4}) for i in range(20)))
    assert labelled_task(path, label_field="grade").labels[:3] == (0.0, 0.25, 0.5)


def test_whole_numbers_can_be_either_so_it_has_to_be_said(tmp_path):
    path = write_csv(tmp_path / "stars.csv", [(f"text {i}", i % 2) for i in range(20)])
    with pytest.raises(
        ValueError, match=r"probe: expected a choice where labels are whole numbers.*Give probe='logistic' or"
    ):
        labelled_task(path, label_field="label")
    assert labelled_task(path, label_field="label", probe="logistic").labels[:2] == ("0", "1")
    assert labelled_task(path, label_field="label", probe="ridge").labels[:2] == (0.0, 1.0)


@pytest.mark.parametrize("probe", [None, "logistic", "ridge"])
@pytest.mark.parametrize("numbers", [["0", "1"], ["0.5", "1.25"]], ids=["whole", "fractions"])
def test_a_number_that_is_not_one_is_no_class(tmp_path, numbers, probe):
    labels = [*numbers, "nan"]
    file = write_csv(tmp_path / "measured.csv", [(f"text {i}", labels[i % 3]) for i in range(30)])
    with pytest.raises(ValueError, match=r"labels: expected finite numbers in measured\.csv.*'nan' for 10 of 30"):
        labelled_task(file, label_field="label", probe=probe)


def test_a_word_that_could_be_no_number_is_a_class_among_words(tmp_path):
    rows = rows_of({"nan": 10, "naan": 10})
    assert set(labelled_task(write_csv(tmp_path / "bread.csv", rows), label_field="label").labels) == {"nan", "naan"}


def test_rare_labels_are_left_out_and_counted(tmp_path):
    rows = [*rows_of({"tea": 10, "coffee": 10, "water": 4}), ("milk copy", "milk"), *[("milk copy", "milk")] * 5]
    task = labelled_task(write_csv(tmp_path / "d.csv", rows), label_field="label")
    assert set(task.labels) == {"tea", "coffee"}
    assert any(
        "2 of 4 labels have fewer than 5 distinct texts and were left out, with their 10 of 30 texts" in n
        for n in task.notes
    )
    with pytest.raises(
        ValueError, match=r"labels: expected at least 2 with 11 or more distinct texts each; got 0 of 4"
    ):
        labelled_task(tmp_path / "d.csv", label_field="label", folds=11)


def test_copies_of_a_text_never_lie_on_both_sides(tmp_path):
    """Vectors that say nothing but which text it is: only a copy in training could give the label away."""
    rows = [(f"thing {i}", ("a", "b")[i % 2]) for i in range(20) for _ in range(4)]
    task = labelled_task(write_csv(tmp_path / "copies.csv", rows), label_field="label", probe="knn")

    def one_hot(text):
        return np.eye(20, dtype=np.float32)[int(text.split()[1])]

    (score,) = task.score(embed_by(one_hot))
    assert score.value < 0.8, "every text of a copied pair in training would make this 1"


def test_vectors_that_are_all_equal_have_no_score(drinks):
    (score,) = labelled_task(drinks, label_field="label").score(embed_by(lambda text: np.ones(4, dtype=np.float32)))
    assert np.isnan(score.value)
    assert score.metric == "accuracy"


def test_topics_of_the_built_in_corpus_are_labels():
    task = labelled_task(seed=1)
    corpus = load_corpus("python-docs", seed=1)
    assert set(task.texts) <= set(corpus.texts)
    assert set(task.labels) <= set(corpus.labels)
    assert any("were left out" in note for note in task.notes)


def test_a_sample_keeps_labels_that_are_met_often_enough():
    """A random sample of 60 in 866 would leave hardly any of 76 topics with five texts."""
    task = labelled_task(prompts=60, seed=1)
    assert 55 <= len(task.texts) <= 60
    assert min(Counter(task.labels).values()) >= 5
    assert task.notes[-1] == "a sample of 60 texts of the 4 most frequent labels"
    larger = labelled_task(prompts=61, seed=1)
    assert set(task.texts) < set(larger.texts), "samples are nested while they are of the same labels"


def test_a_sample_of_numbers_is_of_all_of_them(tmp_path):
    rows = [(f"text {i}", i + 0.5) for i in range(50)]
    task = labelled_task(write_csv(tmp_path / "n.csv", rows), label_field="label", prompts=20)
    assert len(task.texts) == 20
    assert {float(text.split()[1]) + 0.5 for text in task.texts} == set(task.labels)


def test_a_sample_too_small_for_two_labels_is_refused(drinks):
    with pytest.raises(ValueError, match="prompts: expected enough for 2 labels with 5 texts each; got 6"):
        labelled_task(drinks, label_field="label", prompts=6)


def test_the_hash_tells_data_and_parameters_apart(drinks, tmp_path):
    other = write_csv(tmp_path / "other.csv", rows_of({"tea": 20, "coffee": 21}))
    tasks = [
        labelled_task(drinks, label_field="label"),
        labelled_task(other, label_field="label"),
        labelled_task(drinks, label_field="label", folds=4),
        labelled_task(drinks, label_field="label", seed=1),
        labelled_task(drinks, label_field="label", probe="knn"),
    ]
    assert len({task.hash for task in tasks}) == len(tasks)
    assert labelled_task(drinks, label_field="label").hash == tasks[0].hash


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"label_field": "label", "probe": "svm"}, r"probe: expected one of logistic, knn, ridge; got 'svm'"),
        ({"label_field": "label", "folds": 1}, r"folds: expected at least 2; got 1"),
        ({}, r"label_field: expected the field of the labels of .*drinks\.csv; got None"),
        ({"label_field": "price"}, r"label_field: expected one of the fields of .*; got 'price'"),
        ({"label_field": "label", "prompts": -5}, r"prompts: expected at least 1; got -5"),
        ({"label_field": "label", "prompts": 0}, r"prompts: expected at least 1; got 0"),
        ({"label_field": "label", "probe": "ridge"}, r"labels: expected numbers for probe='ridge'; got 'tea'"),
    ],
)
def test_what_makes_no_task_is_refused(drinks, options, match):
    with pytest.raises(ValueError, match=match):
        labelled_task(drinks, **options)


def test_a_corpus_needs_labels_and_takes_no_fields(drinks):
    corpus = load_corpus(drinks, field="text")
    with pytest.raises(ValueError, match=r"labels: expected a label for every text of drinks\.csv"):
        labelled_task(corpus)
    with pytest.raises(ValueError, match=r"source: expected no field, label_field or prompts with a corpus"):
        labelled_task(corpus, prompts=3)
