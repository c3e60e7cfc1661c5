"""What cannot be exported is refused in one line, and nothing is left of the attempt."""

import json
import resource
from pathlib import Path

import pytest
import torch

from gramian.downstream import export_layer
from gramian.downstream._export import check, export, folder
from gramian.downstream._export.check import relative_distances
from tests.layers._tiny import save_tiny, tiny_model, tiny_tokenizer

pytest.importorskip("sentence_transformers")


@pytest.fixture(scope="module")
def llama():
    return tiny_model("llama")


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"layer": 4}, ValueError, "layer: expected 0 to 3, the layers of tiny-llama; got 4"),
        ({"layer": -5}, ValueError, "layer: expected 0 to 3, the layers of tiny-llama; got -5"),
        ({"layer": 1.0}, TypeError, "layer: expected an integer; got float"),
        ({"layer": True}, TypeError, "layer: expected an integer; got bool"),
        ({"pooling": "max"}, ValueError, "pooling: expected one of mean, .*; got 'max'"),
        ({"normalize": "none"}, ValueError, "normalize: expected one of raw, final_norm; got 'none'"),
        ({"stream": "normed"}, ValueError, "stream: expected residual or final_norm; got 'normed'"),
        ({"stream": "final_norm"}, ValueError, "stream: expected residual for layer 1; got final_norm"),
        ({"max_tokens": 0}, ValueError, "max_tokens: expected at least 1"),
    ],
)
def test_arguments_that_name_no_layer_are_refused(llama, options, kind, message, tmp_path):
    with pytest.raises(kind, match=message):
        export_layer(llama, **{"layer": 1, "out": tmp_path / "out", **options})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (lambda: tiny_model("bert"), {"normalize": "final_norm"}, "for tiny-bert, which has no final norm"),
        (lambda: tiny_model("bert"), {"layer": 3, "stream": "final_norm"}, "for tiny-bert, which has no final norm"),
        (lambda: tiny_model("bart"), {}, "expected a family whose .* can load alone .*; got 'bart'"),
        (
            lambda: tiny_model("rwkv"),
            {"normalize": "final_norm"},
            "expected a family that sentence-transformers loads; got 'rwkv'",
        ),
        (
            lambda: tiny_model("llama", tokenizer=tiny_tokenizer(chat=True), chat_template=True),
            {},
            "chat_template: expected a model without one",
        ),
        (
            lambda: tiny_model("llama", instruction="Say: "),
            {"pooling": "weighted_mean"},
            "got weighted_mean, whose weights would count the instruction",
        ),
        (
            # The closing special token is context to us, and a token like others to sentence-transformers.
            lambda: tiny_model("llama", instruction="Say.\n", tokenizer=tiny_tokenizer(bos=True)),
            {"pooling": "mean"},
            "Put the instruction into the texts",
        ),
        (
            # A last space is a token before a digit, and a part of the first word before a letter.
            lambda: tiny_model("llama", instruction="Say: "),
            {"pooling": "mean"},
            "instruction: expected one whose tokens end where the text begins, .* got 4 to 5 tokens",
        ),
    ],
)
def test_models_and_readings_that_cannot_be_expressed_are_refused(model, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export_layer(model(), **{"layer": 1, "out": tmp_path / "out", **options})
    assert not list(tmp_path.iterdir())


def test_something_else_than_a_model_of_texts_is_refused(tmp_path):
    with pytest.raises(TypeError, match="model: expected one that reads text; got Linear"):
        export_layer(torch.nn.Linear(2, 2), layer=0, out=tmp_path / "out")


def test_code_of_the_models_own_repository_is_refused(llama, tmp_path, monkeypatch):
    monkeypatch.setattr(type(llama.model), "__module__", "transformers_modules.own.modeling")
    with pytest.raises(ValueError, match="model: expected an architecture of transformers; got LlamaModel"):
        export_layer(llama, layer=1, out=tmp_path / "out")


def test_the_extra_is_asked_for(llama, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"got none. Run `pip install 'gramian\[export\]'`"):
        export_layer(llama, layer=1, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("pooling_mode", "max"),
        ("pooling_mode", "lasttoken"),
    ],
)
def test_vectors_that_differ_are_refused_and_nothing_is_left(llama, name, wrong, tmp_path, monkeypatch):
    right = folder.modules_of

    def broken(*arguments, **options):
        [(folder, kind, settings)] = right(*arguments, **options)
        return [(folder, kind, {**settings, name: wrong})]

    monkeypatch.setattr(folder, "modules_of", broken)
    with pytest.raises(
        ValueError, match=r"layer: expected vectors of sentence-transformers within 0.0001 .* Nothing was written"
    ):
        export_layer(llama, layer=2, out=tmp_path / "new" / "out")
    assert not list(tmp_path.iterdir())


