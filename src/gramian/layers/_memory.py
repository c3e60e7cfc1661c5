"""Giving freed memory back to the system."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


@cache
def _malloc_trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # another C library than glibc
        return None


def release_freed_memory() -> None:
    """Return what was freed to the system, where the C library can.

    glibc keeps freed blocks of up to 32 MB for reuse, in an arena for each thread. Between layers, whose matrices differ in size, that adds
    up to more than any of them needs.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)
