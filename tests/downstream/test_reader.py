"""Vectors against token states pooled one text at a time, and how often the model runs."""

import numpy as np
import pytest
import torch
from torch import nn

from gramian.downstream import NORMALIZATIONS, POOLINGS, LayerReader, Reading, VectorStore, readings
from gramian.downstream._vectors.batch_vectors import read_batch
from gramian.layers import encode, layer_states
from gramian.quality import sink_share
from tests.downstream._texts import TEXTS, pooled_alone, sunken_model
from tests.layers._tiny import tiny_model, tiny_tokenizer

EVERY = readings(POOLINGS, NORMALIZATIONS)


@pytest.fixture(scope="module")
def llama():
    return tiny_model("llama")


def counted(model, monkeypatch):
    """A list that grows by the texts of every forward pass."""
    runs = []
    forward = type(model.model).forward

    def counting(self, *args, **kwargs):
        runs.append(len(kwargs["input_ids"]))
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(model.model), "forward", counting)
    return runs


@pytest.mark.parametrize("family", ["llama", "gpt2", "mamba", "rwkv"])
def test_every_reading_of_every_stream_is_what_the_text_alone_gives(family, tmp_path):
    """Padded in one batch (RWKV one at a time), pooled in the hooks: as the definition says, text by text."""
    model = tiny_model(family)
    reader = LayerReader(model, readings=EVERY, store=VectorStore(tmp_path, precision="float32"))
    for reading in EVERY:
        alone = [pooled_alone(model, text, reading) for text in TEXTS]
        for layer, stream in reader.streams:
            expected = np.stack([one[layer, stream] for one in alone])
            found = reader.vectors(TEXTS, layer, stream, reading)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5 * np.abs(expected).max())
    assert reader.passes == len(TEXTS)


def test_an_instruction_is_read_and_not_pooled(tmp_path):
    model = tiny_model("llama", tokenizer=tiny_tokenizer(bos=True), instruction="Classify: ")
    reader = LayerReader(model, readings=readings(POOLINGS), store=VectorStore(tmp_path, precision="float32"))
    for reading in reader.readings:
        expected = np.stack([pooled_alone(model, text, reading)[2, "residual"] for text in TEXTS])
        np.testing.assert_allclose(reader.vectors(TEXTS, 2, "residual", reading), expected, rtol=1e-4, atol=1e-4)


def test_one_forward_pass_over_a_text_serves_all_streams_readings_and_calls(llama, monkeypatch):
    reader = LayerReader(llama, readings=EVERY)
    runs = counted(llama, monkeypatch)
    for layer, stream in reader.streams:
        for reading in EVERY:
            reader.vectors(TEXTS[::-1], layer, stream, reading)
            reader.vectors(TEXTS[1:3], layer, stream, reading)
    assert sum(runs) == reader.passes == len(TEXTS)
    assert len(runs) == 1, "texts this short go through together"


def test_copies_share_a_pass_and_keep_their_places(llama):
    reader = LayerReader(llama)
    texts = [TEXTS[0], TEXTS[2], TEXTS[0], TEXTS[0]]
    found = reader.vectors(texts, 1, "residual", Reading())
    assert reader.passes == 2
    np.testing.assert_array_equal(found[[0, 2, 3]], np.stack([found[0]] * 3))
    np.testing.assert_array_equal(found[1], reader.vectors([TEXTS[2]], 1, "residual", Reading())[0])
    assert reader.vectors([], 1, "residual", Reading()).shape == (0, llama.width)


def test_a_text_without_a_token_is_refused_or_zero(llama):
    with pytest.raises(ValueError, match=r"texts: expected at least one token in every text; got 1 without"):
        LayerReader(llama).vectors(["", TEXTS[0]], 0, "residual", Reading())
    reader = LayerReader(llama, empty="zero")
    found = reader.vectors(["", TEXTS[0], ""], 0, "residual", Reading())
    assert not found[[0, 2]].any()
    assert found[1].any()
    assert (reader.passes, reader.texts_read().texts, reader.texts_read().empty) == (1, 2, 1)


def test_a_text_of_special_tokens_alone_counts_as_empty():
    model = tiny_model("bert", tokenizer=tiny_tokenizer(bos=True))
    with pytest.raises(ValueError, match=r"got 1 without, the first of them ''"):
        LayerReader(model).fill([TEXTS[0], ""])


def test_a_long_text_is_cut_and_counted(llama, tmp_path):
    store = VectorStore(tmp_path, precision="float32")
    reader = LayerReader(llama, max_tokens=8, store=store)
    long = " ".join(TEXTS)
    found = reader.vectors([long, "x"], 3, "residual", Reading())
    expected = layer_states(llama, [long], max_tokens=8).residual[3, 0].mean(0)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-4)
    assert reader.texts_read().truncated == 1
    # Another limit is another encoder: nothing of it may be taken from here.
    other = LayerReader(llama, max_tokens=9, store=store)
    assert not np.allclose(other.vectors([long], 3, "residual", Reading())[0], found[0], rtol=1e-3)


def test_beyond_the_model_a_limit_is_the_models(llama):
    assert LayerReader(llama, max_tokens=10_000).max_tokens == llama.max_tokens
    long = " ".join(TEXTS * 20)
    assert np.isfinite(LayerReader(llama).vectors([long], 3, "residual", Reading())).all()


