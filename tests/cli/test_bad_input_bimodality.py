"""Wrong use of `gramian bimodality`: one line, exit 2, nothing written."""

import sys

import numpy as np
import pytest

from gramian.cli._app import main
from tests.bimodality.test_analysis import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("box") / "run", np.random.default_rng(0).normal(size=(2, 40)))


CASES = [
    (["nowhere"], "expected a run directory; got nothing there"),
    (["RUN", "--measure", "lidar"], "expected one with values of single prompts"),
    (["RUN", "--variant", "alpha=7"], "variant: expected one of"),
    (["RUN", "--level", "2"], "level: expected a number within (0, 1)"),
    (["RUN", "--ngram", "0", "--training-corpus", "python-docs"], "n: expected at least 1 word"),
    (["RUN", "--corpus", "python-docs"], "corpus: expected the text of every prompt"),
    (["RUN", "--corpus", "missing.txt"], "expected a file; got missing.txt"),
    (["RUN", "--seed", "-1"], "seed: expected at least 0"),
]


@pytest.mark.parametrize(("arguments", "expected"), CASES, ids=[" ".join(a) for a, _ in CASES])
def test_one_line_and_exit_2(run, arguments, expected, monkeypatch, capsys):
    typed = [str(run) if a == "RUN" else a for a in arguments]
    monkeypatch.setattr(sys, "argv", ["gramian", "bimodality", *typed, "--no-report"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) == 1
    assert expected in printed.err
    assert not (run / "bimodality.json").exists()
