"""How many tokens a model reads of a text, and how many of them are the text's own."""

from __future__ import annotations

from collections.abc import Sequence

from gramian.layers._encoding import _special_tokens, _tokenize
from gramian.layers._layered_model import LanguageModel

__all__ = ["text_sizes"]

_TEXTS_AT_ONCE = 256


def text_sizes(model: LanguageModel, texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """Tokens read and tokens measured of each text, before truncation.

    Args:
        model: From `load_model`.
        texts: Any number of texts.

    Returns:
        Two lists of one number a text. The second is 0 where `encode` finds nothing to measure: an empty text, or one that
        leaves nothing but special tokens.
    """
    special = _special_tokens(model)
    read: list[int] = []
    measured: list[int] = []
    # In parts: the tokenizer keeps offsets and strings of everything it is given at once.
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        rows, marks = _tokenize(model, texts[start : start + _TEXTS_AT_ONCE], None)
        read += [len(row) for row in rows]
        measured += [sum(mark) if len(mark) > special else 0 for mark in marks]
    return read, measured
