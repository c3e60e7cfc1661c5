"""What could separate two modes: properties of the prompts that need no model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, eq=False)
class PromptFeature:
    """One property of every prompt.

    Attributes:
        name: What it is called in tables.
        meaning: In words, for a sentence.
        values: ``(n,)`` numbers, NaN where undefined; or ``(n,)`` texts for a property without order.
    """

    name: str
    meaning: str
    values: NDArray[np.float64] | NDArray[np.str_]

    @property
    def ordered(self) -> bool:
        """Whether the values are numbers."""
        return bool(np.issubdtype(self.values.dtype, np.number))


def repetition(text: str) -> float:
    """Share of a text's words that occurred before in it, within ``[0, 1)``; NaN without words.

    >>> repetition("a rose is a rose")
    0.4
    """
    words = _words(text)
    return 1 - len(set(words)) / len(words) if words else math.nan


def ngram_overlap(texts: Sequence[str], corpus: Iterable[str], *, n: int = 8) -> NDArray[np.float64]:
    """Share of each text's word n-grams that occur in a corpus, within ``[0, 1]``.

    Words are runs of letters and digits, in lower case. Only the texts' own n-grams are held, so memory does not grow
    with the corpus.

    Args:
        texts: The prompts.
        corpus: Texts of the training corpus; read once. n-grams do not run across them.
        n: Words of an n-gram, at least 1.

    Returns:
        ``(len(texts),)``, NaN for a text of fewer than n words.

    Raises:
        ValueError: n below 1.

    Cost: one hash for each word of either.
    """
    if n < 1:
        raise ValueError(f"n: expected at least 1 word; got {n}. Eight is usual for overlap with training text.")
    grams = [list(_ngrams(text, n)) for text in texts]
    wanted = set().union(*grams) if grams else set()
    found: set[bytes] = set()
    for document in corpus:
        found.update(gram for gram in _ngrams(document, n) if gram in wanted)
    return np.array([sum(g in found for g in own) / len(own) if own else math.nan for own in grams])


def prompt_features(
    texts: Sequence[str],
    *,
    tokens: Sequence[int],
    sources: Sequence[str | None] | None = None,
    training: Iterable[str] | None = None,
    ngram: int = 8,
) -> list[PromptFeature]:
    """The properties that can be had: length and repetition always, source and overlap where they are known.

    Args:
        texts: The prompts.
        tokens: Their lengths.
        sources: A label for each, such as the file or topic it comes from; None leaves it out, and so does a single label.
        training: Texts of the model's training corpus.
        ngram: Words of an n-gram for the overlap.
    """
    found = [
        PromptFeature("length", "length in tokens", np.asarray(tokens, dtype=np.float64)),
        PromptFeature("repetition", "share of repeated words", np.array([repetition(text) for text in texts])),
    ]
    if sources is not None and len(set(sources)) > 1:
        labels = np.array(["" if source is None else source for source in sources])
        found.append(PromptFeature("source", "source", labels))
    if training is not None:
        overlap = ngram_overlap(texts, training, n=ngram)
        found.append(PromptFeature("overlap", f"share of {ngram}-grams found in the training corpus", overlap))
    return found


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _ngrams(text: str, n: int) -> Iterator[bytes]:
    words = _words(text)
    for start in range(len(words) - n + 1):
        yield blake2b("\0".join(words[start : start + n]).encode(), digest_size=8).digest()
