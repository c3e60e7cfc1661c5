"""Wrong use of `gramian downstream`: one line, exit 2, nothing left."""

import sys

import pytest

from gramian.cli._app import main
from tests.downstream._local_task_files import CLASSES
from tests.downstream.test_local_files import write
from tests.layers._tiny import save_tiny
from tests.layers._tiny_vision import save_tiny_vision


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    box = tmp_path_factory.mktemp("box")
    save_tiny(box / "model")
    save_tiny(box / "bert", "bert")
    save_tiny_vision(box / "vision")
    write(box / "reviews.csv", CLASSES)
    write(box / "ranks.csv", {"text": CLASSES["text"], "label": [str(i % 5) for i in range(60)]})
    (box / "plain.txt").write_text("a text\n\nanother text\n")
    (box / "tasks.yaml").write_text("mine: {type: sts, test: nowhere.csv}\n")
    (box / "empty").mkdir()
    (box / "twice.yaml").write_text("STS15: {test: pairs.csv}\n")
    write(box / "pairs.csv", {"sentence1": list("ab"), "sentence2": list("cd"), "score": ["1", "2"]})
    (box / "folder").mkdir()
    (box / "folder" / "thesis.tex").write_text("keep me")
    return box


SOUND = ["{box}/model", "--tasks", "{box}/reviews.csv", "--label-field", "label"]
CASES = {
    "no tasks": (["{box}/model"], "Missing option '--tasks'"),
    "no task": (["{box}/model", "--tasks", ","], "tasks: expected at least one"),
    "an unknown task": (["{box}/model", "--tasks", "Banking78"], "Did you mean 'Banking77"),
    "a task of images": (["{box}/model", "--tasks", "Flickr30kI2TRetrieval"], "expected tasks of text"),
    "a path that is not there": (["{box}/model", "--tasks", "no/tasks"], "expected a file or folder; got no/tasks"),
    "a spec that is not there": (["{box}/model", "--tasks", "tasks.yml"], "got tasks.yml, which does not exist"),
    "a folder without a spec": (["{box}/model", "--tasks", "{box}/empty"], "expected tasks.yaml in the folder"),
    "a spec that names no file": (["{box}/model", "--tasks", "{box}/tasks.yaml"], "nowhere.csv, which does not exist"),
    "a file without a label field": (
        ["{box}/model", "--tasks", "{box}/reviews.csv"],
        "label_field: expected the field",
    ),
    "an unknown label field": ([*SOUND[:4], "stars"], "label_field: expected one of the fields"),
    "labels that are whole numbers": (
        ["{box}/model", "--tasks", "{box}/ranks.csv", "--label-field", "label"],
        "probe: expected a choice where labels are whole numbers",
    ),
    "an unknown probe": ([*SOUND, "--probe", "svm"], "probe: expected one of logistic, knn, ridge; got 'svm'"),
    "an option no task takes": (["{box}/model", "--tasks", "STS15", "--probe", "knn"], "probe: expected none without"),
    "plain text": (["{box}/model", "--tasks", "{box}/plain.txt"], "label_field"),
    "two tasks of one name": (
        ["{box}/model", "--tasks", "{box}/twice.yaml,STS15"],
        "tasks: expected different names; got STS15",
    ),
    "an unknown pooling": ([*SOUND, "--pooling", "max"], "pooling: expected one of mean"),
    "no pooling": ([*SOUND, "--pooling", ","], "pooling: expected at least one name"),
    "an unknown normalisation": ([*SOUND, "--normalize", "layernorm"], "normalize: expected one of raw, final_norm"),
    "no final norm": (
        ["{box}/bert", *SOUND[1:], "--normalize", "final_norm"],
        "normalize: expected 'raw' for bert, which has no final norm",
    ),
    "an unknown layer": ([*SOUND, "--layers", "0,9"], "layers: expected numbers from 0 to 3"),
    "layers in words": ([*SOUND, "--layers", "some"], "layers: expected numbers with commas"),
    "no tokens": ([*SOUND, "--max-tokens", "0"], "max_tokens: expected at least 1"),
    "no batch": ([*SOUND, "--token-budget", "0"], "token_budget: expected at least 1"),
    "no passes": ([*SOUND, "--passes", "0"], "passes: expected at least 1"),
    "a size that is none": ([*SOUND, "--store-limit", "much"], "--store-limit: expected a size such as 500MB"),
    "too little room": ([*SOUND, "--store-limit", "100B"], "store: expected room within its limit of 100 bytes"),
    "an unknown precision": ([*SOUND, "--store-precision", "int8"], "precision: expected one of float16, float32"),
    "a store that is a file": ([*SOUND, "--store", "{box}/reviews.csv"], "store: expected a folder; got the file"),
    "a store and none": ([*SOUND, "--store", "s", "--no-store"], "--no-store: expected no --store beside it"),
    "a negative seed": ([*SOUND, "--seed", "-1"], "seed: expected"),
    "no such model": (["{box}/nothing", *SOUND[1:]], "nothing"),
    "a model of images": (["{box}/vision", *SOUND[1:]], "vision"),
    "a folder of somebody's": ([*SOUND, "--out", "{box}/folder"], "with other files (thesis.tex)"),
    "unknown option": ([*SOUND, "--pool", "mean"], "No such option: --pool"),
}


@pytest.mark.parametrize("case", CASES)
def test_one_line_and_exit_2(box, case, tmp_path, monkeypatch, capsys):
    arguments, expected = CASES[case]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["gramian", "downstream", *(a.format(box=box) for a in arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 2, printed.err
    assert printed.out == ""
    line = printed.err.strip()
    assert line.startswith("gramian: "), line
    assert "\n" not in line, line
    assert expected in line
    assert not list(tmp_path.rglob("*.parquet"))
    assert (box / "folder" / "thesis.tex").read_text() == "keep me"
