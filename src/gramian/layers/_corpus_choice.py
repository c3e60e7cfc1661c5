"""Which entries of a source become prompts: filters, then the smallest keys, in one pass over a stream."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gramian.layers._corpus_files import Entry
from gramian.layers._sampling_keys import Occurrences, prompt_key

TokenCounter = Callable[[Sequence[str]], Sequence[int]]

_COUNTED_TOGETHER = 256
_REASONS = ("headings", "empty", "keep", "drop", "min_characters", "min_tokens")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that passed the filters, with its key, its place in the source and its tokens (0 when not counted)."""

    text: str
    label: str | None
    key: int
    position: int
    length: int = 0


@dataclass
class Choice:
    """Filters, then the prompts with the smallest keys, in one pass over a stream."""

    prompts: int | None
    seed: int
    min_tokens: int | None
    max_tokens: int | None
    min_characters: int | None
    keep: re.Pattern[str] | None
    drop: re.Pattern[str] | None
    count_tokens: TokenCounter | None

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise TypeError(f"seed: expected a whole number; got {type(self.seed).__name__}. Give for example seed=0.")
        for name in ("prompts", "min_tokens", "max_tokens", "min_characters"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{name}: expected a whole number or None; got {type(value).__name__}. Give a number.")
            if value < 1:
                raise ValueError(f"{name}: expected at least 1; got {value}. Leave it out for no limit.")
        if self.min_tokens is not None and self.count_tokens is None:
            raise ValueError(
                "count_tokens: expected a function when min_tokens is given; got None. Give the model's counter."
            )
        if self.min_tokens is not None and self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise ValueError(
                f"min_tokens: expected at most max_tokens={self.max_tokens}; got {self.min_tokens}. Lower it."
            )
        self.read = 0
        self.examined = 0
        self.removed: Counter[str] = Counter()
        self.met = Occurrences()
        self.waiting: list[Prompt] = []
        self.heap: list[tuple[int, int, Prompt]] = []

    def offer(self, entry: Entry) -> None:
        """Takes the next entry of the source into account."""
        reason = self._refusal(entry.text)
        if entry.text is None or reason is not None:
            self.removed[reason or "headings"] += 1
            return
        position, self.read = self.read, self.read + 1
        try:
            occurrence = self.met.before(entry.text)
        except UnicodeEncodeError as error:
            raise ValueError(
                f"source: expected text; got an unpaired surrogate in prompt {position + 1} ({entry.text[:40]!r}), "
                "which no tokenizer encodes. Correct the file."
            ) from error
        key = prompt_key(entry.text, seed=self.seed, occurrence=occurrence)
        # The threshold only falls, so what cannot enter now never will: its tokens need not be counted.
        if self.prompts is not None and len(self.heap) == self.prompts and key >= -self.heap[0][0]:
            return
        self.waiting.append(Prompt(entry.text, entry.label, key, position))
        if len(self.waiting) >= _COUNTED_TOGETHER:
            self._admit()

    def _refusal(self, text: str | None) -> str | None:
        if text is None:
            return "headings"
        if not text.strip():
            return "empty"
        if self.keep is not None and not self.keep.search(text):
            return "keep"
        if self.drop is not None and self.drop.search(text):
            return "drop"
        if self.min_characters is not None and len(text) < self.min_characters:
            return "min_characters"
        return None

    def _admit(self) -> None:
        for prompt in self._counted():
            if self.min_tokens is not None and prompt.length < self.min_tokens:
                self.removed["min_tokens"] += 1
            elif self.prompts is None or len(self.heap) < self.prompts:
                heapq.heappush(self.heap, (-prompt.key, -prompt.position, prompt))
            else:
                heapq.heappushpop(self.heap, (-prompt.key, -prompt.position, prompt))
        self.waiting = []

    def _counted(self) -> list[Prompt]:
        self.examined += len(self.waiting)
        if self.count_tokens is None or not self.waiting:
            return self.waiting
        lengths = [int(length) for length in self.count_tokens([prompt.text for prompt in self.waiting])]
        if len(lengths) != len(self.waiting):
            raise ValueError(
                f"count_tokens: expected one length a text ({len(self.waiting)}); got {len(lengths)}. Correct it."
            )
        return [
            Prompt(prompt.text, prompt.label, prompt.key, prompt.position, length)
            for prompt, length in zip(self.waiting, lengths, strict=True)
        ]

    def finish(self, name: str) -> list[Prompt]:
        """The chosen prompts in the order of the source; ValueError when there is none."""
        self._admit()
        if not self.heap:
            counts = ", ".join(
                f"{reason} removed {self.removed[reason]}" for reason in _REASONS if self.removed[reason]
            )
            counts = counts or "nothing was there"
            raise ValueError(
                f"source: expected at least one prompt in {name}; got none ({counts}). Loosen the filters."
            )
        return sorted((prompt for _, _, prompt in self.heap), key=lambda prompt: prompt.position)

    def notes(self, picked: Sequence[Prompt]) -> list[str]:
        """What was dropped, how many copies were kept and how many prompts get truncated."""
        notes = []
        for reason in _REASONS:
            of = f" of the {self.examined} prompts whose tokens were counted" if reason == "min_tokens" else ""
            if self.removed[reason]:
                notes.append(f"{reason}: {self.removed[reason]}{of} dropped")
        if self.prompts is not None and len(picked) < self.prompts:
            notes.append(f"{self.prompts} prompts asked for, all {len(picked)} there are used")
        copies = len(picked) - len({prompt.text for prompt in picked})
        if copies:
            notes.append(f"{copies} of {len(picked)} prompts are exact copies of an earlier one (kept)")
        if self.max_tokens is not None and self.count_tokens is not None:
            longer = sum(prompt.length > self.max_tokens for prompt in picked)
            if longer:
                notes.append(f"{longer} of {len(picked)} prompts are longer than {self.max_tokens} tokens (truncated)")
        return notes
