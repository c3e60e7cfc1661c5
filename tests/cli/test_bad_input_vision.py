"""Wrong input for models of images on the command line: one line that names the matter, exit 2, nothing partial left."""

import io
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest
import transformers

from gramian.cli._app import main
from tests.layers._tiny import save_tiny, tiny_tokenizer
from tests.layers._tiny_vision import save_pictures, save_tiny_vision, tiny_clip, tiny_processor, zipped


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """A folder with sound models of text and of images, and everything wrong around them."""
    box = tmp_path_factory.mktemp("box")
    vit = save_tiny_vision(box / "vit")
    save_tiny(box / "llama")
    tiny_clip().save_pretrained(box / "clip")
    tiny_processor().save_pretrained(box / "clip")
    tiny_tokenizer().save_pretrained(box / "clip")
    pictures = save_pictures(box / "pictures", 6)
    (box / "empty").mkdir()
    (box / "notes").mkdir()
    (box / "notes" / "read-me.txt").write_text("no picture here")
    save_pictures(box / "damaged", 4)
    cut = box / "damaged" / "cat" / "cut.png"
    cut.write_bytes((pictures / "cat" / "0000.png").read_bytes()[:300])
    save_pictures(box / "one", 1)
    (box / "cut.zip").write_bytes(zipped(pictures, box / "whole.zip").read_bytes()[:500])
    (box / "corpus.txt").write_text("\n\n".join(f"Prompt {i} has a few words: {i * 7}." for i in range(9)))
    bare = shutil.copytree(vit, box / "bare")
    (bare / "preprocessor_config.json").unlink()
    larger = shutil.copytree(vit, box / "larger")
    transformers.ViTImageProcessor(size={"height": 48, "width": 48}).save_pretrained(larger)
    return box


MEASURE = ["measure", "{box}/vit", "--corpus"]
# The arguments, and a part of the line that must come. `{box}` is the folder above.
CASES = {
    "folder without anything": ([*MEASURE, "{box}/empty"], "expected at least one image in"),
    "folder without images": ([*MEASURE, "{box}/notes"], "expected at least one image in"),
    "damaged image": ([*MEASURE, "{box}/damaged"], "got a damaged one, cat/cut.png in"),
    "damaged zip": ([*MEASURE, "{box}/cut.zip"], "expected a whole zip of images"),
    "zip not there": ([*MEASURE, "{box}/nothing.zip"], "nothing.zip, which does not exist"),
    "folder not there": ([*MEASURE, "{box}/nothing"], "got nothing of that name"),
    "one image for measures of sets": ([*MEASURE, "{box}/one"], "at least 2 prompts for measures of a whole set"),
    "nothing kept": ([*MEASURE, "{box}/pictures", "--keep", "zebra"], "keep removed 6"),
    "field of images": ([*MEASURE, "{box}/pictures", "--field", "text"], "field: expected None for"),
    "labels of images": ([*MEASURE, "{box}/pictures", "--label-field", "text"], "label_field: expected None for"),
    "length of images": ([*MEASURE, "{box}/pictures", "--max-tokens", "9"], "--max-tokens: expected none with images"),
    "instruction for images": ([*MEASURE, "{box}/pictures", "--instruction", "look: "], "which reads images; got one"),
    "no corpus of images": (["measure", "{box}/vit"], "corpus: expected images for vit, which reads images; got texts"),
    "text for a model of images": ([*MEASURE, "{box}/corpus.txt"], "which reads images; got texts"),
    "images for a model of text": (
        ["measure", "{box}/llama", "--corpus", "{box}/pictures"],
        "which reads texts; got images",
    ),
    "text for clip": (
        ["measure", "{box}/clip", "--corpus", "{box}/corpus.txt"],
        "clip (vision tower), which reads images",
    ),
    "images for clip's text": (
        ["measure", "{box}/clip", "--tower", "text", "--corpus", "{box}/pictures"],
        "clip (text tower), which reads texts; got images",
    ),
    "tower not there": ([*MEASURE, "{box}/pictures", "--tower", "text"], "tower: expected vision or None for vit"),
    "tower of another name": ([*MEASURE, "{box}/pictures", "--tower", "leaning"], "tower: expected vision or text"),
    "no processor": (["measure", "{box}/bare", "--corpus", "{box}/pictures"], "expected an image processor in"),
    "processor of another size": (
        ["measure", "{box}/larger", "--corpus", "{box}/pictures"],
        "expected images of a size that larger takes",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_input_is_one_clear_line(name, box, tmp_path, monkeypatch):
    arguments, expected = CASES[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(sys, "argv", ["gramian", *(argument.format(box=box) for argument in arguments)])
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stopped:
        main()
    line = err.getvalue().strip()
    assert stopped.value.code == 2, line
    assert out.getvalue() == ""
    assert line.startswith("gramian: "), line
    assert "\n" not in line, line
    assert expected in line
    assert not list(tmp_path.rglob("*")), "nothing left"


def test_a_folder_of_images_is_measured(box, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ["--measures", "prompt_entropy", "--views", "0", "--no-report", "--out", "run"]
    monkeypatch.setattr(
        sys, "argv", ["gramian", "measure", str(box / "clip"), "--corpus", str(box / "whole.zip"), *options]
    )
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    assert "prompt entropy" in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "run" / "measures.parquet").is_file()
