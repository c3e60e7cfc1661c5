"""Scores of held-out numeric predictions as functions of how often each example counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Predictions", "r2", "spearman"]

Column = npt.NDArray[Any]
Weighted = Callable[[Column], Column]
"""From weights ``(b, n)`` to scores ``(b,)``, NaN where undefined."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Held-out examples with what was predicted for them; every field is ``(n,)``."""

    target: Column
    predicted: Column
    baseline: Column
    groups: Column
    folds: Column

    @staticmethod
    def joined(parts: Sequence[Predictions]) -> Predictions:
        """The predictions of all folds, with the folds numbered."""
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("target", "predicted", "baseline", "groups")
        }
        return Predictions(**columns, folds=np.repeat(np.arange(len(parts)), [len(part.target) for part in parts]))


def r2(held: Predictions) -> Weighted:
    """One minus the squared error over that of the training mean."""
    error = (held.target - held.predicted) ** 2
    baseline = (held.target - held.baseline) ** 2
    if not baseline.any():
        raise ValueError(
            "y: expected held-out targets that differ from the training mean; got equal ones. There is nothing to explain."
        )

    def value(weights: Column) -> Column:
        total = weights @ baseline
        return np.where(total > 0, 1 - (weights @ error) / np.where(total > 0, total, 1), np.nan)

    return value


def spearman(held: Predictions) -> Weighted:
    """Rank correlation within folds, averaged by their sizes."""
    parts = [np.flatnonzero(held.folds == fold) for fold in np.unique(held.folds)]
    for part in parts:
        for name, column in (("targets", held.target), ("predictions", held.predicted)):
            if len(np.unique(column[part])) < 2:
                raise ValueError(
                    f"y: expected {name} that differ within every held-out fold; got equal ones in a fold of {len(part)}. "
                    "Use metric='r2' or fewer folds."
                )

    def value(weights: Column) -> Column:
        shares = np.stack([weights[:, part].sum(1) for part in parts])
        each = [
            _correlation(
                _weighted_ranks(held.target[part], weights[:, part]),
                _weighted_ranks(held.predicted[part], weights[:, part]),
                weights[:, part],
            )
            for part in parts
        ]
        return np.asarray((np.stack(each) * shares).sum(0) / shares.sum(0))

    return value


def _weighted_ranks(values: Column, weights: Column) -> Column:
    """Average ranks in the sample where value i occurs ``weights[:, i]`` times, up to one constant."""
    _, index = np.unique(values, return_inverse=True)
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(index.max() + 1))
    together = np.add.reduceat(weights[:, order], starts, axis=1)
    below = np.cumsum(together, axis=1) - together
    return np.asarray((below + together / 2)[:, index])


def _correlation(a: Column, b: Column, weights: Column) -> Column:
    total = weights.sum(1, keepdims=True)
    a = a - (weights * a).sum(1, keepdims=True) / total
    b = b - (weights * b).sum(1, keepdims=True) / total
    joint = (weights * a * b).sum(1)
    spread = np.sqrt((weights * a * a).sum(1) * (weights * b * b).sum(1))
    return np.where(spread > 0, joint / np.where(spread > 0, spread, 1), np.nan)
