"""Prompts as a model reads them: how many of their tokens are measured, and corpora cut to what a model can take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gramian.layers._corpus import Corpus, load_corpus
from gramian.layers._encoding import encode, token_lengths
from gramian.layers._models import LanguageModel

_TEXTS_AT_ONCE = 256


def context_tokens(model: LanguageModel) -> int:
    """Tokens read but not measured around each prompt: the instruction and the chat template; 0 without them."""
    if not model.instruction and not model.chat_template:
        return 0
    encoded = encode(model, ["the quick brown fox"])
    return int(encoded.attention_mask.sum() - encoded.mask.sum())


def measured_lengths(model: LanguageModel, texts: Sequence[str], *, max_tokens: int | None = None) -> list[int]:
    """How many tokens of each text are measured, of texts cut to `max_tokens` read tokens."""
    context = context_tokens(model)
    # In parts: the tokenizer keeps offsets and strings of everything it is given at once.
    parts = (token_lengths(model, texts[i : i + _TEXTS_AT_ONCE]) for i in range(0, len(texts), _TEXTS_AT_ONCE))
    return [min(n, max_tokens or n) - context for part in parts for n in part]


def usable_tokens(model: LanguageModel, max_tokens: int) -> int:
    """`max_tokens`, or the model's own limit where that is lower."""
    return max_tokens if model.max_tokens is None else min(max_tokens, model.max_tokens)


def load_corpus_for(
    model: LanguageModel, source: str | Path, *, min_tokens: int, max_tokens: int, **options: Any
) -> Corpus:
    """`load_corpus` with lengths counted by the model's tokenizer.

    Args:
        model: whose tokenizer counts.
        source: as for `load_corpus`.
        min_tokens: prompts with fewer measured tokens are left out.
        max_tokens: where longer prompts are cut.
        options: the other arguments of `load_corpus`.
    """
    context = context_tokens(model)
    room = usable_tokens(model, max_tokens) - context
    if room < min_tokens:
        raise ValueError(
            f"max_tokens: expected room for min_tokens ({min_tokens}) beside the {context} tokens of instruction or template; "
            f"got {usable_tokens(model, max_tokens)}. Raise it, or lower min_tokens"
        )
    return load_corpus(
        source,
        min_tokens=min_tokens,
        max_tokens=room,
        count_tokens=lambda texts: measured_lengths(model, texts),
        **options,
    )
