"""Wrong use of `gramian export`: one line, exit 2, nothing left; and what right use prints."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from gramian.cli._app import main
from gramian.runs import RunDirectory
from tests.layers._tiny import save_tiny
from tests.layers._tiny_vision import save_tiny_vision

pytest.importorskip("sentence_transformers")


def run_directory(path, *, finished=True, **manifest):
    with RunDirectory.open(path, command="downstream", parameters={"max_tokens": 16}) as run:
        run.update_manifest(**manifest)
        if finished:
            run.finish()


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """A folder with a sound model, and runs that lead nowhere."""
    box = tmp_path_factory.mktemp("box")
    save_tiny(box / "model")
    save_tiny(box / "bert", "bert")
    save_tiny(box / "bart", "bart")
    facts = {
        "name": "gone",
        "revision": None,
        "commit": None,
        "dtype": "float32",
        "untrained": False,
        "weights_seed": None,
    }
    facts |= {
        "instruction": "",
        "blocks": "layers",
        "chat_template": None,
        "weights_hash": "0" * 64,
        "tokenizer_hash": "0",
    }
    run_directory(box / "run", model=facts)
    run_directory(box / "half", finished=False, model=facts)
    of_images = {name: value for name, value in facts.items() if name != "tokenizer_hash"}
    run_directory(box / "images", model={**of_images, "name": "a model of images"})
    save_tiny_vision(box / "vision")
    run_directory(box / "sweep")
    (box / "folder").mkdir()
    (box / "folder" / "thesis.tex").write_text("keep me")
    (box / "file.txt").write_text("keep me")
    return box


# The arguments, and a part of the line that must come. `{box}` is the folder above; OUT is `out` in an empty folder.
CASES = {
    "nothing": (["export"], "Missing argument 'DIR|MODEL'"),
    "no target": (["export", "{box}/model"], "Missing argument 'OUT'"),
    "no layer": (["export", "{box}/model", "out"], "--layer: expected a number with a model; got none"),
    "layer beyond the model": (["export", "{box}/model", "out", "--layer", "4"], "layer: expected 0 to 3"),
    "layer of letters": (["export", "{box}/model", "out", "--layer", "last"], "Invalid value for '--layer'"),
    "no such model": (["export", "{box}/nothing", "out", "--layer", "1"], "nothing"),
    "unknown pooling": (
        ["export", "{box}/model", "out", "--layer", "1", "--pooling", "max"],
        "pooling: expected one of",
    ),
    "unknown norm": (
        ["export", "{box}/model", "out", "--layer", "1", "--normalize", "l2"],
        "normalize: expected one of",
    ),
    "unknown stream": (
        ["export", "{box}/model", "out", "--layer", "1", "--stream", "x"],
        "stream: expected residual or",
    ),
    "stream of another layer": (
        ["export", "{box}/model", "out", "--layer", "1", "--stream", "final_norm"],
        "stream: expected residual for layer 1",
    ),
    "no final norm": (
        ["export", "{box}/bert", "out", "--layer", "1", "--normalize", "final_norm"],
        "which has no final norm",
    ),
    "no encoder of its own": (["export", "{box}/bart", "out", "--layer", "1"], "can load alone"),
    "no room for tokens": (["export", "{box}/model", "out", "--layer", "1", "--max-tokens", "0"], "max_tokens"),
    "weights of the instruction": (
        ["export", "{box}/model", "out", "--layer", "1", "--pooling", "weighted_mean", "--instruction", "Say.\n"],
        "count the instruction",
    ),
    "target in the way": (
        ["export", "{box}/model", "{box}/file.txt", "--layer", "1"],
        "out: expected a folder that is not",
    ),
    "thesis in the way": (
        ["export", "{box}/model", "{box}/folder", "--layer", "1", "--overwrite"],
        "out: expected an earlier export to overwrite",
    ),
    "model of a model": (
        ["export", "{box}/model", "out", "--layer", "1", "--model", "{box}/model"],
        "--model: expected none with a model; got one",
    ),
    "untrained run": (["export", "{box}/run", "out", "--untrained"], "--untrained: expected none with a run; got one"),
    "run without recommendation": (["export", "{box}/run", "out"], "has no recommendation.json"),
    "run of a model that is gone": (["export", "{box}/run", "out", "--layer", "1"], "whose model is still there"),
    "run of another model": (
        ["export", "{box}/run", "out", "--layer", "1", "--model", "{box}/model"],
        "model: expected the weights that",
    ),
    "half a run": (["export", "{box}/half", "out", "--layer", "1"], "expected a complete run"),
    "run of many models": (["export", "{box}/sweep", "out", "--layer", "1"], "expected a run of one model"),
    "run on images": (["export", "{box}/images", "out", "--layer", "1"], "expected a run on texts"),
    "model of images": (["export", "{box}/vision", "out", "--layer", "1"], "model: expected one that reads text"),
    "wrong dtype": (["export", "{box}/model", "out", "--layer", "1", "--dtype", "int4"], "dtype"),
    "unknown option": (["export", "{box}/model", "out", "--layers", "1"], "No such option: --layers"),
}


@pytest.fixture
def program(box, tmp_path):
    def run(arguments):
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(tmp_path)
            patch.setenv("HF_HUB_OFFLINE", "1")
            patch.setattr(sys, "argv", ["gramian", *(argument.format(box=box) for argument in arguments)])
            with pytest.raises(SystemExit) as stopped:
                main()
        return stopped.value.code, out.getvalue(), err.getvalue()

    return run


@pytest.mark.parametrize("name", CASES)
def test_wrong_use_is_one_clear_line_and_leaves_nothing(name, program, box, tmp_path):
    arguments, part = CASES[name]
    code, out, err = program(arguments)
    assert (code, out) == (2, ""), err
    line = err.strip()
    assert line.startswith("gramian: ")
    assert "\n" not in line
    assert part in line
    assert not list(tmp_path.iterdir())
    assert (box / "folder" / "thesis.tex").read_text() == (box / "file.txt").read_text() == "keep me"


def test_the_command_says_what_it_wrote(program, tmp_path):
    code, out, err = program(["export", "{box}/model", "out", "--layer", "-1", "--pooling", "last"])
    assert (code, err) == (0, "")
    assert "model, layer 3 of 3, pooling=last;normalize=raw: 32 features" in out
    assert (tmp_path / "out" / "modules.json").is_file()
    code, out, err = program(["export", "{box}/model", "out", "--layer", "1", "--overwrite", "--json"])
    assert (code, err) == (0, "")
    record = json.loads(out)
    assert (record["folder"], record["layer"], record["pooling"]) == ("out", 1, "mean")
