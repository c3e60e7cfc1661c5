"""Wrong use and wrong input on the command line: one line that names the matter, exit 2, nothing partial left."""

import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from gramian.cli._app import main
from tests.cli._program import command, environment
from tests.layers._tiny import save_tiny, tiny_tokenizer


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """A folder with everything wrong that a user could point at, and a sound model and run."""
    box = tmp_path_factory.mktemp("box")
    sound = save_tiny(box / "model")
    (box / "empty.txt").write_text("")
    (box / "nul.txt").write_bytes(b"a prompt with a \x00 in it, long enough to be measured\n")
    (box / "latin.txt").write_bytes("caf\u00e9 society, written in another encoding\n".encode("latin-1"))
    (box / "long.txt").write_text("x" * (10 * 2**20 + 1))
    (box / "short.txt").write_text("one\n\ntwo\n\nthree\n")
    (box / "broken.jsonl").write_text('{"text": "a whole line of text"}\n{"text": \n')
    (box / "fields.jsonl").write_text('{"title": "some words", "body": "more words than that"}\n')
    (box / "numbers.csv").write_text("a,b\n1,2\n")
    (box / "notes.docx").write_text("not a corpus")
    (box / "broken.parquet").write_bytes(b"PAR1 and then nothing")
    (box / "corpus.txt").write_text("\n\n".join(f"Prompt {i} has a few words that differ: {i * 7}." for i in range(30)))
    no_weights = shutil.copytree(sound, box / "no-weights")
    (no_weights / "model.safetensors").unlink()
    no_config = shutil.copytree(sound, box / "no-config")
    (no_config / "config.json").unlink()
    no_tokenizer = shutil.copytree(sound, box / "no-tokenizer")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (no_tokenizer / name).unlink()
    truncated = shutil.copytree(sound, box / "truncated")
    weights = (truncated / "model.safetensors").read_bytes()
    (truncated / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    (box / "short.gguf").write_bytes(b"GGUF\x03\x00\x00\x00 and then nothing")
    (box / "text.gguf").write_text("this is no model")
    np.save(box / "integers.npy", np.ones((2, 5, 4), dtype=np.int64))
    np.save(box / "flat.npy", np.ones((5, 4)))
    np.save(box / "nan.npy", np.full((2, 30, 4), np.nan))
    np.save(box / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (box / "cut.npy").write_bytes((box / "nan.npy").read_bytes()[:200])
    np.save(box / "one.npy", np.ones((1, 1, 4)))
    np.save(box / "equal.npy", np.ones((2, 30, 4)))
    (box / "half" / "progress").mkdir(parents=True)
    (box / "folder").mkdir()
    (box / "folder" / "thesis.tex").write_text("keep me")
    _half_written(box / "half", sound, box)
    return box


def _half_written(directory, model, box):
    """A run as a kill leaves it: a manifest that says it goes on, and no tables."""
    from gramian.runs import RunDirectory

    shutil.rmtree(directory)
    with RunDirectory.open(directory, command="measure", parameters={"model": str(model)}) as run:
        run.save_chunk("000000", {"tokens": np.arange(3)})


MODEL = ["measure", "{box}/model", "--max-tokens", "24"]
CORPUS = [*MODEL, "--corpus"]
# The arguments, and a part of the line that must come. `{box}` is the folder above.
CASES = {
    "no command": ([], "Missing command"),
    "unknown command": (["meassure"], "No such command"),
    "unknown option": ([*MODEL, "--promts", "3"], "No such option: --promts"),
    "no model": (["measure"], "Missing argument 'MODEL'"),
    "prompts not a number": ([*MODEL, "--prompts", "many"], "--prompts"),
    "no prompts": ([*MODEL, "--prompts", "-1"], "prompts: expected at least 1; got -1"),
    "one view": ([*MODEL, "--views", "1"], "views: expected 0 or at least 2; got 1"),
    "too few tokens": ([*MODEL, "--min-tokens", "1"], "min_tokens: expected at least 4; got 1"),
    "limits crossed": ([*MODEL, "--min-tokens", "30"], "max_tokens: expected at least min_tokens (30); got 24"),
    "no tokens in a batch": ([*MODEL, "--token-budget", "0"], "token_budget: expected at least 1; got 0"),
    "unknown measure": ([*MODEL, "--measures", "promt_entropy"], "Did you mean 'prompt_entropy'?"),
    "no measure": ([*MODEL, "--measures", ","], "measures: expected at least one name"),
    "measure twice": ([*MODEL, "--measures", "lidar,lidar"], "measures: expected each name once"),
    "views needed": ([*MODEL, "--measures", "lidar", "--views", "0"], "at least 2 views of each prompt for lidar"),
    "orders not numbers": ([*MODEL, "--orders", "one"], "--orders: expected numbers separated by commas; got 'one'"),
    "negative order": ([*MODEL, "--orders=-1"], "orders: expected numbers of at least 0; got -1.0"),
    "order twice": ([*MODEL, "--orders", "2,2"], "orders: expected each order once"),
    "unknown normalisation": ([*MODEL, "--normalize", "layernorm"], "normalize: expected None or 'final_norm'"),
    "unknown dtype": ([*MODEL, "--dtype", "float8"], "dtype: expected"),
    "unknown device": ([*MODEL, "--device", "gpu"], "device: expected"),
    "device not there": ([*MODEL, "--device", "cuda:7"], "cuda"),
    "device and map": ([*MODEL, "--device", "cpu", "--device-map", "auto"], "device_map"),
    "no such model": (["measure", "{box}/nothing"], "nothing"),
    "misspelt short name": (["measure", "smollm-135m"], "smollm-135m"),
    "folder without weights": (["measure", "{box}/no-weights"], "weights"),
    "folder without config": (["measure", "{box}/no-config"], "config.json"),
    "folder without tokenizer": (["measure", "{box}/no-tokenizer"], "tokenizer"),
    "truncated weights": (["measure", "{box}/truncated"], "truncated"),
    "truncated GGUF": (["measure", "{box}/short.gguf"], "short.gguf"),
    "GGUF that is text": (["measure", "{box}/text.gguf"], "text.gguf"),
    "revision of a folder": ([*MODEL, "--revision", "step1000"], "revision: expected"),
    "no chat template": ([*MODEL, "--chat-template"], "chat_template"),
    "blocks not there": ([*MODEL, "--blocks", "model.layres"], "blocks: expected"),
    "no such corpus": ([*CORPUS, "{box}/nothing.txt"], "nothing.txt"),
    "empty corpus": ([*CORPUS, "{box}/empty.txt"], "empty.txt"),
    "only short prompts": ([*CORPUS, "{box}/short.txt"], "min_tokens"),
    "NUL bytes": ([*CORPUS, "{box}/nul.txt"], "NUL"),
    "another encoding": ([*CORPUS, "{box}/latin.txt"], "UTF-8"),
    "a line of 10 MB": ([*CORPUS, "{box}/long.txt"], "line 1"),
    "broken JSON line": ([*CORPUS, "{box}/broken.jsonl"], "line 2"),
    "no text field": ([*CORPUS, "{box}/fields.jsonl", "--field", "text"], "title"),
    "field ambiguous": ([*CORPUS, "{box}/fields.jsonl"], "body"),
    "no text column": ([*CORPUS, "{box}/numbers.csv", "--field", "c"], "'c'"),
    "unknown kind of file": ([*CORPUS, "{box}/notes.docx"], ".docx"),
    "broken Parquet": ([*CORPUS, "{box}/broken.parquet"], "broken.parquet"),
    "corpus is a folder": ([*CORPUS, "{box}/folder"], "folder"),
    "bad expression": ([*CORPUS, "{box}/corpus.txt", "--keep", "("], "keep: expected a regular expression"),
    "nothing kept": ([*CORPUS, "{box}/corpus.txt", "--keep", "zebra"], "keep"),
    "activations of integers": (["measure", "{box}/integers.npy"], "integers.npy"),
    "activations too flat": (["measure", "{box}/flat.npy"], "flat.npy"),
    "activations with NaN": (["measure", "{box}/nan.npy"], "finite"),
    "pickled activations": (["measure", "{box}/objects.npy"], "objects.npy"),
    "truncated activations": (["measure", "{box}/cut.npy"], "cut.npy"),
    "activations not there": (["measure", "{box}/nothing.npy"], "nothing.npy"),
    "activations of one prompt": (["measure", "{box}/one.npy"], "at least 2"),
    "activations all equal": (
        ["measure", "{box}/equal.npy", "--measures", "participation_ratio"],
        "none. participation_ratio",
    ),
    "corpus with activations": (["measure", "{box}/equal.npy", "--corpus", "python-docs"], "--corpus: expected none"),
    "negative seed": ([*MODEL, "--seed", "-1"], "seed: expected at least 0; got -1"),
    "one prompt for measures of sets": ([*MODEL, "--prompts", "1"], "at least 2 prompts for measures of a whole set"),
    "no room beside the instruction": ([*MODEL, "--instruction", "query " * 12], "room for min_tokens"),
    "tokens of activations": (["measure", "{box}/equal.npy", "--measures", "curvature"], "token vectors (a model"),
    "run directory is a file": ([*CORPUS, "{box}/corpus.txt", "--out", "{box}/corpus.txt"], "corpus.txt"),
    "run directory holds a thesis": ([*CORPUS, "{box}/corpus.txt", "--out", "{box}/folder"], "folder"),
    "run of something else": ([*CORPUS, "{box}/corpus.txt", "--out", "{box}/half"], "half"),
    "report of nothing": (["report", "{box}/nothing"], "nothing"),
    "report of a folder": (["report", "{box}/folder"], "folder"),
    "report of a half-written run": (["report", "{box}/half"], "half"),
    "report without a run": (["report"], "Missing argument 'DIR...'"),
}


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str
    left: list[str]


@pytest.fixture(scope="module")
def run_in_process(box, tmp_path_factory):
    """The program in this process, which saves loading torch for each case; tests/cli/test_commands.py starts real ones."""

    def run(arguments):
        out, err, folder = io.StringIO(), io.StringIO(), tmp_path_factory.mktemp("here")
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(folder)
            patch.setenv("HF_HUB_OFFLINE", "1")
            patch.setattr(sys, "argv", ["gramian", *(argument.format(box=box) for argument in arguments)])
            with pytest.raises(SystemExit) as stopped:
                main()
        left = [str(p) for p in folder.rglob("*.parquet")]
        return Outcome(stopped.value.code, out.getvalue(), err.getvalue(), left)

    return run


@pytest.fixture(scope="module")
def outcome_of(run_in_process):
    """Each case runs once."""

    @cache
    def outcome(name):
        return run_in_process(CASES[name][0])

    return outcome


@pytest.mark.parametrize("name", CASES)
def test_wrong_input_is_one_clear_line(name, outcome_of, box):
    outcome = outcome_of(name)
    assert outcome.code == 2, outcome.err
    assert outcome.out == ""
    line = outcome.err.strip()
    assert line.startswith("gramian: "), line
    assert "\n" not in line, line
    assert CASES[name][1] in line
    assert not outcome.left, "no partial table"
    assert (box / "folder" / "thesis.tex").read_text() == "keep me"


def test_there_are_at_least_sixty_cases_and_each_ends_in_a_branch_of_its_own(outcome_of):
    """No two cases are refused for the same reason: their lines differ in more than paths, numbers and quoted values."""
    assert len(CASES) >= 60
    said = {}
    for name in CASES:
        said.setdefault(_without_values(outcome_of(name).err), []).append(name)
    assert all(len(names) == 1 for names in said.values()), {t: n for t, n in said.items() if len(n) > 1}


def _without_values(line):
    """What a line says apart from paths and quoted values."""
    return re.sub(r"(/[^\s:;,]+)|('[^']*')|(\d+)", "_", line)


def test_full_disk_leaves_no_partial_table(box, tmp_path):
    """A real limit on the size of files in a real process, which fails writes as a full disk does."""
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from gramian.cli import main; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)); sys.argv[0] = 'gramian'; main()"
    )
    arguments = [
        "measure",
        str(box / "model"),
        "--corpus",
        str(box / "corpus.txt"),
        "--max-tokens",
        "24",
        "--out",
        str(tmp_path / "run"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not list((tmp_path / "run").rglob("*.parquet"))
    assert not [p for p in (tmp_path / "run").rglob("*") if p.is_file() and p.stat().st_size > 6000]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 6000, "the limit was the child's alone"


def test_a_tokenizer_without_pad_token_is_no_obstacle(tmp_path, box):
    """Padding is masked, so any token will do; the result is the same."""
    folder = save_tiny(tmp_path / "model", tokenizer=tiny_tokenizer(pad=False))
    options = ["--corpus", box / "corpus.txt", "--views", 0, "--measures", "sink_share", "--no-report", "--json"]
    done = subprocess.run(
        command("measure", folder, *options, "--out", tmp_path / "run"),
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        check=False,
    )
    assert json.loads(done.stdout)["manifest"]["state"] == "complete"


def test_an_interrupt_says_how_to_go_on(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gramian", "measure", "smollm2-135m"])

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("gramian.layers.measure", interrupted)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 130
    assert "The same command goes on" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_directory_is_refused(box, tmp_path, run_in_process):
    tmp_path.chmod(0o500)
    outcome = run_in_process([*MODEL, "--out", str(tmp_path / "run")])
    assert outcome.code == 2
    assert "run" in outcome.err
