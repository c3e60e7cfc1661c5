"""Wrong use of `gramian stress`: one line, exit 2, no table written; and right use, from the command to the tables."""

import json
import sys

import pytest

from gramian.cli._app import main
from gramian.runs import read_run
from tests.layers._tiny import save_tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny-mamba", "mamba")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    file = tmp_path_factory.mktemp("corpora") / "corpus.txt"
    file.write_text("\n\n".join(f"Prompt {i} has a few words that differ: {i * 7} and {i * i}." for i in range(12)))
    return file


CASES = [
    ([], "Missing argument 'MODEL'"),
    (["nowhere/at/all"], "nowhere/at/all"),
    (["MODEL", "--kinds", "repeat"], "kind: expected one of natural, repetition"),
    (["MODEL", "--kinds", ","], "kinds: expected at least one"),
    (["MODEL", "--kinds", "shuffle,shuffle"], "kinds: expected each once"),
    (["MODEL", "--strengths", "half"], "--strengths: expected numbers separated by commas; got 'half'"),
    (["MODEL", "--strengths", "50"], "strength: expected a probability in [0, 1] for repetition; got 50.0"),
    (["MODEL", "--lengths", "8.5"], "--lengths: expected whole numbers separated by commas; got '8.5'"),
    (["MODEL", "--lengths", "1"], "lengths: expected at least one, in tokens; got 1"),
    (["MODEL", "--lengths", "100000"], "min_tokens (100000)"),
    (["MODEL", "--measures", "lidar"], "at least 2 views of each prompt for lidar"),
    (["MODEL", "--seed", "-1"], "seed: expected at least 0; got -1"),
    (["MODEL", "--corpus", "missing.txt"], "missing.txt"),
    (["MODEL", "--views", "4"], "No such option: --views"),
]


@pytest.mark.parametrize(("arguments", "expected"), CASES, ids=[" ".join(a) for a, _ in CASES])
def test_one_line_and_exit_2(model, arguments, expected, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    typed = [str(model) if a == "MODEL" else a for a in arguments]
    monkeypatch.setattr(sys, "argv", ["gramian", "stress", *typed, "--out", "run"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) == 1, printed.err
    assert expected in printed.err
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")
def test_the_command_leaves_a_run_and_prints_its_cells(model, corpus, monkeypatch, capsys, tmp_path):
    def run(*more):
        arguments = [
            "--kinds",
            "shuffle",
            "--strengths",
            "1",
            "--corpus",
            str(corpus),
            "--groups",
            "2",
            "--max-tokens",
            "20",
        ]
        monkeypatch.setattr(
            sys,
            "argv",
            ["gramian", "stress", str(model), *arguments, "--out", str(tmp_path / "run"), "--no-report", *more],
        )
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        return capsys.readouterr().out

    shown = run()
    assert "shuffle p=1" in shown
    assert "untrained copy" in shown
    assert "natural" in shown
    manifest = json.loads(run("--json"))["manifest"]
    assert manifest["state"] == "complete"
    assert manifest["command"] == "stress"
    cells = read_run(tmp_path / "run").tables["cells"].to_pylist()
    assert [(c["perturbation"], c["strength"], c["untrained"]) for c in cells] == [
        ("natural", 0.0, False),
        ("shuffle", 1.0, False),
        ("natural", 0.0, True),
        ("shuffle", 1.0, True),
    ]
