"""Standard errors and 95 % intervals of scores on held-out examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["accuracy_interval", "bootstrap_interval"]

Column = npt.NDArray[Any]

_Z = 1.959963984540054  # the normal distribution's 97.5 % point
_RESAMPLES = 1000
_BLOCK = 2_000_000  # weights held at once


def accuracy_interval(correct: Column, groups: Column) -> tuple[float, float, float]:
    """Standard error and Wilson interval of a share of correct answers.

    Wilson's interval [wilson1927] keeps its width at shares of 0 and 1, where a bootstrap would claim certainty. Examples of one
    group count together: the number of examples is replaced by the number of independent ones that would vary as much.
    """
    share = float(correct.mean())
    residuals = np.bincount(np.unique(groups, return_inverse=True)[1], weights=correct - share)
    count = float(len(correct))
    if len(residuals) < len(correct):
        between = float((residuals**2).sum()) / len(correct) ** 2
        count = min(share * (1 - share) / between, count) if between > 0 else float(len(residuals))
    shrink = 1 + _Z**2 / count
    centre = (share + _Z**2 / (2 * count)) / shrink
    stderr = float(np.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2)) / shrink)
    return stderr, max(0.0, centre - _Z * stderr), min(1.0, centre + _Z * stderr)


def bootstrap_interval(
    value: Callable[[Column], Column], groups: Column, folds: Column, *, seed: int
) -> tuple[float, float, float]:
    """Standard error and percentile interval from 1,000 resamples of the held-out groups, fold by fold.

    Args:
        value: From weights ``(b, n)``, how often each example is drawn, to the scores ``(b,)``; NaN where undefined.
        groups: ``(n,)``: examples of one group are drawn together.
        folds: ``(n,)``: the fold an example was held out in; each keeps its number of groups.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    members = [np.unique(groups[folds == fold], return_inverse=True) for fold in np.unique(folds)]
    rows = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    size = max(1, _BLOCK // len(groups))
    scores: list[Column] = []
    for start in range(0, _RESAMPLES, size):
        draws = min(size, _RESAMPLES - start)
        weights = np.empty((draws, len(groups)))
        for where, (names, index) in zip(rows, members, strict=True):
            drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
            weights[:, where] = drawn[:, index]
        scores.append(value(weights))
    found = np.concatenate(scores)
    found = found[np.isfinite(found)]
    if len(found) < _RESAMPLES / 2:
        raise ValueError(
            f"y: expected held-out folds whose resamples define the score; got {len(found)} of {_RESAMPLES} that do. "
            "Give more examples or fewer folds."
        )
    low, high = np.quantile(found, [0.025, 0.975])
    return float(found.std(ddof=1)), float(low), float(high)
