"""What every mergeable statistic offers."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np


class Statistic(ABC):
    """A bounded summary of the data seen so far, from which measures are finished.

    Any split of the data, updated apart and merged, gives what one pass over all of it gives, to rounding.
    """

    @classmethod
    def begin(cls, function: Callable[..., Any], parameters: Mapping[str, Any]) -> Self:
        """An empty statistic for one measure; most do not depend on the measure or its parameters."""
        return cls()

    @property
    @abstractmethod
    def count(self) -> int:
        """Prompts seen."""

    @abstractmethod
    def update(self, *arrays: Any) -> None:
        """Add a batch of prompts."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Add what another statistic has seen; the other is left as it was."""

    def copy(self) -> Self:
        """A statistic of the same data that goes its own way from here.

        Tensors are shared, because no statistic writes into one it holds; containers are not.
        """
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Statistic | list | dict):
                setattr(twin, name, value.copy())
        return twin

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Everything held, as arrays that can be saved."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Self:
        """The statistic that `state()` described."""


def check_width(name: str, expected: int | None, got: int) -> None:
    if expected is not None and expected != got:
        raise ValueError(
            f"{name}: expected width {expected}, that of the vectors seen before; got {got}. "
            "Use one statistic for each width."
        )
