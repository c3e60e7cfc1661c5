"""An exported layer gives the layer's vectors, and holds no more of the model than they need."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import AutoModel

from gramian.downstream import POOLINGS, export_layer
from gramian.layers import layer_states, load_model
from tests.layers._tiny import save_tiny, tiny_model, tiny_tokenizer, write_tiny_gguf

from ._exported import TEXTS, assert_same_vectors, encode_alone, expected_vectors

pytest.importorskip("sentence_transformers")

FAMILIES = ("llama", "gpt_neox", "gpt2", "bert", "mamba", "mamba2", "t5")
OTHERS = ("opt", "opt_projected", "qwen3", "gemma2", "falcon", "bloom", "roberta", "distilbert", "deberta_v2")
OTHERS += ("modernbert", "falcon_mamba", "jamba")
WITHOUT_NORM = {"bert", "roberta", "distilbert", "deberta_v2", "opt_projected"}


def combinations(families):
    """Every family, layer and normalisation; poolings in turn, so that each meets each of the others."""
    normalizations = {family: ("raw",) if family in WITHOUT_NORM else ("raw", "final_norm") for family in families}
    chosen = [
        (family, layer, n)
        for family, layer in product(families, ("first", "middle", "last"))
        for n in normalizations[family]
    ]
    return [(*one, POOLINGS[(number + number // 5) % 5]) for number, one in enumerate(chosen)]


def check(family, layer, normalize, pooling, folder):
    model = tiny_model(family)
    number = {"first": 0, "middle": 1, "last": model.depth}[layer]
    export_layer(model, layer=number, out=folder, pooling=pooling, normalize=normalize)
    expected = expected_vectors(model, TEXTS, layer=number, pooling=pooling, normalize=normalize)
    assert_same_vectors(encode_alone(folder, TEXTS), expected)


@pytest.mark.parametrize(("family", "layer", "normalize", "pooling"), combinations(FAMILIES))
def test_the_exported_layer_gives_the_layers_vectors(family, layer, normalize, pooling, tmp_path):
    check(family, layer, normalize, pooling, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "layer", "normalize", "pooling"),
    [
        (family, layer, normalize, pooling)
        for family, layer, normalize, _ in combinations(FAMILIES + OTHERS)
        for pooling in POOLINGS
    ],
)
def test_every_pooling_of_every_family(family, layer, normalize, pooling, tmp_path):
    check(family, layer, normalize, pooling, tmp_path / "out")


@pytest.fixture(scope="module")
def llama():
    return tiny_model("llama")


@pytest.fixture(scope="module")
def normed(llama, tmp_path_factory):
    """Layer 1 of a tiny Llama as the truncated model hands it out."""
    folder = tmp_path_factory.mktemp("exports") / "normed"
    export_layer(llama, layer=1, out=folder, normalize="final_norm")
    return folder


def tensors(folder):
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def test_blocks_after_the_layer_are_not_saved(llama, normed):
    assert json.loads((normed / "config.json").read_text())["num_hidden_layers"] == 1
    kept = tensors(normed)
    assert {name.split(".")[1] for name in kept if name.startswith("layers.")} == {"0"}
    everything = llama.model.state_dict()
    assert all(torch.equal(tensor, everything[name]) for name, tensor in kept.items())
    left_out = sum(tensor.nbytes for name, tensor in everything.items() if name.startswith(("layers.1", "layers.2")))
    whole = sum(tensor.nbytes for tensor in everything.values())
    assert (normed / "model.safetensors").stat().st_size < whole - left_out + 10_000


def test_the_placeholder_hands_its_input_on(llama, tmp_path):
    """So the folder is the truncated model for transformers too: its last state is the normed stream."""
    export_layer(llama, layer=1, out=tmp_path / "raw")
    kept = tensors(tmp_path / "raw")
    assert all(not tensor.any() for name, tensor in kept.items() if name.startswith("layers.1."))
    assert not any(name.startswith("layers.2.") for name in kept)
    states = layer_states(llama, [TEXTS[1]])
    with torch.inference_mode():
        ids = torch.tensor([llama.tokenizer(TEXTS[1])["input_ids"]])
        found = AutoModel.from_pretrained(tmp_path / "raw")(input_ids=ids).last_hidden_state
        torch.testing.assert_close(found, llama.model.norm(states.residual[1]), rtol=1e-5, atol=1e-5)


def test_the_model_that_was_exported_is_left_as_it_was(llama, tmp_path):
    before = {name: tensor.clone() for name, tensor in llama.model.state_dict().items()}
    config = llama.model.config.to_dict()
    export_layer(llama, layer=2, out=tmp_path / "out", pooling="last")
    assert llama.model.config.to_dict() == config
    assert all(torch.equal(tensor, before[name]) for name, tensor in llama.model.state_dict().items())
    assert len(llama.blocks) == 3


@pytest.mark.parametrize("layer", [-1, 3])
def test_the_last_layer_counts_from_either_end(llama, layer, tmp_path):
    exported = export_layer(llama, layer=layer, out=tmp_path / "out")
    assert exported.layer == 3
    assert exported.record["blocks"] == 3


def test_the_normed_last_stream_is_the_normed_reading_of_the_last_layer(llama, tmp_path):
    exported = export_layer(llama, layer=3, stream="final_norm", out=tmp_path / "out")
    assert exported.reading.normalize == "final_norm"
    expected = expected_vectors(llama, TEXTS, layer=3, pooling="mean", normalize="final_norm")
    assert_same_vectors(encode_alone(tmp_path / "out", TEXTS), expected)


@pytest.mark.parametrize("bos", [False, True])
def test_texts_are_cut_where_the_run_cut_them(bos, tmp_path):
    model = tiny_model("gpt2", tokenizer=tiny_tokenizer(bos=bos))
    exported = export_layer(model, layer=2, out=tmp_path / "out", max_tokens=10)
    assert exported.record["max_tokens"] == 10
    long = "one two three four five six seven eight nine ten eleven twelve"
    whole = np.asarray(encode_alone(tmp_path / "out", [long, "short", long + " thirteen fourteen"]))
    np.testing.assert_allclose(whole[0], whole[2], rtol=1e-5, atol=1e-5)
    state = layer_states(model, {"input_ids": model.tokenizer([long], truncation=True, max_length=10)["input_ids"]})
    np.testing.assert_allclose(whole[0], state.residual[2][0].mean(0).numpy(), rtol=1e-4, atol=1e-4)


def test_without_max_tokens_the_models_own_limit_holds(llama, normed):
    assert llama.max_tokens == 128
    assert json.loads((normed / "tokenizer_config.json").read_text())["model_max_length"] == 128
    assert len(encode_alone(normed, ["word and " * 500])) == 1


@pytest.mark.parametrize(("pad", "eos"), [(False, True), (False, False)])
def test_a_tokenizer_without_pad_token_gets_one(pad, eos, tmp_path):
    model = tiny_model("llama", tokenizer=tiny_tokenizer(pad=pad, eos=eos))
    export_layer(model, layer=1, out=tmp_path / "out")
    expected = expected_vectors(model, TEXTS, layer=1, pooling="mean", normalize="raw")
    assert_same_vectors(encode_alone(tmp_path / "out", TEXTS), expected)
    assert model.tokenizer.pad_token_id is None


@pytest.mark.parametrize("pooling", ["mean", "mean_no_first", "last", "first"])
def test_an_instruction_is_read_and_not_pooled(pooling, tmp_path):
    model = tiny_model("llama", instruction="Represent this.\n")
    export_layer(model, layer=2, out=tmp_path / "out", pooling=pooling)
    expected = expected_vectors(model, TEXTS, layer=2, pooling=pooling, normalize="raw")
    assert_same_vectors(encode_alone(tmp_path / "out", TEXTS), expected)
    without = expected_vectors(tiny_model("llama"), TEXTS, layer=2, pooling=pooling, normalize="raw")
    assert np.abs(without - expected).max() > 0.1


def test_queries_and_documents_are_encoded_like_texts(tmp_path):
    from sentence_transformers import SentenceTransformer

    model = tiny_model("llama", instruction="Represent this.\n")
    export_layer(model, layer=2, out=tmp_path / "out", pooling="mean_no_first")
    alone = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    plain = alone.encode(TEXTS, show_progress_bar=False)
    np.testing.assert_allclose(alone.encode_query(TEXTS, show_progress_bar=False), plain, rtol=1e-5)
    np.testing.assert_allclose(alone.encode_document(TEXTS, show_progress_bar=False), plain, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_weights_keep_the_format_they_were_loaded_in(dtype, tmp_path):
    model = load_model(str(save_tiny(tmp_path / "model", "gpt_neox")), dtype=dtype)
    export_layer(model, layer=2, out=tmp_path / "out")
    assert {str(tensor.dtype) for tensor in tensors(tmp_path / "out").values()} == {f"torch.{dtype}"}
    expected = expected_vectors(model, TEXTS, layer=2, pooling="mean", normalize="raw")
    assert_same_vectors(encode_alone(tmp_path / "out", TEXTS), expected, within=0.05)


def test_a_model_from_a_gguf_file_is_exported_dequantised(tmp_path):
    file = write_tiny_gguf(tmp_path / "tiny.gguf")
    model = load_model(str(file), cache=False)
    export_layer(model, layer=2, out=tmp_path / "out", pooling="mean_no_first")
    expected = expected_vectors(model, TEXTS, layer=2, pooling="mean_no_first", normalize="raw")
    assert_same_vectors(encode_alone(tmp_path / "out", TEXTS), expected)
    assert not list((tmp_path / "out").glob("*.gguf"))


def test_an_untrained_model_is_exported_as_one(tmp_path):
    folder = save_tiny(tmp_path / "model")
    options = {"untrained": True, "seed": 3}
    exported = export_layer(str(folder), layer=1, out=tmp_path / "out", model_options=options)
    assert exported.record["untrained"] is True
    assert "random weights" in (tmp_path / "out" / "README.md").read_text()
    expected = expected_vectors(load_model(str(folder), **options), TEXTS, layer=1, pooling="mean", normalize="raw")
    assert_same_vectors(encode_alone(tmp_path / "out", TEXTS), expected)


def test_the_card_and_the_record_say_what_it_is(llama, normed):
    card = (normed / "README.md").read_text()
    record = json.loads((normed / "gramian_export.json").read_text())
    for part in (
        "# tiny-llama, layer 1 of 3",
        llama.weights_hash,
        "`final_norm`",
        "`mean`",
        "**Licence**",
        "128 tokens",
    ):
        assert part in card
    assert (record["model"], record["layer"], record["weights_hash"]) == ("tiny-llama", 1, llama.weights_hash)
    assert record["largest_distance"] < 1e-4
    assert record["parameters"] == sum(tensor.numel() for tensor in tensors(normed).values())


def test_nothing_draws_from_the_global_random_state(llama, tmp_path):
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    export_layer(llama, layer=1, out=tmp_path / "out")
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)


def test_every_file_can_be_read_by_whoever_reads_the_others(normed):
    assert len({file.stat().st_mode for file in Path(normed).glob("*.*") if file.is_file()}) == 1
