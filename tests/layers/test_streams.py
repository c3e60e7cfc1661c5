"""One pass, hooks in and out."""

from __future__ import annotations

import pytest
import torch
import transformers
from torch import nn

from gramian.layers._blocks import find_blocks
from gramian.layers._encoding import encode
from gramian.layers._models import wrap_model
from gramian.layers._streams import layer_states, run_hooked, stream_states
from tests.layers._tiny import tiny_backbone, tiny_model, tiny_tokenizer

TEXTS = ["Names refer to objects.", "Short"]


def hooks_left(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.model.modules())


def test_visit_sees_every_layer_once_in_order_and_the_final_norm_last(llama):
    seen = []
    encoded = encode(llama, TEXTS)
    stream_states(llama, encoded, lambda layer, stream, states, mask: seen.append((layer, stream)))
    assert seen == [(0, "residual"), (1, "residual"), (2, "residual"), (3, "residual"), (3, "final_norm")]


def test_visit_gets_states_mask_and_inference_mode(llama):
    encoded = encode(llama, TEXTS)

    def visit(layer, stream, states, mask):
        assert torch.is_inference_mode_enabled()
        assert states.shape == (*encoded.input_ids.shape, llama.width)
        assert torch.equal(mask, encoded.mask)
        assert mask.dtype == torch.bool

    stream_states(llama, encoded, visit)


def test_what_visit_returns_does_not_enter_the_model(llama):
    encoded = encode(llama, TEXTS)
    plain = layer_states(llama, encoded)
    last = {}

    def meddle(layer, stream, states, mask):
        last[layer] = states.clone()
        return torch.zeros_like(states)

    stream_states(llama, encoded, meddle, normalize="final_norm")
    torch.testing.assert_close(last[llama.depth], plain.final_norm, rtol=0, atol=1e-6)


def test_hooks_are_gone_after_a_pass_and_after_a_failure():
    model = tiny_model("gpt2")
    before = hooks_left(model)
    layer_states(model, TEXTS)
    assert hooks_left(model) == before

    def fail(layer, stream, states, mask):
        if layer == 2:
            raise KeyError("from visit")

    with pytest.raises(KeyError, match="from visit"):
        stream_states(model, encode(model, TEXTS), fail)
    assert hooks_left(model) == before
    assert layer_states(model, TEXTS).residual.shape[0] == model.depth + 1


def test_states_are_ordinary_tensors_without_gradient(llama):
    states = layer_states(llama, TEXTS)
    assert not states.residual.is_inference()
    assert not states.final_norm.is_inference()
    assert not states.residual.requires_grad
    assert states.residual.shape == (4, 2, states.mask.shape[1], 32)


def test_normalized_layers_are_the_norm_of_the_raw_ones(llama):
    raw = layer_states(llama, TEXTS)
    normed = layer_states(llama, TEXTS, normalize="final_norm")
    weight, x = llama.final_norm.weight.double(), raw.residual.double()
    by_hand = x / (x.square().mean(-1, keepdim=True) + llama.final_norm.variance_epsilon).sqrt() * weight
    torch.testing.assert_close(normed.residual.double(), by_hand, rtol=0, atol=1e-5)
    torch.testing.assert_close(normed.residual[-1], raw.final_norm, rtol=0, atol=1e-6)
    torch.testing.assert_close(normed.final_norm, raw.final_norm, rtol=0, atol=0)


@pytest.mark.parametrize("family", ["llama", "gpt_neox", "mamba", "mamba2", "t5"])
def test_normalized_layers_of_a_padded_batch_stay_finite(family):
    states = layer_states(tiny_model(family), TEXTS, normalize="final_norm")
    assert torch.isfinite(states.residual[:, states.mask]).all()


def test_normalizing_a_model_without_final_norm_is_refused():
    with pytest.raises(ValueError, match="normalize: expected None for a model without a final norm"):
        layer_states(tiny_model("bert"), TEXTS, normalize="final_norm")


def test_unknown_normalization_is_refused(llama):
    with pytest.raises(ValueError, match="normalize: expected None or 'final_norm'; got 'layer'"):
        layer_states(llama, TEXTS, normalize="layer")


def test_encoded_mappings_give_what_texts_give(llama):
    encoded = encode(llama, TEXTS)
    by_mapping = layer_states(llama, {"input_ids": encoded.input_ids, "attention_mask": encoded.attention_mask})
    torch.testing.assert_close(by_mapping.residual, layer_states(llama, TEXTS).residual, rtol=0, atol=0)


