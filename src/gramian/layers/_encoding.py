"""Texts to token batches: always padded on the right, with the tokens to measure marked.

On the right, because a model that numbers positions from the left of the row (GPT-2, BERT) or carries a state from
left to right (Mamba, RWKV) then gives every real token what it would get alone; so no position ids are ever needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gramian.layers._conditions import NATURAL, Condition, special_ids, text_vocabulary

if TYPE_CHECKING:
    from gramian.layers._models import LanguageModel

__all__ = ["Encoded", "as_encoded", "encode", "pad_right", "token_lengths"]


@dataclass(frozen=True, eq=False)
class Encoded:
    """A batch of token sequences, padded on the right.

    Attributes:
        input_ids: ``(batch, tokens)`` of int64.
        attention_mask: ``(batch, tokens)`` of int64, 1 for the tokens the model reads.
        mask: ``(batch, tokens)`` of booleans, True for the tokens to measure. Equal to ``attention_mask`` unless the
            model has an instruction or a chat template, whose tokens are read and not measured.
        truncated: One boolean a text: whether ``max_tokens`` cut it.
    """

    input_ids: Tensor
    attention_mask: Tensor
    mask: Tensor
    truncated: tuple[bool, ...]

    def inputs(self, device: torch.device | str) -> dict[str, Tensor]:
        """The model's keyword arguments, on a device."""
        return {"input_ids": self.input_ids.to(device), "attention_mask": self.attention_mask.to(device)}


def encode(
    model: LanguageModel, texts: Sequence[str], *, max_tokens: int | None = None, condition: Condition = NATURAL
) -> Encoded:
    """Encode texts as one right-padded batch.

    Special tokens are the tokenizer's defaults (``[CLS] ... [SEP]`` for BERT, a leading ``<s>`` for Llama 2, none for
    GPT-NeoX); they are measured like any other token. With an instruction or a chat template only the tokens of the
    text itself are measured: instruction, template and the special tokens around them are context.

    Args:
        model: From `load_model`; its ``instruction`` and ``chat_template`` apply.
        texts: At least one text; each must yield at least one token to measure.
        max_tokens: Longer texts are cut on the right to this many tokens, special tokens included. None means the
            model's own limit.
        condition: What is done to each text's tokens, after they are cut and before they are padded.

    Returns:
        `Encoded`, on the CPU.

    Raises:
        ValueError: No texts, a text without tokens, ``max_tokens`` outside what special tokens and the model's limit leave, an instruction
            or template that leaves no room, or a tokenizer that cannot say where a token lies in the text.
        TypeError: ``texts`` is not a sequence of strings.
    """
    limit = _limit(model, max_tokens)
    rows, measured = _tokenize(model, _checked_texts(texts), limit + 1 if limit is not None else None)
    truncated = tuple(limit is not None and len(row) > limit for row in rows)
    if any(truncated):
        # Again with the tokenizer's own truncation, which keeps closing special tokens such as [SEP].
        rows, measured = _tokenize(model, texts, limit)
    special = _special_tokens(model)
    for index, marks in enumerate(measured):
        if not any(marks) or len(marks) <= special:
            context = " after the instruction or template" if model.instruction or model.chat_template else ""
            raise ValueError(
                f"texts: expected at least one token to measure in every text; got none{context} in text {index} "
                f"({texts[index][:40]!r}, limit {limit} tokens). Drop empty texts or raise max_tokens."
            )
    if condition.kind != NATURAL.kind:
        outside = special_ids(model)
        vocabulary = text_vocabulary(model) if condition.kind == "random_tokens" else ()
        perturbed = [
            condition.perturb(row, marks, text=text, special=outside, vocabulary=vocabulary)
            for row, marks, text in zip(rows, measured, texts, strict=True)
        ]
        rows, measured = [row for row, _ in perturbed], [marks for _, marks in perturbed]
    return pad_right(rows, measured, pad_id=model.pad_id, truncated=truncated)


def token_lengths(model: LanguageModel, texts: Sequence[str]) -> list[int]:
    """Tokens that the model would read of each text, before truncation, special and template tokens included.

    Args:
        model: From `load_model`.
        texts: Any number of texts.

    Returns:
        One length a text; what `load_corpus` takes as ``count_tokens``.

    Raises:
        TypeError: ``texts`` is not a sequence of strings.
    """
    if not texts:
        return []
    return [len(row) for row in _tokenize(model, _checked_texts(texts), None)[0]]


def pad_right(
    rows: Sequence[Sequence[int]],
    measured: Sequence[Sequence[bool]],
    *,
    pad_id: int,
    truncated: tuple[bool, ...],
) -> Encoded:
    """Pad token sequences on the right to the longest of them.

    Args:
        rows: Token ids of each text.
        measured: For every token, whether it is measured.
        pad_id: What to pad with; the attention mask hides it, so any valid id will do.
        truncated: Passed on.

    Returns:
        `Encoded`.
    """
    width = max(len(row) for row in rows)
    ids = [[*row, *[pad_id] * (width - len(row))] for row in rows]
    attention = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    marks = [[*row, *[False] * (width - len(row))] for row in measured]
    return Encoded(torch.tensor(ids), torch.tensor(attention), torch.tensor(marks, dtype=torch.bool), truncated)


