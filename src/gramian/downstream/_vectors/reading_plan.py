"""Which texts a reading was planned over, so that one that was killed goes on with the same batches.

A vector depends on its batch by rounding. Batches are planned over the texts that are missing, and after a kill fewer are:
without the plan a run that goes on would end with other last digits than one that was never stopped.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._vectors.segments import Keys
from gramian.runs._atomic import ASIDE, write_error

__all__ = ["PLAN", "ReadingPlan"]

PLAN = "plan-"
_CHECK = 8


@dataclass(frozen=True, eq=False)
class ReadingPlan:
    """The texts that were missing when the reading of a list of texts began.

    Attributes:
        planned: ``(n,)`` boolean: the texts to make batches of.
    """

    planned: NDArray[np.bool_]
    _path: Path

    @classmethod
    def of(cls, folder: Path, keys: Keys, missing: NDArray[np.bool_], *, parameters: str) -> ReadingPlan:
        """The plan that an earlier process left, or a new one over what is missing.

        Args:
            folder: Where plans of this encoder are.
            keys: The texts, each once.
            missing: ``(n,)``, which of them are missing now.
            parameters: What else the batches depend on.
        """
        name = blake2b(keys.tobytes() + parameters.encode(), digest_size=16).hexdigest()
        path = folder / f"{PLAN}{name}"
        earlier = _read(path, len(keys))
        # A plan that lacks a text that is missing now was made before something was evicted.
        if earlier is not None and not bool((missing & ~earlier).any()):
            return cls(earlier, path)
        bits = np.packbits(missing).tobytes()
        aside = folder / f".{path.name}-{secrets.token_hex(4)}{ASIDE}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(blake2b(bits, digest_size=_CHECK).digest() + bits)
            aside.replace(path)
        except OSError as error:
            raise write_error(error, path) from error
        return cls(missing, path)

    def finish(self) -> None:
        """Every text has been read: the plan is needed no more."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _read(path: Path, count: int) -> NDArray[np.bool_] | None:
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    check, bits = raw[:_CHECK], raw[_CHECK:]
    if blake2b(bits, digest_size=_CHECK).digest() != check or len(bits) != (count + 7) // 8:
        return None
    return np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=count).astype(bool)
