"""Seeds: every draw comes from a generator of its own, never from the global state."""

from __future__ import annotations

import torch

from gramian.itl._errors import type_fault, value_fault
from gramian.itl._shapes import Seed

__all__ = ["as_generator"]


def as_generator(seed: Seed) -> torch.Generator:
    """A generator for one call's draws.

    Args:
        seed: an integer (the same draws every time, on every device), a ``torch.Generator`` (used and advanced), or
            None (fresh entropy from the operating system).

    Returns:
        The given generator, or a new one on the CPU.

    Raises:
        TypeError: anything else, NumPy's generators included.
        ValueError: an integer beyond 64 bits.

    Example:
        >>> first, second = (torch.randperm(9, generator=as_generator(0)) for _ in range(2))
        >>> bool((first == second).all())
        True
    """
    if isinstance(seed, torch.Generator):
        return seed
    generator = torch.Generator()
    if seed is None:
        generator.seed()
        return generator
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        rule = "an integer, a torch.Generator or None"
        raise type_fault("seed", rule, type(seed).__name__, "Draw an integer from it, or make a torch.Generator.")
    number = seed.__index__()
    if not -(2**63) <= number < 2**63:
        raise value_fault("seed", "an integer of 64 bits", number, "Take it modulo 2**63.")
    return generator.manual_seed(number)
