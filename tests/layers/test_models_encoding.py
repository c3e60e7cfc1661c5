"""Right padding, limits, and which tokens are measured."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gramian.layers._encoding import as_encoded, encode, token_lengths
from gramian.layers._streams import layer_states
from tests.layers._tiny import tiny_model, tiny_tokenizer


@pytest.fixture(scope="module")
def framed():
    """Tiny Llamas whose texts get <s> ... </s>; with an instruction, with a chat template, with both."""

    def build(**options):
        return tiny_model("llama", tokenizer=tiny_tokenizer(bos=True, chat=True), **options)

    return build


def measured_text(model, encoded, row=0):
    return model.tokenizer.decode(encoded.input_ids[row][encoded.mask[row]])


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=4))
def test_every_row_is_the_text_s_own_tokens_then_padding(texts):
    model = SHARED
    encoded = encode(model, texts)
    assert encoded.input_ids.shape == encoded.attention_mask.shape == encoded.mask.shape
    for row, text in enumerate(texts):
        own = model.tokenizer(text)["input_ids"][:128]
        assert encoded.input_ids[row, : len(own)].tolist() == own
        assert encoded.attention_mask[row].tolist() == [1] * len(own) + [0] * (encoded.mask.shape[1] - len(own))
    assert torch.equal(encoded.mask, encoded.attention_mask.bool())


SHARED = tiny_model("llama")


def test_special_tokens_are_the_tokenizer_s_and_are_measured(framed):
    encoded = encode(framed(), ["Names"])
    assert encoded.input_ids[0, 0] == 2
    assert encoded.input_ids[0, -1] == 3
    assert encoded.mask.all()


def test_truncation_keeps_the_closing_special_token_and_is_reported(framed):
    model = framed()
    encoded = encode(model, ["A long text that will not fit", "Hm"], max_tokens=5)
    assert encoded.truncated == (True, False)
    assert encoded.input_ids[0].tolist()[-1] == 3
    assert encoded.attention_mask[0].sum() == 5


def test_a_text_of_exactly_the_limit_is_not_truncated(framed):
    model = framed()
    (length,) = token_lengths(model, ["Exactly"])
    assert encode(model, ["Exactly"], max_tokens=length).truncated == (False,)
    assert encode(model, ["Exactly"], max_tokens=length - 1).truncated == (True,)


def test_without_a_limit_asked_for_the_model_s_holds():
    encoded = encode(SHARED, ["word " * 300])
    assert encoded.input_ids.shape == (1, 128)
    assert token_lengths(SHARED, ["word " * 300])[0] > 128


def test_lengths_count_template_and_special_tokens(framed):
    texts = ["Names", "Names and values"]
    for options in ({}, {"instruction": "Say: "}, {"chat_template": True}):
        model = framed(**options)
        assert token_lengths(model, texts) == encode(model, texts).attention_mask.sum(1).tolist()
    assert token_lengths(SHARED, []) == []


@pytest.mark.parametrize("options", [{"instruction": "query: "}, {"chat_template": True}])
@pytest.mark.parametrize("text", ["Names", "You", "user", "query", "s"])
def test_only_the_text_is_measured_inside_instruction_and_template(framed, options, text):
    model = framed(**options)
    encoded = encode(model, [text, "another text that is longer"])
    assert measured_text(model, encoded).strip() == text
    assert encoded.mask[0].sum() < encoded.attention_mask[0].sum()


def test_instruction_inside_a_template(framed):
    model = framed(instruction="Read this: ", chat_template=True)
    encoded = encode(model, ["Names"])
    assert "user: Read this: Names" in model.tokenizer.decode(encoded.input_ids[0])
    assert measured_text(model, encoded).strip() == "Names"


def test_templates_may_strip_the_text(framed):
    model = framed(chat_template=True)
    assert measured_text(model, encode(model, ["  Names \n"])).strip() == "Names"


def test_an_instruction_changes_states_and_not_their_number(framed):
    plain, instructed = tiny_model("llama"), tiny_model("llama", instruction="Classify: ")
    bare = layer_states(plain, ["Names"])
    led = layer_states(instructed, ["Names"])
    assert bare.mask.sum() == led.mask.sum()
    assert not torch.allclose(bare.residual[-1][bare.mask], led.residual[-1][led.mask], atol=1e-3)
    torch.testing.assert_close(bare.residual[0][bare.mask], led.residual[0][led.mask])


def test_a_template_that_rewrites_the_text_is_refused():
    tokenizer = tiny_tokenizer(chat=True)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] | replace('a', 'b') }}{% endfor %}"
    with pytest.raises(ValueError, match="chat_template: expected a template"):
        encode(tiny_model("llama", tokenizer=tokenizer, chat_template=True), ["a banana"])
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}{% endfor %}"
    with pytest.raises(ValueError, match="expected a template that contains the message"):
        encode(tiny_model("llama", tokenizer=tokenizer, chat_template=True), ["a banana"])


@pytest.mark.parametrize(
    ("texts", "options", "error", "message"),
    [
        ([], {}, ValueError, "texts: expected at least one text; got none"),
        ("one", {}, TypeError, "texts: expected a list of strings; got str. Wrap"),
        ([1], {}, TypeError, "texts: expected strings; got int at index 0"),
        (["fine", ""], {}, ValueError, "expected at least one token to measure in every text; got none in text 1"),
        (["x"], {"max_tokens": 0}, ValueError, "max_tokens: expected at least 1 and at most 128"),
        (["x"], {"max_tokens": 129}, ValueError, "max_tokens: expected at least 1 and at most 128"),
        (["x"], {"max_tokens": 2.0}, TypeError, "max_tokens: expected an integer or None"),
    ],
)
def test_bad_texts_are_refused(texts, options, error, message):
    with pytest.raises(error, match=message):
        encode(SHARED, texts, **options)


def test_an_instruction_that_fills_the_limit_is_refused(framed):
    model = framed(instruction="a very long instruction indeed ")
    with pytest.raises(ValueError, match="after the instruction or template"):
        encode(model, ["text"], max_tokens=4)


@pytest.mark.parametrize("limit", [1, 2])
def test_a_limit_that_leaves_only_special_tokens_is_refused(framed, limit):
    with pytest.raises(ValueError, match="max_tokens: expected at least 3"):
        encode(framed(), ["text"], max_tokens=limit)
    assert encode(framed(), ["text"], max_tokens=3).input_ids.shape == (1, 3)


def test_a_text_of_special_tokens_only_is_refused(framed):
    with pytest.raises(ValueError, match="expected at least one token to measure"):
        encode(framed(), [""])


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ({"ids": [[1]]}, ValueError, "expected a mapping with input_ids; got keys ids"),
        ({"input_ids": torch.ones(1, 2)}, TypeError, "input_ids: expected integers; got torch.float32"),
        ({"input_ids": torch.ones(3, dtype=torch.long)}, ValueError, r"shape \(batch, tokens\)"),
        ({"input_ids": [[1, 2]], "attention_mask": [[0, 1]]}, ValueError, "expected padding on the right"),
        ({"input_ids": [[1, 2, 3]], "attention_mask": [[1, 0, 1]]}, ValueError, "expected padding on the right"),
        ({"input_ids": [[1, 2]], "attention_mask": [[1]]}, ValueError, r"attention_mask: expected shape \(1, 2\)"),
        ({"input_ids": [[1, 2]], "attention_mask": [[1, 0]], "mask": [[1, 1]]}, ValueError, "none on padding"),
        ({"input_ids": [[1, 2]], "mask": [[0, 0]]}, ValueError, "at least one True a row"),
    ],
)
def test_batches_encoded_elsewhere_are_checked(batch, error, message):
    with pytest.raises(error, match=message):
        as_encoded(batch)
