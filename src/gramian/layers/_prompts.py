"""Prompts as a model reads them: how many of their tokens are measured, and corpora cut to what a model can take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gramian.layers._corpus import Corpus, load_corpus
from gramian.layers._encoding import encode, token_lengths
from gramian.layers._models import LanguageModel


def context_tokens(model: LanguageModel) -> int:
    """Tokens read but not measured around each prompt: the instruction and the chat template; 0 without them."""
    if not model.instruction and not model.chat_template:
        return 0
    encoded = encode(model, ["the quick brown fox"])
    return int(encoded.attention_mask.sum() - encoded.mask.sum())


def measured_lengths(model: LanguageModel, texts: Sequence[str], *, max_tokens: int | None = None) -> list[int]:
    """How many tokens of each text are measured, of texts cut to `max_tokens` read tokens."""
    context = context_tokens(model)
    return [min(n, max_tokens or n) - context for n in token_lengths(model, texts)]


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
    return load_corpus(
        source,
        min_tokens=min_tokens,
        max_tokens=usable_tokens(model, max_tokens),
        count_tokens=lambda texts: measured_lengths(model, texts),
        **options,
    )
