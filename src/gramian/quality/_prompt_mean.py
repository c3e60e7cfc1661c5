"""The mean of a per-prompt value, with its spread."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from torch import Tensor

from ._small_samples import few
from ._statistic import Statistic


class PromptMean(Statistic):
    """Count, mean and sum of squared deviations of per-prompt values.

    Args:
        function: from tokens `(..., n, d)` and a mask to one value a prompt; without it only `update_values` works.
    """

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        self._function = function
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0

    @classmethod
    def begin(cls, function: Callable[..., Any], parameters: Mapping[str, Any]) -> Self:
        return cls(functools.partial(function, **parameters))

    @property
    def count(self) -> int:
        return self._count

    @property
    def mean(self) -> float:
        """Mean over prompts.

        Raises:
            ValueError: no prompt seen.
        """
        if self._count == 0:
            raise ValueError("prompts: expected at least 1; got 0. Update the statistic before computing it.")
        return self._mean

    @property
    def variance(self) -> float:
        """Unbiased variance over prompts; needs two."""
        if self._count < 2:
            raise ValueError(f"prompts: expected at least 2 for a variance; got {self._count}. Add prompts.")
        return self._squares / (self._count - 1)

    @property
    def stderr(self) -> float:
        """Standard error of the mean; needs two prompts."""
        return math.sqrt(self.variance / self._count)

    def update(self, tokens: Any, mask: Any = None) -> None:
        """Add prompts: tokens `(n, d)` or `(..., n, d)`, mask of the shape before the width."""
        if self._function is None:
            raise ValueError(
                "function: expected the per-prompt measure; got None. Pass one to PromptMean or use update_values."
            )
        self.update_values(self._function(tokens, mask))

    def update_values(self, values: Any) -> None:
        """Add per-prompt values computed elsewhere, of any shape.

        Raises:
            ValueError: a value is NaN or infinite.
        """
        raw = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
        batch = np.asarray(raw, dtype=np.float64).ravel()
        if not np.isfinite(batch).all():
            raise ValueError(
                f"values: expected finite numbers; got {batch[~np.isfinite(batch)][0]}. "
                "Leave out the prompts the measure is undefined for."
            )
        if batch.size:
            mean = float(batch.mean())
            self._combine(batch.size, mean, float(np.square(batch - mean).sum()))

    def merge(self, other: Self) -> None:
        if other._count:
            self._combine(other._count, other._mean, other._squares)

    def _combine(self, count: int, mean: float, squares: float) -> None:
        total = self._count + count
        gap = mean - self._mean
        self._squares += squares + gap * gap * self._count * count / total
        self._mean += gap * count / total
        self._count = total

    def state(self) -> dict[str, np.ndarray]:
        return {"count": np.array(self._count), "moments": np.array([self._mean, self._squares])}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray], function: Callable[..., Any] | None = None) -> Self:
        restored = cls(function)
        restored._count = int(state["count"])
        restored._mean, restored._squares = (float(v) for v in state["moments"])
        return restored


def prompt_mean(statistic: PromptMean, **parameters: Any) -> float:
    """Finish a token measure; its parameters already went into every prompt's value."""
    return statistic.mean


def few_prompts(statistic: PromptMean) -> str | None:
    return few(statistic.count, 10, "prompts")
