"""Wrong use of `gramian evolve`: one line, exit 2, nothing written; and right use, from the command to the tables."""

import sys

import pytest

from gramian.cli._app import main
from gramian.runs import read_run
from tests.layers._tiny import save_tiny


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    box = tmp_path_factory.mktemp("box")
    for step in (1, 8):
        save_tiny(box / "neox" / f"step-{step:06d}", "gpt_neox", seed=step)
    save_tiny(box / "unnamed" / "final")
    (box / "empty").mkdir()
    (box / "corpus.txt").write_text(
        "\n\n".join(f"Prompt {i} has a few words that differ: {i * 7} and {i * i}." for i in range(12))
    )
    return box


CASES = [
    ([], "expected one MODEL with --revisions, or --checkpoints; got 0 models and no revisions"),
    (["org/tiny"], "got 1 models and no revisions"),
    (["org/tiny", "org/other", "--revisions", "step1"], "got 2 models and some revisions"),
    (["org/tiny", "--revisions", ","], "revisions: expected at least one; got none"),
    (["org/tiny", "--revisions", "step1,main"], "got 'main'. Write it as main=STEP"),
    (["org/tiny", "--revisions", "step1,step1"], "got step 1 twice"),
    (["org/tiny", "--revisions", "step1,step2"], "no revision 'step1' of it in the hub's cache"),
    (["--checkpoints", "{box}/neox", "--revisions", "step1"], "--revisions: expected none with --checkpoints"),
    (["--checkpoints", "{box}/nothing"], "nothing there"),
    (["--checkpoints", "{box}/empty"], "expected a checkpoint or a folder of checkpoints"),
    (["--checkpoints", "{box}/unnamed"], "got 'final'. Rename it"),
    (["--checkpoints", "{box}/neox", "{box}/neox/step-000008"], "got step 8 twice"),
    (["--checkpoints", "{box}/neox", "--orders", "one"], "--orders: expected numbers separated by commas; got 'one'"),
    (["--checkpoints", "{box}/neox", "--measures", "rank"], "expected"),
]


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(sys, "argv", ["gramian", "evolve", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr()


@pytest.mark.parametrize(("arguments", "expected"), CASES, ids=[" ".join(a) for a, _ in CASES])
def test_one_line_and_exit_2(box, arguments, expected, monkeypatch, capsys, tmp_path):
    from huggingface_hub import constants

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    code, printed = run(monkeypatch, capsys, *(a.format(box=box) for a in arguments), "--out", "run")
    assert code == 2
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) == 1, printed.err
    assert expected in printed.err
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")
def test_checkpoint_folders_as_a_shell_spreads_them(box, monkeypatch, capsys, tmp_path):
    folders = sorted((box / "neox").iterdir(), reverse=True)
    options = [
        "--corpus",
        box / "corpus.txt",
        "--groups",
        2,
        "--max-tokens",
        20,
        "--measures",
        "prompt_entropy,sink_share",
    ]
    code, printed = run(
        monkeypatch, capsys, "--checkpoints", *folders, *options, "--out", tmp_path / "run", "--no-report"
    )
    assert code == 0, printed.err
    lines = [line.split()[:2] for line in printed.out.splitlines()]
    assert [line for line in lines if line[:1] == ["step"]] == [["step", "1"], ["step", "8"]]
    assert "untrained" in printed.out
    record = read_run(tmp_path / "run")
    assert [(c["step"], c["untrained"]) for c in record.tables["cells"].to_pylist()] == [
        (1.0, False),
        (8.0, False),
        (0.0, True),
    ]
    assert record.manifest["command"] == "evolve"
