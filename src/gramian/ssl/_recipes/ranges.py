"""Ranges that the values of a recipe lie in."""

from __future__ import annotations

import math

from gramian.itl._errors import value_fault

__all__ = ["at_least", "one_of", "positive", "share"]


def at_least(name: str, value: float, lowest: float) -> None:
    """Raises a ValueError unless ``value >= lowest`` and finite."""
    if not (lowest <= value < math.inf):
        raise value_fault(name, f"a number of at least {lowest:g}", value, "Correct the recipe, or --set it.")


def positive(name: str, value: float) -> None:
    """Raises a ValueError unless ``value > 0`` (infinity counts as a number here: it is an order)."""
    if not value > 0:
        raise value_fault(name, "a positive number", value, "Correct the recipe, or --set it.")


def share(name: str, value: float) -> None:
    """Raises a ValueError unless ``0 <= value <= 1``."""
    if not 0 <= value <= 1:
        raise value_fault(name, "a number within [0, 1]", value, "Correct the recipe, or --set it.")


def one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raises a ValueError unless ``value`` is among ``choices``."""
    if value not in choices:
        raise value_fault(name, f"one of {', '.join(choices)}", repr(value), "Correct the recipe, or --set it.")
