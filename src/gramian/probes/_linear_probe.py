"""The linear probe: multinomial logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gramian.probes._classification import accuracy
from gramian.probes._folds import class_sizes, stratified_splits
from gramian.probes._inputs import Examples, Sample, Targets, check_options
from gramian.probes._regularization import read_grid
from gramian.probes._result import ProbeResult
from gramian.probes._scaling import in_span, standardized

__all__ = ["linear_probe"]

_INNER_FOLDS = 5


def linear_probe(
    x: Examples,
    y: Targets,
    *,
    test: tuple[Any, ...] | None = None,
    groups: Targets | None = None,
    folds: int = 5,
    seed: int | torch.Generator | None = 0,
    regularization: float | Sequence[float] = (0.01, 0.1, 1.0),
    standardize: bool = True,
) -> ProbeResult:
    """Accuracy of a multinomial logistic regression on vectors it was not fitted to, a share within ``[0, 1]``.

    Every fold standardises, chooses its regularisation and fits on its training examples alone. The regularisation is
    the candidate with the least log loss on one inner fifth of them, groups kept together.

    Source: [alain2016], linear classifier probes.

    Args:
        x: ``(n, d)``, NumPy or torch, floating and finite.
        y: ``(n,)`` labels: integers, booleans or strings; at least two classes.
        test: ``(x, y)`` of a test set, or ``(x, y, groups)`` where groups are given: the probe is fitted to all of ``x`` and
            scored there, and ``folds`` is not used.
        groups: ``(n,)`` names of what must not be split, such as the texts themselves: duplicates then never lie on both
            sides. None: every example is its own group.
        folds: Stratified held-out folds; every class needs as many groups.
        seed: Of the folds: an integer, a ``torch.Generator`` or None.
        regularization: Candidates for scikit-learn's ``C``, the weight of the summed loss against half the squared length of the weights;
            a single number fixes it.
        standardize: Whether features get mean 0 and variance 1 over the training examples.

    Returns:
        `ProbeResult` with metric ``accuracy`` and Wilson's interval.

    Raises:
        ValueError: One class, a class with fewer groups than folds or too few to choose the regularisation, shapes that do
            not fit, NaN, vectors that are all equal, or a test label or group that training lacks or shares.
        TypeError: Arguments of the wrong kind; floating labels.

    Cost: a fit is a few dozen passes over ``(n, min(n, d))`` times the number of classes; 4 fits a fold with three candidates.

    Example:
        >>> import numpy as np
        >>> y = np.arange(40) % 2
        >>> linear_probe(y[:, None] + 0.01 * np.arange(40.0)[:, None], y).score
        1.0
    """
    check_options(folds, test, standardize)
    grid = read_grid(regularization)

    def predict(sample: Sample, held_out: npt.NDArray[Any], number: int) -> npt.NDArray[np.int64]:
        fit, other = in_span(*standardized(sample.x, held_out, standardize=standardize))
        sample = Sample(fit, sample.y, sample.groups, sample.grouped)
        chosen = grid[0] if len(grid) == 1 else _least_loss(sample, grid, number)
        predicted: npt.NDArray[np.int64] = _regression(chosen).fit(sample.x, sample.y).predict(other)
        return predicted

    return accuracy(predict, x, y, test=test, groups=groups, folds=folds, seed=seed)


def _regression(strength: float, *, warm_start: bool = False) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=2000, warm_start=warm_start)


def _least_loss(sample: Sample, grid: tuple[float, ...], seed: int) -> float:
    from sklearn.metrics import log_loss

    rarest = int(class_sizes(sample).min())
    if rarest < 2:
        raise ValueError(
            "regularization: expected one value where a class has a single training example or group; got "
            f"{len(grid)} candidates, which nothing is left to choose by. Give regularization=0.1, or lower folds."
        )
    fit, held_out = next(stratified_splits(sample, min(_INNER_FOLDS, rarest), seed=seed))
    classes = np.unique(sample.y)
    losses = {}
    # From the strongest to the weakest penalty, each from the solution before: a third fewer iterations.
    model = _regression(min(grid), warm_start=True)
    for strength in sorted(grid):
        model.set_params(C=strength).fit(sample.x[fit], sample.y[fit])
        losses[strength] = log_loss(sample.y[held_out], model.predict_proba(sample.x[held_out]), labels=classes)
    return min(losses, key=lambda strength: losses[strength])
