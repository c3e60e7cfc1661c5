"""Numbers of things: integers of at least some number."""

from __future__ import annotations

from gramian.itl._errors import type_fault, value_fault
from gramian.itl._shapes import Count

__all__ = ["checked_count"]


def checked_count(name: str, number: Count, least: int, remedy: str) -> int:
    """The number as an int.

    Raises:
        TypeError: not an integer.
        ValueError: below ``least``.
    """
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        raise type_fault(name, f"an integer of at least {least}", type(number).__name__, remedy)
    if number.__index__() < least:
        raise value_fault(name, f"an integer of at least {least}", number, remedy)
    return number.__index__()
