"""Keys that decide which prompts a sample takes: a function of the seed and the text alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import numpy.typing as npt


def content_hash(text: str) -> str:
    """Sixteen hexadecimal digits that name a text; equal texts have equal names.

    >>> content_hash("a") == content_hash("a") != content_hash("b")
    True
    """
    return blake2b(text.encode(), digest_size=8).hexdigest()


def prompt_key(text: str, *, seed: int, occurrence: int = 0) -> int:
    """A key within ``[0, 2**64)``, uniform over texts; the prompts with the smallest keys are the sample.

    Samples of growing size are nested, and do not depend on the order of the corpus. The occurrence (0 for the first
    copy of a text, 1 for the next) keeps exact copies apart, so that they are sampled as often as they occur.

    Args:
        text: The prompt.
        seed: Any whole number.
        occurrence: How many copies of this text came before.

    Returns:
        The key.
    """
    digest = blake2b(f"{seed}\0{occurrence}\0".encode(), digest_size=8)
    digest.update(text.encode())
    return int.from_bytes(digest.digest(), "big")


def prompt_keys(texts: Iterable[str], *, seed: int) -> npt.NDArray[np.uint64]:
    """Keys of several prompts, with copies counted in the order given; shape ``(N,)``.

    >>> a, b = prompt_keys(["x", "x"], seed=0)
    >>> bool(a == prompt_key("x", seed=0)), bool(a == b)
    (True, False)
    """
    before: Counter[str] = Counter()
    keys = []
    for text in texts:
        keys.append(prompt_key(text, seed=seed, occurrence=before[text]))
        before[text] += 1
    return np.array(keys, dtype=np.uint64)


class Occurrences:
    """Counts copies of texts in eight bytes a text: names of texts met once are kept as sorted numbers, not as objects.

    Counting exactly needs some memory for every distinct text. This is the least that does: a corpus of ten million
    prompts takes 80 MB here, and 1 GB as a dictionary.

    >>> met = Occurrences()
    >>> [met.before("a"), met.before("b"), met.before("a"), met.before("a")]
    [0, 0, 1, 2]
    """

    def __init__(self, *, recent: int = 1 << 16) -> None:
        self._limit = recent
        self._recent: set[int] = set()
        self._known: npt.NDArray[np.uint64] = np.empty(0, dtype=np.uint64)
        self._again: dict[int, int] = {}

    def before(self, text: str) -> int:
        """How many times the text was met before; counts this time."""
        name = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
        if name in self._again:
            self._again[name] += 1
            return self._again[name]
        if name in self._recent or self._is_known(name):
            self._again[name] = 1
            return 1
        self._recent.add(name)
        if len(self._recent) >= self._limit:
            fresh = np.fromiter(self._recent, dtype=np.uint64, count=len(self._recent))
            self._known = np.sort(np.concatenate([self._known, fresh]))
            self._recent = set()
        return 0

    def _is_known(self, name: int) -> bool:
        at = int(np.searchsorted(self._known, np.uint64(name)))
        return at < len(self._known) and int(self._known[at]) == name
