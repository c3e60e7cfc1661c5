"""Conditions: what is done to the tokens of every prompt before the model reads them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gramian.layers._models import LanguageModel

__all__ = ["KINDS", "NATURAL", "SHORTEST_PREFIX", "Condition", "special_ids", "text_vocabulary"]

KINDS = ("natural", "repetition", "random_tokens", "shuffle", "prefix", "first_token")
# Shorter prompts have no curvature without the first token.
SHORTEST_PREFIX = 4


@dataclass(frozen=True)
class Condition:
    """A perturbation of every prompt's tokens, of a given strength.

    Tokens are perturbed after tokenisation and truncation, before padding. Special tokens, an instruction and a chat template are
    left alone. The result depends on the seed, the kind, the strength and the text only: in any batch, order or process a
    prompt is perturbed alike. A token that is replaced at one strength is replaced by the same token at every larger one
    (common random numbers), so curves over the strength are smooth; of a shuffle the chosen positions are nested.

    Source: [skean2025, section 5 and App. F], extreme prompts. Shuffled order is ours, and the paper's figure shows `first_token`
        where its text says `repetition`.

    Attributes:
        kind: ``natural``: nothing;
            ``repetition``: each token is replaced with probability p by a token of the same prompt, uniformly drawn;
            ``random_tokens``: with probability p by a token of the vocabulary, uniformly drawn, special tokens excluded;
            ``shuffle``: each position is chosen with probability p, and the chosen tokens are permuted among themselves;
            ``prefix``: the prompt is cut to its first tokens;
            ``first_token``: each token is replaced with probability p by the prompt's first one.
        strength: The probability p within ``[0, 1]``; 0 changes nothing. Of a prefix: the share within ``(0, 1]`` of the tokens
            that is kept, rounded up and never below 4 tokens, or from 4 on the number of tokens. Of ``natural``: 0.
        seed: Of the draws; at least 0.
    """

    kind: str = "natural"
    strength: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}; got {self.kind!r}. Choose one of them")
        for name, value, kinds in (("strength", self.strength, int | float), ("seed", self.seed, int)):
            if isinstance(value, bool) or not isinstance(value, kinds):
                raise TypeError(f"{name}: expected a number; got {type(value).__name__}. Give for example {name}=0")
        if self.seed < 0:
            raise ValueError(f"seed: expected at least 0; got {self.seed}. Any whole number from 0 will do")
        if self.kind == "natural" and self.strength != 0:
            raise ValueError(
                f"strength: expected 0 for natural; got {self.strength}. Choose another kind, or leave it out"
            )
        if self.kind == "prefix" and not self._is_prefix_length():
            raise ValueError(
                f"strength: expected a share in (0, 1] or a whole number of tokens from {SHORTEST_PREFIX} on for prefix; "
                f"got {self.strength}. For example 0.5, or 32"
            )
        if self.kind != "prefix" and not 0 <= self.strength <= 1:
            raise ValueError(
                f"strength: expected a probability in [0, 1] for {self.kind}; got {self.strength}. "
                "Give a share, not a percentage"
            )

    def _is_prefix_length(self) -> bool:
        share = 0 < self.strength <= 1
        return share or (math.isfinite(self.strength) and self.strength >= SHORTEST_PREFIX and self.strength % 1 == 0)

    @property
    def name(self) -> str:
        """What tables say: ``natural``, ``repetition p=0.5``, ``prefix n=32``.

        >>> Condition("shuffle", 0.25).name, Condition("prefix", 0.5).name, Condition("prefix", 32).name
        ('shuffle p=0.25', 'prefix p=0.5', 'prefix n=32')
        """
        if self.kind == "natural":
            return "natural"
        letter = "n" if self.strength > 1 else "p"
        return f"{self.kind} {letter}={self.strength:.12g}"

    def perturb(
        self,
        row: Sequence[int],
        measured: Sequence[bool],
        *,
        text: str,
        special: Collection[int] = (),
        vocabulary: Sequence[int] = (),
    ) -> tuple[list[int], list[bool]]:
        """One prompt's tokens under the condition.

        Args:
            row: Token ids, special tokens and context included.
            measured: For every token, whether it is measured; only those are perturbed.
            text: The prompt, which the draws depend on.
            special: Ids that are left where they are.
            vocabulary: What ``random_tokens`` draws from.

        Returns:
            Ids and marks; shorter than given only for ``prefix``.

        Raises:
            ValueError: A prefix longer than the prompt, or an empty vocabulary for ``random_tokens``.

        >>> Condition("first_token", 1.0).perturb([0, 7, 8, 9], [True] * 4, text="seven eight nine", special={0})[0]
        [0, 7, 7, 7]
        """
        ids, marks = list(row), list(measured)
        places = [i for i, (token, kept) in enumerate(zip(ids, marks, strict=True)) if kept and token not in special]
        if self.kind == "natural" or not places:
            return ids, marks
        if self.kind == "prefix":
            dropped = set(places[self._prefix_tokens(len(places), text) :])
            kept = [i for i in range(len(ids)) if i not in dropped]
            return [ids[i] for i in kept], [marks[i] for i in kept]
        if self.kind == "random_tokens" and not vocabulary:
            raise ValueError("vocabulary: expected at least one token for random_tokens; got none. See text_vocabulary")
        source = [ids[place] for place in places]
        draw = self._draws(text)
        # Two numbers a token, drawn whatever the strength: whether it changes, and into what.
        drawn = [(draw(), draw()) for _ in places]
        chosen = [i for i, (threshold, _) in enumerate(drawn) if threshold < self.strength]
        if self.kind == "shuffle":
            order = sorted(chosen, key=lambda i: drawn[i][1])
            replacements = {i: source[j] for i, j in zip(chosen, order, strict=True)}
        else:
            pool = {"repetition": source, "random_tokens": vocabulary, "first_token": source[:1]}[self.kind]
            replacements = {i: pool[int(drawn[i][1] * len(pool))] for i in chosen}
        for i, token in replacements.items():
            ids[places[i]] = token
        return ids, marks

    def _prefix_tokens(self, count: int, text: str) -> int:
        if self.strength <= 1:
            return max(math.ceil(self.strength * count), SHORTEST_PREFIX)
        if count < self.strength:
            raise ValueError(
                f"condition {self.name}: expected prompts of at least {self.strength:.0f} tokens; got one of {count} "
                f"({text[:40]!r}). Raise min_tokens and max_tokens, or take a shorter prefix"
            )
        return int(self.strength)

    def _draws(self, text: str) -> Callable[[], float]:
        digest = blake2b(f"{self.seed}\0{self.kind}\0".encode(), digest_size=16)
        digest.update(text.encode("utf-8", "surrogatepass"))
        # Of Random only random() is promised to stay the same across versions of Python.
        return Random(int.from_bytes(digest.digest(), "big")).random


NATURAL = Condition()


def special_ids(model: LanguageModel) -> frozenset[int]:
    """Ids of special tokens: begin, end, padding, class, separator and what else the tokenizer declares as such."""
    added = getattr(model.tokenizer, "added_tokens_decoder", {})
    declared = {int(index) for index, token in added.items() if getattr(token, "special", False)}
    return frozenset(declared.union(map(int, model.tokenizer.all_special_ids)))


def text_vocabulary(model: LanguageModel) -> list[int]:
    """Ids that text can have: the tokenizer's vocabulary within the model's embedding, special tokens excluded; ascending."""
    rows = int(model.model.get_input_embeddings().weight.shape[0])
    special = special_ids(model)
    return sorted({int(i) for i in model.tokenizer.get_vocab().values() if i < rows} - special)