def test_a_neighbouring_layer_would_be_noticed(llama, tmp_path, monkeypatch):
    right = export.place_of_state
    monkeypatch.setattr(export, "place_of_state", lambda model, layer, **options: right(model, layer - 1, **options))
    with pytest.raises(ValueError, match="Nothing was written"):
        export_layer(llama, layer=2, out=tmp_path / "out")


def test_a_tokenizer_that_cuts_elsewhere_would_be_noticed(llama, tmp_path, monkeypatch):
    right = folder._write_tokenizer
    monkeypatch.setattr(folder, "_write_tokenizer", lambda folder, model, limit: right(folder, model, limit - 1))
    with pytest.raises(
        ValueError, match="max_tokens: expected a tokenizer that cuts a long text to the same 128 tokens"
    ):
        export_layer(llama, layer=2, out=tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_shared_part_does_not_hide_a_difference():
    """Raw streams share a huge vector; an error as large as what tells texts apart is an error."""
    generator = torch.Generator().manual_seed(0)
    own = torch.randn(6, 8, generator=generator, dtype=torch.float64).numpy()
    expected = own + 1e6
    assert relative_distances(expected, expected).max() == 0
    assert relative_distances(expected, expected + own).min() > 0.3
    assert relative_distances(expected, expected[:, :4]).min() == float("inf")


def test_what_is_in_the_way_stays(llama, tmp_path):
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.tex").write_text("keep me")
    with pytest.raises(ValueError, match=r"out: expected a folder that is not there yet; got .*thesis"):
        export_layer(llama, layer=1, out=thesis)
    with pytest.raises(
        ValueError, match=r"out: expected an earlier export to overwrite; got .*thesis, which is something else"
    ):
        export_layer(llama, layer=1, out=thesis, overwrite=True)
    assert (thesis / "chapter.tex").read_text() == "keep me"


def test_an_earlier_export_is_replaced_whole_or_kept(llama, tmp_path, monkeypatch):
    out = tmp_path / "out"
    export_layer(llama, layer=1, out=out, pooling="mean_no_first")
    (tmp_path / ".out.aside").mkdir()  # as a killed export leaves it
    (tmp_path / ".out.aside" / "part").write_text("half")
    export_layer(llama, layer=2, out=out, overwrite=True)
    assert json.loads((out / "gramian_export.json").read_text())["layer"] == 2
    assert not (out / "1_TokenPooling").exists()
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    monkeypatch.setattr(check, "relative_distances", lambda expected, found: expected[:, 0] * 0 + 1)
    with pytest.raises(ValueError, match="Nothing was written"):
        export_layer(llama, layer=3, out=out, overwrite=True)
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [OSError("no"), KeyboardInterrupt()])
def test_the_earlier_export_stays_when_the_new_one_cannot_take_its_place(llama, tmp_path, monkeypatch, error):
    out = tmp_path / "out"
    export_layer(llama, layer=1, out=out)
    replace = Path.replace

    def refused(path, target):
        if path.name == ".out.aside":
            raise error
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(type(error)):
        export_layer(llama, layer=2, out=out, overwrite=True)
    assert json.loads((out / "gramian_export.json").read_text())["layer"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_export_killed_between_its_renames_loses_nothing(llama, tmp_path, monkeypatch):
    """The next one fails too; what was there before either is there again."""
    out = tmp_path / "out"
    export_layer(llama, layer=1, out=out)
    out.replace(tmp_path / ".out.old")

    def full_disk(*arguments, **named):
        raise OSError("full")

    monkeypatch.setattr(export, "write_folder", full_disk)
    with pytest.raises(OSError, match="full"):
        export_layer(llama, layer=2, out=out)
    assert json.loads((out / "gramian_export.json").read_text())["layer"] == 1


def test_an_export_is_no_model_to_overwrite_with_itself(tmp_path):
    folder = save_tiny(tmp_path / "model")
    with pytest.raises(ValueError, match="out: expected an earlier export to overwrite"):
        export_layer(str(folder), layer=1, out=folder, overwrite=True)
    assert (folder / "model.safetensors").is_file()


def test_a_full_disk_leaves_nothing(llama, tmp_path):
    """A real limit on the size of files, which fails writes as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, before[1]))
    try:
        with pytest.raises(OSError, match=r"out: expected to be able to write the weights; got .* Free some space"):
            export_layer(llama, layer=1, out=tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())
