"""Candidates of the regularisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["read_grid"]


def read_grid(regularization: float | Sequence[float]) -> tuple[float, ...]:
    """The candidates; a single number is the only one."""
    values: Any = regularization
    if isinstance(values, int | float | np.number) and not isinstance(values, bool):
        values = [values]
    if isinstance(values, str | bool) or not isinstance(values, Sequence | np.ndarray):
        raise TypeError(
            f"regularization: expected a number or several; got {type(regularization).__name__}. Give 0.1, or (0.01, 0.1, 1)."
        )
    if not len(values):
        raise ValueError("regularization: expected at least one number; got none. Give 0.1, or (0.01, 0.1, 1).")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise TypeError(f"regularization: expected numbers; got {value!r}. Give 0.1, or (0.01, 0.1, 1).")
        if not 0 < value < float("inf"):
            raise ValueError(f"regularization: expected finite numbers above 0; got {value}. Give positive values.")
    return tuple(float(value) for value in values)