class Doubled(nn.Module):
    """A block that hands its states over as a keyword and gets back a tuple."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *, hidden_states):
        return (2 * hidden_states, None)


class KeywordModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 4)
        self.layers = nn.ModuleList([Doubled(i) for i in range(2)])

    def forward(self, input_ids, attention_mask=None):
        states = self.table(input_ids)
        for block in self.layers:
            states = block(hidden_states=states)[0]
        return states


def test_blocks_may_take_keywords_and_return_tuples():
    model = KeywordModel()
    seen = []
    ids = torch.tensor([[1, 2, 3]])
    run_hooked(model, model.layers, None, {"input_ids": ids}, lambda layer, stream, states: seen.append(states.clone()))
    for k, states in enumerate(seen):
        torch.testing.assert_close(states, 2**k * model.table(ids).detach())
    assert len(seen) == 3


class Repeating(KeywordModel):
    def forward(self, input_ids, attention_mask=None):
        states = self.table(input_ids)
        for _ in range(2):
            states = self.layers[0](hidden_states=states)[0]
        return states


def test_a_block_that_runs_twice_is_refused():
    model = Repeating()
    with pytest.raises(ValueError, match="expected every block to run once, in order"):
        run_hooked(model, model.layers, None, {"input_ids": torch.tensor([[1]])}, lambda *_: None)


def test_a_skipped_block_is_refused():
    model = KeywordModel()
    model.forward = lambda input_ids: model.layers[0](hidden_states=model.table(input_ids))
    with pytest.raises(ValueError, match="expected all 2 blocks to run; got 1"):
        run_hooked(model, model.layers, None, {"input_ids": torch.tensor([[1]])}, lambda *_: None)


def test_states_of_another_shape_are_refused():
    model = KeywordModel()
    model.forward = lambda input_ids: model.layers[0](hidden_states=model.table(input_ids)[0])
    with pytest.raises(ValueError, match=r"expected states of shape \(1, 2, 'width'\) at layer 0; got \(2, 4\)"):
        run_hooked(model, model.layers, None, {"input_ids": torch.tensor([[1, 2]])}, lambda *_: None)


def test_shared_blocks_are_refused_with_advice():
    config = transformers.AlbertConfig(
        vocab_size=320,
        embedding_size=16,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
    )
    albert = transformers.AlbertModel(config)  # one block, called three times
    with pytest.raises(
        ValueError, match=r"blocks: expected one list of 3 blocks in a model of family 'albert'.*blocks="
    ):
        wrap_model(albert, tiny_tokenizer(), name="albert")


def test_a_wrong_path_of_blocks_lists_the_right_ones():
    with pytest.raises(ValueError, match=r"got 'model.layers'. Lists there: layers \(3\)"):
        tiny_model("llama", blocks="model.layers")


def test_a_path_to_another_list_is_caught_by_the_start_up_check():
    backbone = tiny_backbone("llama")
    backbone.extra = nn.ModuleList([nn.Linear(32, 32)])
    with pytest.raises(ValueError, match="expected all 1 blocks to run; got 0"):
        wrap_model(backbone, tiny_tokenizer(), name="llama", blocks="extra")


def test_the_start_up_check_notices_a_list_that_starts_late():
    backbone = tiny_backbone("llama")
    backbone.late = nn.ModuleList(list(backbone.layers)[1:])
    with pytest.raises(ValueError, match="reported hidden states do not match 2 blocks under either convention"):
        wrap_model(backbone, tiny_tokenizer(), name="llama", blocks="late")


def test_blocks_are_found_without_a_declared_depth():
    backbone = tiny_backbone("gpt2")
    assert find_blocks(backbone, family="gpt2", depth=None) is backbone.h


def test_infinite_states_are_refused_at_load():
    backbone = tiny_backbone("llama")
    with torch.no_grad():
        backbone.layers[1].mlp.down_proj.weight.fill_(float("inf"))
    with pytest.raises(ValueError, match="expected finite hidden states"):
        wrap_model(backbone, tiny_tokenizer(), name="llama")


def test_kept_states_survive_a_block_that_writes_into_its_input(llama):
    expected = layer_states(llama, TEXTS).residual[1]

    def zero_input(module, args):
        args[0].zero_()

    handle = llama.blocks[1].register_forward_pre_hook(zero_input)
    try:
        kept = layer_states(llama, TEXTS).residual[1]
    finally:
        handle.remove()
    assert torch.equal(kept, expected)


def test_dropout_is_off_even_for_a_model_in_training():
    backbone = tiny_backbone("bert").train()  # BERT drops a tenth of everything while it trains
    model = wrap_model(backbone, tiny_tokenizer(), name="bert")
    assert torch.equal(layer_states(model, TEXTS).residual, layer_states(model, TEXTS).residual)
