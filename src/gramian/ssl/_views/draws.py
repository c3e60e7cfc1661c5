"""Uniform draws from a key, without a generator: the same on every machine, in any order, leaving no state behind."""

from __future__ import annotations

import struct
from hashlib import blake2b

__all__ = ["Draws", "mixed"]

_WORDS = struct.Struct("<16I")


class Draws:
    """Numbers uniform within ``[0, 1)`` that depend on a key alone.

    A hash of the key takes a microsecond; seeding a generator anew for every view takes longer, and of torch's only 32 bits
    of a seed count.

    Example:
        >>> Draws(7, 0).next() == Draws(7, 0).next()
        True
    """

    __slots__ = ("_block", "_key", "_left")

    def __init__(self, *key: int) -> None:
        self._key = struct.pack(f"<{len(key)}Q", *(part % 2**64 for part in key))
        self._block = 0
        self._left: list[int] = []

    def next(self) -> float:
        """The next one, a multiple of ``2**-32``."""
        if not self._left:
            digest = blake2b(self._key, digest_size=64, salt=self._block.to_bytes(8, "little")).digest()
            self._left = list(_WORDS.unpack(digest))
            self._block += 1
        return self._left.pop() * 2.0**-32

    def between(self, low: float, high: float) -> float:
        """One uniform within ``[low, high)``."""
        return low + (high - low) * self.next()

    def below(self, count: int) -> int:
        """A whole number from 0 up to, but not including, ``count``."""
        return int(self.next() * count)


def mixed(*key: int) -> int:
    """A whole number of 63 bits that depends on all of ``key``: a seed for what belongs to it.

    >>> mixed(0, 1) != mixed(1, 0)
    True
    """
    packed = struct.pack(f"<{len(key)}Q", *(part % 2**64 for part in key))
    return int.from_bytes(blake2b(packed, digest_size=8).digest(), "little") >> 1
