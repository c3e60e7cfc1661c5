"""Draws of training that depend on the seed, the epoch and the step, and on nothing that happened before."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from gramian.itl._errors import type_fault, value_fault

__all__ = ["checked_seed", "seed_step", "seeded"]

_STREAMS = 2**63


def checked_seed(seed: int) -> int:
    """The seed of a training run, a whole number from 0."""
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise type_fault("seed", "a whole number", type(seed).__name__, "A run that goes on needs one; give 0.")
    if not 0 <= seed < 2**32:
        raise value_fault("seed", "0 to 2**32 - 1", seed, "Give another number.")
    return seed


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, the global generators of torch, NumPy and Python start from ``seed``; after it they are as they were.

    Layers draw their first weights from torch's global generator and cannot be told otherwise, so a block that builds or
    trains a module is put into this.

    Example:
        >>> with seeded(0):
        ...     first = torch.rand(3)
        >>> with seeded(0):
        ...     second = torch.rand(3)
        >>> bool((first == second).all())
        True
    """
    number = checked_seed(seed)
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    python, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=devices):
        _start(number)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy_state)  # noqa: NPY002


def seed_step(seed: int, epoch: int, step: int, rank: int) -> None:
    """Starts the global generators for one step.

    A run that goes on in mid-epoch then draws what an undisturbed one would have drawn, although it did none of the steps
    before; and what an evaluation or a monitor drew between two steps reaches neither.
    """
    words = np.random.SeedSequence((seed, epoch, step, rank)).generate_state(2, dtype=np.uint32)
    _start((int(words[0]) << 31 ^ int(words[1])) % _STREAMS)


def _start(number: int) -> None:
    torch.manual_seed(number)
    random.seed(number)
    np.random.seed(number % 2**32)  # noqa: NPY002
