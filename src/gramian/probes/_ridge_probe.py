"""The ridge probe: linear regression on a numeric target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gramian.probes._folds import group_splits
from gramian.probes._inputs import Examples, Sample, Targets, check_options, draw_seed, read_sample
from gramian.probes._intervals import bootstrap_interval
from gramian.probes._regression_scores import Predictions, r2, spearman
from gramian.probes._regularization import read_grid
from gramian.probes._result import ProbeResult
from gramian.probes._scaling import in_span, standardized

__all__ = ["ridge_probe"]

_INNER_FOLDS = 5
_METRICS = {"r2": r2, "spearman": spearman}


def ridge_probe(
    x: Examples,
    y: Targets,
    *,
    test: tuple[Any, ...] | None = None,
    groups: Targets | None = None,
    folds: int = 5,
    seed: int | torch.Generator | None = 0,
    metric: str = "r2",
    regularization: float | Sequence[float] = (1.0, 10.0, 100.0, 1e3, 1e4),
    standardize: bool = True,
) -> ProbeResult:
    """How well a ridge regression predicts a number from vectors it was not fitted to.

    Every fold standardises, chooses its regularisation and fits on its training examples alone. The regularisation is
    the candidate with the least squared error over five inner folds of them, groups kept together.

    Source: [hoerl1970]; R^2 out of sample as [campbell2008].

    Args:
        x: ``(n, d)``, NumPy or torch, floating and finite.
        y: ``(n,)`` numbers, not all equal.
        test: ``(x, y)`` of a test set, or ``(x, y, groups)`` where groups are given: the probe is fitted to all of ``x`` and
            scored there, and ``folds`` is not used.
        groups: ``(n,)`` names of what must not be split, such as the texts themselves. None: every example is its own group.
        folds: Held-out folds of whole groups.
        seed: Of the folds and of the interval's resamples: an integer, a ``torch.Generator`` or None.
        metric: ``"r2"``: the share of the squared error about the *training* mean that is gone, at most 1, 0 for a probe that
            always says the training mean, below 0 for a worse one. ``"spearman"``: rank correlation within each fold, averaged by
            the folds' sizes, within ``[-1, 1]``; across folds it would compare predictions of different probes.
        regularization: Candidates for scikit-learn's ``alpha``, the weight of the squared length of the weights against the
            summed squared error; a single number fixes it.
        standardize: Whether features get mean 0 and variance 1 over the training examples.

    Returns:
        `ProbeResult`; the interval is a percentile bootstrap over held-out groups.

    Raises:
        ValueError: A constant target, fewer groups than folds, shapes that do not fit, NaN, vectors that are all equal, or
            a rank correlation that is undefined in a fold.
        TypeError: Arguments of the wrong kind.

    Cost: a fit is O(n d min(n, d)); 26 fits a fold with five candidates.

    Example:
        >>> import numpy as np
        >>> line = np.linspace(0.0, 1.0, 40)
        >>> round(ridge_probe(line[:, None], line, regularization=1e-9).score, 6)
        1.0
    """
    check_options(folds, test, standardize)
    if metric not in _METRICS:
        raise ValueError(f"metric: expected one of 'r2', 'spearman'; got {metric!r}. Choose one of them.")
    grid = read_grid(regularization)
    sample, other = read_sample(x, y, groups, test, numeric=True)
    number = draw_seed(seed)
    splits = [(sample, other)] if other is not None else []
    if not splits:
        splits = [(sample.take(fit), sample.take(held)) for fit, held in group_splits(sample, folds, seed=number)]
    parts = [_held_out(fit, held, grid, standardize, number) for fit, held in splits]
    everything = Predictions.joined(parts)
    score = _METRICS[metric]
    total = score(everything)(np.ones((1, len(everything.target))))
    each = [float(score(part)(np.ones((1, len(part.target))))[0]) for part in parts]
    stderr, low, high = bootstrap_interval(score(everything), everything.groups, everything.folds, seed=number)
    return ProbeResult(float(total[0]), stderr, low, high, metric, tuple(each), len(everything.target))


def _held_out(sample: Sample, other: Sample, grid: tuple[float, ...], standardize: bool, seed: int) -> Predictions:
    fit, held_out = in_span(*standardized(sample.x, other.x, standardize=standardize))
    inner = Sample(fit, sample.y, sample.groups, sample.grouped)
    chosen = grid[0] if len(grid) == 1 else _least_error(inner, grid, seed)
    predicted = _regression(chosen).fit(fit, sample.y).predict(held_out)
    return Predictions(
        target=other.y,
        predicted=predicted.astype(np.float64),
        baseline=np.full(len(other.y), sample.y.mean()),
        groups=other.groups,
        folds=np.zeros(len(other.y), dtype=np.int64),
    )


def _regression(strength: float) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=strength)


def _least_error(sample: Sample, grid: tuple[float, ...], seed: int) -> float:
    groups = len(np.unique(sample.groups))
    if groups < 2:
        raise ValueError(
            "regularization: expected one value where training has a single group; got "
            f"{len(grid)} candidates, which nothing is left to choose by. Give regularization=100."
        )
    errors: npt.NDArray[np.float64] = np.zeros(len(grid))
    for fit, held_out in group_splits(sample, min(_INNER_FOLDS, groups), seed=seed):
        for index, strength in enumerate(grid):
            predicted = _regression(strength).fit(sample.x[fit], sample.y[fit]).predict(sample.x[held_out])
            errors[index] += float(((predicted - sample.y[held_out]) ** 2).sum())
    return grid[int(np.argmin(errors))]
