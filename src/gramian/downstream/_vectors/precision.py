"""Vectors in half precision on disk, whatever their magnitude."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["PRECISIONS", "Precision", "from_half", "to_half"]

Precision = Literal["float16", "float32"]
PRECISIONS: tuple[Precision, ...] = ("float16", "float32")

# float16 ends at 65504; a vector's largest entry is brought below 2 ** 15, which rounding up cannot pass.
_TOP = 15
_BELOW_TOP = np.float16(32752)
# Powers of two that float32 can scale by both ways; a vector below 2 ** -100 loses digits instead.
_LEAST, _MOST = -100, 128


def to_half(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float16], NDArray[np.int16]]:
    """Vectors as float16, each scaled by a power of two of its own, and the powers.

    A plain cast overflows beyond 65504, which pooled states with a massive first token reach, and flushes entries under 6e-8 to
    zero. With a power of two for each vector every entry within 2 ** 29 of the vector's largest keeps 11 bits.

    Args:
        vectors: ``(..., d)``, finite.

    Returns:
        ``(..., d)`` and ``(...)``: ``half * 2 ** (power - 15)`` is the vector.

    >>> half, power = to_half(np.array([[1e30, 3e25]], dtype=np.float32))
    >>> from_half(half, power)
    array([[9.999e+29, 2.999e+25]], dtype=float32)
    """
    peaks = np.abs(vectors).max(-1)
    powers = np.clip(np.frexp(peaks)[1], _LEAST, _MOST).astype(np.int16)
    scales = np.ldexp(np.float32(1), _TOP - powers.astype(np.int32))
    half = (vectors * scales[..., None]).astype(np.float16)
    if bool((powers == _MOST).any()):
        # Rounded up to 2 ** 15 they would be beyond float32 on the way back.
        half = np.clip(half, -_BELOW_TOP, _BELOW_TOP)
    return half, powers


def from_half(half: NDArray[np.float16], powers: NDArray[np.int16]) -> NDArray[np.float32]:
    """The vectors that `to_half` was given, to 11 bits.

    Args:
        half: ``(..., d)``.
        powers: ``(...)``.

    Returns:
        ``(..., d)`` float32.
    """
    scales = np.ldexp(np.float32(1), powers.astype(np.int32) - _TOP)
    vectors: NDArray[Any] = half.astype(np.float32)
    vectors *= scales[..., None]
    return vectors
