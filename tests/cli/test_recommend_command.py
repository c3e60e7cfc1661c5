"""`gramian recommend`: the document it writes, and wrong use in one line."""

import json
import sys

import pyarrow as pa
import pytest

from gramian.cli._app import main
from gramian.runs import RunDirectory


@pytest.fixture
def run(tmp_path):
    """Scores of one task at three layers, the middle one best."""
    rows = [
        {"model": "m", "revision": "", "task": "t", "type": "STS", "split": "test", "subset": "default", "layer": layer}
        | {"stream": "residual", "variant": "pooling=mean;normalize=raw", "metric": "cosine_spearman", "main": True}
        | {"value": value, "low": value - 0.01, "high": value + 0.01, "n": 100}
        for layer, value in enumerate([0.2, 0.8, 0.5])
    ]
    with RunDirectory.open(tmp_path / "run", command="downstream", parameters={}) as directory:
        directory.write_table("scores", [pa.Table.from_pylist(rows)])
        directory.finish()
    return tmp_path / "run"


def recommend(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["gramian", "recommend", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code or 0


def test_the_document_names_the_best_layer(run, monkeypatch, capsys):
    assert recommend(monkeypatch, run, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((run / "recommendation.json").read_text())
    assert document["format"] == "gramian-recommendation"
    assert document["recommended"]["layer"] == 1


def test_the_terminal_shows_rules_and_sentences(run, monkeypatch, capsys):
    assert recommend(monkeypatch, run) == 0
    printed = capsys.readouterr().out
    assert "Use layer 1" in printed
    assert "below best" in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "expected a run directory; got nothing there"),
        (["RUN", "--rule", "least_dime"], "rule"),
        (["RUN", "--task", "other"], "other"),
        (["RUN", "--reading", "pooling=max"], "reading"),
        (["RUN", "--streams", "some"], "streams: expected all or residual"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(run, arguments, expected, monkeypatch, capsys):
    typed = [run if argument == "RUN" else argument for argument in arguments]
    assert recommend(monkeypatch, *typed) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    assert expected in error
    assert not (run / "recommendation.json").exists()
