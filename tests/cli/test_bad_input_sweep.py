"""`gramian sweep` used wrongly: one line, exit 2, nothing partial left; and used rightly, the plan's cells and their table."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from gramian.cli._app import main
from gramian.runs import read_run
from tests.layers._tiny import save_tiny

pytest.importorskip("yaml")


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    box = tmp_path_factory.mktemp("box")
    save_tiny(box / "model")
    measure = "measure: {prompts: 12, views: 0, max_tokens: 24, measures: [prompt_entropy]}"
    plans = {
        "sound": f"models: {{name: {box}/model, untrained: [false, true]}}\n{measure}\n",
        "empty": "",
        "broken": "models: [a\n",
        "twice": "models: a\nmodels: b\n",
        "unknown": "models: a\nmesure: {prompts: 3}\n",
        "deep": "models: a\nmeasure: {promts: 3}\n",
        "option": "models: {name: a, dytpe: float32}\n",
        "views": "models: a\nconditions: [shuffle]\n",
        "kind": "models: a\nconditions: [{kind: shuffel}]\n",
        "order": "models: a\nmeasure: {orders: [-1]}\n",
        "nowhere": f"models: {box}/nothing\n{measure}\n",
        "corpus": f"models: {box}/model\ncorpora: {box}/nothing.txt\n{measure}\n",
        "same": f"models: [{box}/model, {{name: {box}/model, instruction: 'query: '}}]\n{measure}\n",
    }
    for name, text in plans.items():
        (box / f"{name}.yaml").write_text(text)
    (box / "folder").mkdir()
    (box / "folder" / "thesis.tex").write_text("keep me")
    return box


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["gramian", *map(str, arguments)])
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code, out.getvalue(), err.getvalue()


CASES = {
    "no plan": ([], "Missing argument 'PLAN'"),
    "plan not there": (["{box}/nothing.yaml"], "nothing.yaml, which does not exist"),
    "plan is a folder": (["{box}/folder"], "expected a YAML file in UTF-8"),
    "empty plan": (["{box}/empty.yaml"], "plan: expected entries such as `models:`"),
    "broken YAML": (["{box}/broken.yaml"], "in line 2"),
    "key twice": (["{box}/twice.yaml"], "'models' again in line 2"),
    "unknown entry": (["{box}/unknown.yaml"], "got 'mesure'. Did you mean 'measure'?"),
    "unknown setting": (["{box}/deep.yaml"], "got 'promts'. Did you mean 'prompts'?"),
    "unknown option": (["{box}/option.yaml"], "got 'dytpe'. Did you mean 'dtype'?"),
    "views under a condition": (["{box}/views.yaml"], "views: expected 0 with the condition shuffle"),
    "unknown condition": (["{box}/kind.yaml"], "got 'shuffel'"),
    "negative order": (["{box}/order.yaml"], "orders: expected numbers of at least 0"),
    "no such model": (["{box}/nowhere.yaml"], "nothing"),
    "no such corpus": (["{box}/corpus.yaml"], "nothing.txt"),
    "cells alike": (["{box}/same.yaml"], "expected cells that differ in model, revision, corpus or condition"),
    "dry run of a corpus that is not there": (["{box}/corpus.yaml", "--dry-run"], "nothing.txt"),
    "workers without Ray": (["{box}/sound.yaml", "--workers", "2"], "--workers: expected none without --ray"),
    "gpus without Ray": (["{box}/sound.yaml", "--gpus", "1"], "--gpus: expected none without --ray"),
    "retries without Ray": (["{box}/sound.yaml", "--retries", "1"], "--retries: expected none without --ray"),
    "no workers": (["{box}/sound.yaml", "--ray", "local", "--workers", "0"], "workers: expected at least 1; got 0"),
    "negative gpus": (["{box}/sound.yaml", "--ray", "local", "--gpus", "-1"], "gpus: expected at least 0; got -1"),
    "unknown option of the program": (["{box}/sound.yaml", "--ry", "local"], "No such option: --ry"),
    "somebody's folder": (["{box}/sound.yaml", "--out", "{box}/folder", "--overwrite"], "thesis.tex"),
}


@pytest.mark.parametrize("case", CASES, ids=list(CASES))
def test_a_mistake_is_one_line_and_leaves_nothing(case, box, tmp_path, monkeypatch):
    arguments, message = CASES[case]
    monkeypatch.chdir(tmp_path)
    code, out, err = run(monkeypatch, "sweep", *(a.format(box=box) for a in arguments))
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1, err
    assert message in err
    assert not list(tmp_path.rglob("*.parquet"))
    assert not list(tmp_path.rglob("report.html"))
    assert (box / "folder" / "thesis.tex").read_text() == "keep me"


def test_an_address_where_no_cluster_is_takes_one_line(box, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")

    def refused(**_):
        raise ConnectionError("\n  Could not find any running Ray instance.\n")

    monkeypatch.setattr(ray, "init", refused)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    code, _, err = run(monkeypatch, "sweep", box / "sound.yaml", "--out", tmp_path / "run", "--ray", "10.0.0.1:6379")
    assert (code, err.count("\n")) == (2, 1)
    assert "expected a cluster at '10.0.0.1:6379' with this Python and this Ray; got Could not find any running" in err


def test_a_dry_run_lists_the_cells_and_writes_nothing(box, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(monkeypatch, "sweep", box / "sound.yaml", "--dry-run")
    assert code == 0
    assert "(untrained)" in out
    assert "2 cells, about" in out
    code, out, _ = run(monkeypatch, "sweep", box / "sound.yaml", "--dry-run", "--json")
    listed = json.loads(out)
    assert listed["tokens"] == sum(cell["tokens"] for cell in listed["cells"]) > 0
    assert not list(tmp_path.iterdir())


def test_a_sound_plan_leaves_one_run_with_a_report(box, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(monkeypatch, "sweep", box / "sound.yaml")
    assert code == 0, err
    assert "Report:" in out
    record = read_run(tmp_path / "runs" / "sound")
    assert record.manifest["command"] == "sweep"
    assert record.manifest["command_line"].startswith("gramian sweep")
    assert len(record.tables["cells"]) == 2
    assert (tmp_path / "runs" / "sound" / "report.html").is_file()
    code, out, _ = run(monkeypatch, "sweep", box / "sound.yaml", "--json", "--no-report")
    assert json.loads(out)["manifest"]["state"] == "complete"
