"""`gramian downstream`: what it prints and leaves, and that an interrupted run goes on."""

import json
import sys

import pytest

from gramian.cli._app import main
from gramian.cli._downstream import _bytes
from gramian.cli._task_summary import task_curves
from gramian.downstream import LabelledTask
from gramian.runs import read_run
from tests.downstream._local_task_files import CLASSES, SPEC, write_tasks
from tests.downstream.test_local_files import write
from tests.layers._tiny import save_tiny


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    box = tmp_path_factory.mktemp("box")
    save_tiny(box / "model")
    (box / "tasks").mkdir()
    write_tasks(box / "tasks")
    write(box / "reviews.csv", {"words": CLASSES["text"], "stars": CLASSES["label"]})
    return box


@pytest.fixture
def downstream(box, tmp_path, monkeypatch):
    """The program in this process; returns its exit code."""

    def run(*arguments, report=False):
        typed = ["gramian", "downstream", str(box / "model"), *map(str, arguments), "--store", str(box / "store")]
        monkeypatch.setattr(sys, "argv", [*typed, *([] if report else ["--no-report"])])
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setenv("COLUMNS", "160")
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0

    return run


REVIEWS = ["--label-field", "stars", "--field", "words"]


def test_every_kind_of_task_in_one_run_with_its_report(box, downstream, tmp_path, capsys):
    arguments = ["--tasks", box / "tasks", "--tasks", f"python-docs,{box / 'reviews.csv'}", *REVIEWS, "--prompts", 60]
    readings = ["--pooling", "mean,last", "--layers", "0,3"]
    assert downstream(*arguments, *readings, "--out", "run", report=True) == 0
    printed = capsys.readouterr().out
    for name in (*SPEC, "python-docs logistic", "reviews.csv logistic"):
        assert name in printed
    assert "best layer" in printed
    assert (tmp_path / "run" / "report.html").stat().st_size > 100_000
    assert (tmp_path / "run" / "mteb").is_dir()
    assert f"MTEB:   {'run/mteb'}" in printed
    rows = read_run(tmp_path / "run").tables["scores"].to_pylist()
    assert len({row["variant"] for row in rows}) == 2
    assert len({row["task"] for row in rows}) == len(SPEC) + 2


def test_json_names_the_best_and_the_last_layer_of_every_task(box, downstream, tmp_path, capsys):
    assert downstream("--tasks", box / "reviews.csv", *REVIEWS, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    (run,) = (tmp_path / "runs").iterdir()
    assert found["run"] == f"runs/{run.name}"
    assert "tasks-" in run.name, "not the name that gramian measure gives a run of the same file"
    (task,) = found["tasks"]
    rows = [row for row in read_run(run).tables["scores"].to_pylist() if row["main"]]
    best = max(rows, key=lambda row: (row["value"], -row["layer"], row["stream"] == "residual"))
    assert task["best"] == {"layer": best["layer"], "stream": best["stream"], "value": best["value"]}
    assert (task["last"]["layer"], task["last"]["stream"]) == (3, "final_norm")
    assert task["gain"] == pytest.approx(best["value"] - task["last"]["value"])
    assert found["manifest"]["state"] == "complete"


def test_an_interrupted_run_goes_on_and_ends_in_the_same_table(box, downstream, tmp_path, monkeypatch, capsys):
    arguments = ["--tasks", box / "reviews.csv", *REVIEWS]
    assert downstream(*arguments, "--out", "undisturbed") == 0
    score, calls = LabelledTask.score, []

    def interrupted(task, embed):
        calls.append(embed.layer)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return score(task, embed)

    monkeypatch.setattr(LabelledTask, "score", interrupted)
    assert downstream(*arguments, "--out", "run") == 130
    assert "The same command goes on" in capsys.readouterr().err
    assert downstream(*arguments, "--out", "run") == 0
    assert calls == [0, 1, 2, 2, 3, 3], "the layers that were scored before are not scored again"
    tables = [read_run(tmp_path / name).tables["scores"] for name in ("undisturbed", "run")]
    assert tables[0].equals(tables[1])


def test_overwriting_removes_results_that_are_no_longer_of_the_run(box, downstream, tmp_path):
    common = ["--tasks", box / "tasks", "--out", "run"]
    assert downstream(*common, "--layers", "0,1") == 0
    assert len(list((tmp_path / "run").rglob("clusters.json"))) == 2
    assert downstream(*common, "--layers", "1", "--overwrite") == 0
    assert len(list((tmp_path / "run").rglob("clusters.json"))) == 1


def test_a_second_task_on_the_same_texts_needs_no_forward_pass(box, downstream, capsys):
    arguments = ["--tasks", box / "reviews.csv", *REVIEWS, "--json"]
    assert downstream(*arguments) == 0
    assert downstream(*arguments, "--probe", "knn", "--out", "second") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["manifest"]["forward_passes"] == 0


def test_sizes_are_read_as_people_write_them():
    sizes = ["20GiB", "20 GB", "512mib", "1.5kB", "7", "2TiB"]
    assert [_bytes(size) for size in sizes] == [20 * 2**30, 20 * 10**9, 2**29, 1500, 7, 2**41]


def row(layer, value, stream="residual", subset="default", split="test", main=True):
    return {
        "task": "T", "variant": "pooling=mean;normalize=raw", "metric": "ap", "main": main, "layer": layer,
        "stream": stream, "subset": subset, "split": split, "value": value,
    }  # fmt: skip


def test_subsets_are_averaged_layers_sort_as_numbers_and_the_last_is_what_the_model_hands_out():
    rows = [row(layer, layer / 20, subset=subset) for layer in (10, 9, 2) for subset in ("en", "de")]
    rows += [row(10, 0.1, "final_norm", "en"), row(10, 0.3, "final_norm", "de"), row(3, 0.9, subset="en")]
    rows += [row(2, 9.0, main=False), row(2, 9.0, split="train", subset="en")]
    (curve,) = task_curves(rows)
    assert curve.values == pytest.approx(
        {(10, "residual"): 0.5, (9, "residual"): 0.45, (2, "residual"): 0.1, (10, "final_norm"): 0.2}
    ), "layer 3 lacks a subset, and minor scores and other splits do not count"
    assert (curve.best, curve.last, curve.gain) == ((10, "residual"), (10, "final_norm"), pytest.approx(0.3))