def as_encoded(batch: Mapping[str, Any] | Encoded) -> Encoded:
    """Check a batch that was encoded elsewhere.

    Args:
        batch: ``input_ids`` ``(batch, tokens)`` of integers, and optionally ``attention_mask`` of the same shape, and
            ``mask``, the tokens to measure.

    Returns:
        `Encoded`.

    Raises:
        ValueError: Wrong shapes, an empty row, padding elsewhere than on the right, or a mask beyond the tokens read.
        TypeError: Something else than integers.
    """
    if isinstance(batch, Encoded):
        return batch
    if "input_ids" not in batch:
        raise ValueError(f"batch: expected a mapping with input_ids; got keys {', '.join(map(str, batch)) or 'none'}.")
    ids = torch.as_tensor(batch["input_ids"])
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise TypeError(f"input_ids: expected integers; got {ids.dtype}.")
    if ids.ndim != 2 or ids.numel() == 0:
        raise ValueError(f"input_ids: expected shape (batch, tokens), neither zero; got {tuple(ids.shape)}.")
    attention = torch.as_tensor(batch.get("attention_mask", torch.ones_like(ids))).to(torch.int64)
    if attention.shape != ids.shape:
        raise ValueError(f"attention_mask: expected shape {tuple(ids.shape)}; got {tuple(attention.shape)}.")
    if bool((attention[:, 0] == 0).any()) or bool((attention.diff(dim=1) > 0).any()):
        raise ValueError(
            "attention_mask: expected padding on the right; got a row that starts with padding or has a gap. "
            "Set tokenizer.padding_side = 'right', or pass texts."
        )
    mask = torch.as_tensor(batch.get("mask", attention)).bool()
    if mask.shape != ids.shape or bool((mask & (attention == 0)).any()) or not bool(mask.any(dim=1).all()):
        raise ValueError(
            f"mask: expected shape {tuple(ids.shape)}, at least one True a row and none on padding; "
            f"got {tuple(mask.shape)}, {mask.sum(-1).tolist()} True."
        )
    return Encoded(ids.to(torch.int64), attention, mask, (False,) * len(ids))


def _checked_texts(texts: Sequence[str]) -> Sequence[str]:
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        raise TypeError(f"texts: expected a list of strings; got {type(texts).__name__}. Wrap one text in a list.")
    if not texts:
        raise ValueError("texts: expected at least one text; got none.")
    wrong = next((index for index, text in enumerate(texts) if not isinstance(text, str)), None)
    if wrong is not None:
        raise TypeError(f"texts: expected strings; got {type(texts[wrong]).__name__} at index {wrong}.")
    return texts


def _limit(model: LanguageModel, max_tokens: int | None) -> int | None:
    if max_tokens is None:
        return model.max_tokens
    if isinstance(max_tokens, bool) or not isinstance(max_tokens, int):
        raise TypeError(f"max_tokens: expected an integer or None; got {max_tokens!r}.")
    # Tokenizers asked for fewer tokens than their special ones do not truncate at all, without saying so.
    least = 1 + _special_tokens(model)
    if max_tokens < least or (model.max_tokens is not None and max_tokens > model.max_tokens):
        upper = "" if model.max_tokens is None else f" and at most {model.max_tokens}, the limit of {model.name}"
        raise ValueError(f"max_tokens: expected at least {least}{upper}; got {max_tokens}.")
    return max_tokens


def _special_tokens(model: LanguageModel) -> int:
    """Tokens that the tokenizer adds to every text; a chat template brings its own."""
    return 0 if model.chat_template else int(model.tokenizer.num_special_tokens_to_add(pair=False))


def _tokenize(
    model: LanguageModel, texts: Sequence[str], limit: int | None
) -> tuple[list[list[int]], list[list[bool]]]:
    """Token ids of each text, and for each token whether it is measured."""
    framed = bool(model.instruction) or model.chat_template
    before, after = _frame(model) if model.chat_template else ("", "")
    rendered = [_render(model, text, before, after) for text in texts]
    output = model.tokenizer(
        [whole for whole, _, _ in rendered],
        add_special_tokens=not model.chat_template,
        truncation=limit is not None,
        max_length=limit,
        padding=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        return_offsets_mapping=framed,
        verbose=False,
    )
    rows = [list(map(int, row)) for row in output["input_ids"]]
    if not framed:
        return rows, [[True] * len(row) for row in rows]
    # A token is the text's if it covers at least one of its characters; special tokens cover none.
    measured = [
        [max(first, begin) < min(last, end) for first, last in offsets]
        for offsets, (_, begin, end) in zip(output["offset_mapping"], rendered, strict=True)
    ]
    return rows, measured


def _frame(model: LanguageModel) -> tuple[str, str]:
    """What the chat template puts before and after a message."""
    marker = "GramianMessage"
    before, found, after = _templated(model, marker).partition(marker)
    if not found:
        raise ValueError(
            f"chat_template: expected a template that contains the message; got {before[:80]!r}. "
            "Load with chat_template=False."
        )
    return before, after


def _templated(model: LanguageModel, message: str) -> str:
    turns = [{"role": "user", "content": message}]
    return str(model.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=False))


def _render(model: LanguageModel, text: str, before: str, after: str) -> tuple[str, int, int]:
    """The text inside instruction and template, and where in it the text begins and ends."""
    message = model.instruction + text
    if not model.chat_template:
        return message, len(model.instruction), len(message)
    whole = _templated(model, message)
    inside = whole.removeprefix(before).removesuffix(after)
    # Templates may strip the message; one that rewrites it leaves nothing to point at.
    if whole != before + inside + after or inside not in (message, message.strip()):
        raise ValueError(
            f"chat_template: expected a template that keeps the message as it is; got {whole[:80]!r}. "
            "Load with chat_template=False."
        )
    lead = model.instruction if inside == message else model.instruction.lstrip()
    return whole, len(before) + len(lead), len(before) + len(inside)
