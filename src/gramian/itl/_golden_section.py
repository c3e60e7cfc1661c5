"""One maximum of a function of a positive number."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["golden_maximum"]

_GOLDEN = (math.sqrt(5) - 1) / 2


def golden_maximum(
    contrast: Callable[[float], float], best: float, value: float, low: float, high: float, steps: int
) -> float:
    """The argument of the largest value, by golden section in the logarithm; keeps the best of all that were tried.

    Args:
        contrast: what to maximise, of a positive number.
        best: a number already tried.
        value: its value.
        low: lower end of the search.
        high: upper end.
        steps: numbers to try.
    """
    left, right = math.log(low), math.log(high)
    tried: dict[float, float] = {}

    def at(place: float) -> float:
        if place not in tried:
            tried[place] = contrast(math.exp(place))
        return tried[place]

    first, second = right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)
    while len(tried) < steps:
        if at(first) >= at(second):
            right, second = second, first
            first = right - _GOLDEN * (right - left)
        else:
            left, first = first, second
            second = left + _GOLDEN * (right - left)
    winner = max(tried, key=lambda place: tried[place], default=None)
    return best if winner is None or tried[winner] <= value else math.exp(winner)