@pytest.mark.parametrize(
    ("layers", "expected"),
    [("every 2nd", [0, 2, 3, 3]), ("last", [3, 3]), ("0, 1", [0, 1]), ([-1, 0], [0, 3, 3]), (None, [0, 1, 2, 3, 3])],
)
def test_some_layers_can_be_kept(llama, layers, expected):
    assert [layer for layer, _ in LayerReader(llama, layers=layers).streams] == expected


@pytest.mark.parametrize(
    ("layers", "match"),
    [("every", "'every 4th'"), ([4], "from 0 to 3"), ([], "at least one"), ("a,b", "layers: expected numbers")],
)
def test_layers_that_are_not_there_are_refused(llama, layers, match):
    with pytest.raises(ValueError, match=match):
        LayerReader(llama, layers=layers)


def test_blocks_after_the_last_wanted_layer_do_not_run(llama):
    class Exploding(nn.Module):
        def forward(self, *args, **kwargs):
            raise AssertionError("a block ran that nobody asked for")

    everything = LayerReader(llama).vectors(TEXTS, 1, "residual", Reading())
    last, hooks = llama.blocks[2], [len(block._forward_hooks) for block in llama.blocks]
    llama.blocks[2] = Exploding()
    try:
        found = LayerReader(llama, layers=[1]).vectors(TEXTS, 1, "residual", Reading())
    finally:
        llama.blocks[2] = last
    np.testing.assert_allclose(found, everything, rtol=1e-3, atol=1e-3)
    assert [len(block._forward_hooks) for block in llama.blocks] == hooks, "no hook is left behind"


def test_sink_shares_are_those_of_the_measure():
    model = sunken_model()
    reader = LayerReader(model)
    reader.fill(TEXTS)
    reader.vectors([*TEXTS, TEXTS[0]], 0, "residual", Reading())
    states = [layer_states(model, [text]).residual for text in TEXTS]
    for layer in range(model.depth + 1):
        expected = np.array([float(sink_share(one[layer, 0])) for one in states])
        found = reader.sink_shares()[layer, "residual"]
        assert found.n == len(TEXTS), "copies count once"
        assert found.mean == pytest.approx(expected.mean(), rel=1e-5)
        assert found.stderr == pytest.approx(expected.std(ddof=1) / len(TEXTS) ** 0.5, rel=1e-3)


def test_texts_of_one_token_have_no_sink_share(llama):
    reader = LayerReader(llama)
    reader.vectors(["x", TEXTS[0]], 0, "residual", Reading())
    assert reader.sink_shares()[0, "residual"].n == 1
    reader.forget_texts()
    assert reader.sink_shares()[0, "residual"].n == 0


def test_garbage_in_padding_is_not_pooled(llama):
    """A block may leave anything where the mask is off."""
    encoded = encode(llama, [TEXTS[0], "x"])

    def poison(module, args, output):
        states = output[0] if isinstance(output, tuple) else output
        states = states.clone()
        states[~encoded.mask] = float("nan")
        return (states, *output[1:]) if isinstance(output, tuple) else states

    handle = llama.blocks[2].register_forward_hook(poison)
    try:
        found = read_batch(llama, encoded, readings=EVERY, streams=[(3, "residual")])
    finally:
        handle.remove()
    clean = read_batch(llama, encoded, readings=EVERY, streams=[(3, "residual")])
    np.testing.assert_allclose(found.vectors, clean.vectors, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.sink, clean.sink, rtol=1e-5)


def test_states_that_are_not_finite_are_an_error(llama):
    embeddings = llama.model.get_input_embeddings()
    before = embeddings.weight.detach().clone()
    with torch.no_grad():
        embeddings.weight.fill_(float("nan"))
    try:
        with pytest.raises(ValueError, match=r"hidden states: expected finite values; got NaN or infinity in layer 0"):
            LayerReader(llama).fill(TEXTS)
    finally:
        with torch.no_grad():
            embeddings.weight.copy_(before)


def test_arguments_out_of_range_are_refused(llama):
    reader = LayerReader(llama)
    for call, match in [
        (lambda: LayerReader(llama, empty="skip"), r"empty: expected 'refuse' or 'zero'"),
        (lambda: LayerReader(llama, token_budget=0), r"token_budget: expected at least 1"),
        (lambda: LayerReader(llama, max_tokens=0), r"max_tokens: expected at least 1"),
        (lambda: reader.vectors(TEXTS, 9, "residual", Reading()), r"vectors: expected one of 5 streams"),
        (lambda: reader.vectors(TEXTS, 1, "residual", Reading("last")), r"vectors: expected one of 5 streams"),
    ]:
        with pytest.raises(ValueError, match=match):
            call()
    with pytest.raises(TypeError, match=r"model: expected a LanguageModel; got str"):
        LayerReader("smollm2-135m")
    with pytest.raises(TypeError, match=r"texts: expected a list of strings; got str"):
        reader.fill("one text")
    with pytest.raises(TypeError, match=r"texts: expected strings; got int at index 1"):
        reader.fill(["a", 3])
