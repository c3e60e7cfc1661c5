"""Conventions 7 and 8: what layer k is, and padding. Each test fails on what the published code does."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModel

from gramian.layers._encoding import encode
from gramian.layers._streams import layer_states
from tests.layers._tiny import tiny_config, tiny_model
from tests.layers.conftest import single_thread as single_thread

pytestmark = pytest.mark.usefixtures("single_thread")

TEXTS = ["Comparisons can be chained arbitrarily.", "Yes", "Strings of two characters"]


def ours(model, texts, k):
    """Layer k of a batch, tokens of all texts in a row."""
    states = layer_states(model, texts)
    return states.residual[k][states.mask]


def published_metric_states(model, texts, k):
    """``outputs.hidden_states[k]``, as the published code takes layer k for its measures."""
    encoded = encode(model, texts)
    with torch.no_grad():
        outputs = model.model(**encoded.inputs("cpu"), output_hidden_states=True)
    return outputs.hidden_states[k][encoded.mask]


def published_score_states(model, texts, k):
    """The last state of a model cut to k blocks, as the published code takes layer k for its task scores."""
    cut = AutoModel.from_config(tiny_config(model.family, num_hidden_layers=k)).eval()
    cut.load_state_dict(model.model.state_dict(), strict=False)
    encoded = encode(model, texts)
    with torch.no_grad():
        return cut(**encoded.inputs("cpu"), output_hidden_states=True).hidden_states[k][encoded.mask]


def after_k_blocks(model, texts, k):
    """The definition, executed: embed and run k blocks by hand, one text at a time (Mamba needs nothing else)."""
    rows = []
    with torch.no_grad():
        for text in texts:
            states = model.model.embeddings(encode(model, [text]).input_ids)
            for block in list(model.blocks)[:k]:
                states = block(states)
            rows.append(states[0])
    return torch.cat(rows)


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_convention_07_layer_k_of_a_state_space_model_is_its_stream_after_k_blocks(k):
    model = tiny_model("mamba")
    torch.testing.assert_close(ours(model, TEXTS, k), after_k_blocks(model, TEXTS, k), rtol=0, atol=1e-4)


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_convention_07_published_index_of_a_state_space_model_is_another_layer(k):
    model = tiny_model("mamba")
    published = published_metric_states(model, TEXTS, k)
    assert (published - after_k_blocks(model, TEXTS, k)).abs().max() > 0.05
    if k < model.depth:
        torch.testing.assert_close(published, ours(model, TEXTS, k + 1), rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "gpt_neox", "mamba", "mamba2"])
@pytest.mark.parametrize("k", [1, 2])
def test_convention_07_published_scores_are_of_normed_states_which_normalize_reproduces(family, k):
    model = tiny_model(family)
    with torch.random.fork_rng():
        published = published_score_states(model, TEXTS, k)
    assert (published - ours(model, TEXTS, k)).abs().max() > 0.05
    normed = layer_states(model, TEXTS, normalize="final_norm")
    torch.testing.assert_close(normed.residual[k][normed.mask], published, rtol=0, atol=1e-4)


def test_convention_07_last_layer_and_final_norm_are_separate_entries():
    states = layer_states(tiny_model("llama"), TEXTS)
    assert (states.residual[-1] - states.final_norm)[states.mask].abs().max() > 0.05


def published_batch(model, texts):
    """Left padding under the attention mask, without position ids, as the published code encodes a batch."""
    rows = [encode(model, [text]).input_ids[0].tolist() for text in texts]
    width = max(map(len, rows))
    ids = torch.tensor([[model.pad_id] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    with torch.no_grad():
        states = model.model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    return torch.stack(states)[:-1, mask.bool()]


def alone(model, texts):
    """Every text in a batch of its own, where nothing is padded."""
    return torch.cat([layer_states(model, [text]).residual[:-1, 0] for text in texts], dim=1)


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_convention_08_a_batch_gives_what_single_prompts_give(family):
    model = tiny_model(family)
    states = layer_states(model, TEXTS)
    torch.testing.assert_close(states.residual[:-1, states.mask], alone(model, TEXTS), rtol=0, atol=1e-4)


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_convention_08_published_left_padding_changes_the_states(family):
    model = tiny_model(family)
    assert (published_batch(model, TEXTS) - alone(model, TEXTS)).abs().max() > 0.05


def test_convention_08_left_padded_batches_are_refused():
    model = tiny_model("gpt2")
    with pytest.raises(ValueError, match="attention_mask: expected padding on the right"):
        layer_states(model, {"input_ids": [[1, 1, 5], [5, 6, 7]], "attention_mask": [[0, 0, 1], [1, 1, 1]]})
