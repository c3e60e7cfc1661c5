"""What layer k is, family by family."""

from __future__ import annotations

from functools import cache

import pytest
import torch
import transformers

from gramian.layers._encoding import encode
from gramian.layers._models import wrap_model
from gramian.layers._stream_check import check_streams
from gramian.layers._streams import layer_states
from tests.layers._tiny import BLOCK_FIRST, FAMILIES, tiny_model, tiny_tokenizer

TEXTS = ["The import statement binds names.", "Ok", "A much longer prompt, so that every other one is padded by a lot."]
WITHOUT_FINAL_NORM = {"bert", "roberta", "distilbert", "deberta_v2", "bart", "opt_projected"}
STATE_SPACE = {"mamba", "mamba2", "falcon_mamba", "rwkv"}
ENCODERS = {"bert", "roberta", "distilbert", "deberta_v2", "modernbert"}
ENCODER_DECODERS = {"t5", "bart"}


@cache
def family_model(family):
    return tiny_model(family)


def reported_states(model, encoded):
    with torch.no_grad():
        return model.model(**encoded.inputs("cpu"), output_hidden_states=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_are_the_reported_hidden_states_under_the_family_s_convention(family):
    model = family_model(family)
    encoded = encode(model, TEXTS)
    states = layer_states(model, encoded)
    reported = reported_states(model, encoded).hidden_states
    shift = 1 if family in BLOCK_FIRST else 0
    assert check_streams(model) == ("block first" if shift else "embedding first")
    assert len(states.residual) == len(reported) == model.depth + 1
    for k in range(model.depth):
        torch.testing.assert_close(states.residual[k + shift][states.mask], reported[k][states.mask], rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_final_norm_entry_is_the_model_s_last_hidden_state(family):
    model = family_model(family)
    encoded = encode(model, TEXTS)
    states = layer_states(model, encoded)
    last = reported_states(model, encoded).last_hidden_state
    assert (states.final_norm is None) == (family in WITHOUT_FINAL_NORM)
    if family == "opt_projected":
        assert last.shape[-1] == 16 != states.residual.shape[-1]
        return
    ours = states.residual[-1] if states.final_norm is None else states.final_norm
    torch.testing.assert_close(ours[states.mask], last[states.mask], rtol=0, atol=1e-5)
    if states.final_norm is not None:
        assert (states.residual[-1] - states.final_norm)[states.mask].abs().max() > 1e-2


@pytest.mark.parametrize("family", FAMILIES)
def test_a_padded_batch_gives_what_each_prompt_gives_alone(family):
    model = family_model(family)
    together = layer_states(model, TEXTS)
    for row, text in enumerate(TEXTS):
        alone = layer_states(model, [text])
        length = alone.mask.shape[1]
        assert together.mask[row].sum() == length
        scale = alone.residual.abs().max()
        torch.testing.assert_close(
            together.residual[:, row, :length] / scale, alone.residual[:, 0] / scale, rtol=0, atol=1e-4
        )
        if alone.final_norm is not None:
            torch.testing.assert_close(together.final_norm[row, :length], alone.final_norm[0], rtol=0, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_kind_and_causality_of_each_family(family):
    model = family_model(family)
    kind = "decoder"
    kind = "state space" if family in STATE_SPACE else kind
    kind = "encoder" if family in ENCODERS else kind
    kind = "encoder-decoder" if family in ENCODER_DECODERS else kind
    assert model.kind == kind
    assert model.is_causal == (kind in ("decoder", "state space"))
    assert model.depth == (4 if family == "jamba" else 3)
    assert model.width == 32


def test_roberta_s_position_table_holds_two_rows_that_no_token_gets():
    model = tiny_model("roberta")  # 128 rows, of which padding takes id 1 and all before it
    assert model.max_tokens == 126
    long = layer_states(model, ["word " * 200])
    assert long.mask.shape[1] == 126


def test_layer_zero_is_the_scaled_embedding_that_gemma_s_first_block_receives():
    model = tiny_model("gemma")
    encoded = encode(model, ["scaled"])
    states = layer_states(model, encoded)
    table = model.model.get_input_embeddings().weight
    expected = table[encoded.input_ids] * 32**0.5  # Gemma multiplies by the root of the width
    torch.testing.assert_close(states.residual[0], expected.detach(), rtol=1e-3, atol=1e-3)


def test_rwkv_s_stream_is_not_halved_every_few_blocks():
    model = tiny_model("rwkv")  # its configuration asks for halving after two blocks
    assert model.model.config.rescale_every == 0
    encoded = encode(model, ["halved"])
    states = layer_states(model, encoded)
    block = model.blocks[2]
    with torch.no_grad():
        torch.testing.assert_close(block(states.residual[2])[0], states.residual[3], rtol=1e-5, atol=1e-5)


def test_a_model_that_mixes_padding_into_its_states_refuses_padded_batches():
    config = transformers.FNetConfig(vocab_size=320, hidden_size=32, num_hidden_layers=2, intermediate_size=48)
    model = wrap_model(transformers.FNetModel(config), tiny_tokenizer(), name="tiny-fnet")  # mixes along the row
    assert not model.pads
    assert layer_states(model, ["alone"]).residual.shape[0] == 3
    with pytest.raises(ValueError, match="states change with padding"):
        layer_states(model, TEXTS)
