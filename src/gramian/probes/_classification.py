"""What the linear and the nearest-neighbour probe share: from held-out predictions to accuracy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gramian.probes._folds import check_class_sizes, stratified_splits
from gramian.probes._inputs import Examples, Sample, Targets, draw_seed, read_sample
from gramian.probes._intervals import accuracy_interval
from gramian.probes._result import ProbeResult
from gramian.probes._threads import threads_for

__all__ = ["Predictor", "accuracy"]

Predictor = Callable[[Sample, npt.NDArray[Any], int], npt.NDArray[np.int64]]
"""From the training sample, the held-out vectors and a seed to the predicted classes."""


def accuracy(
    predict: Predictor,
    x: Examples,
    y: Targets,
    *,
    test: tuple[Any, ...] | None,
    groups: Targets | None,
    folds: int,
    seed: int | torch.Generator | None,
) -> ProbeResult:
    """Accuracy of a classifier on held-out folds or on a test set."""
    sample, other = read_sample(x, y, groups, test, numeric=False)
    number = draw_seed(seed)
    with threads_for(sample.x, len(np.unique(sample.y))):
        return _accuracy(predict, sample, other, folds=folds, number=number)


def _accuracy(predict: Predictor, sample: Sample, other: Sample | None, *, folds: int, number: int) -> ProbeResult:
    if other is not None:
        correct = predict(sample, other.x, number) == other.y
        stderr, low, high = accuracy_interval(correct, other.groups)
        share = float(correct.mean())
        return ProbeResult(share, stderr, low, high, "accuracy", (share,), len(correct))
    check_class_sizes(sample, folds)
    correct = np.zeros(len(sample.y), dtype=bool)
    scores = []
    for fit, held_out in stratified_splits(sample, folds, seed=number):
        correct[held_out] = predict(sample.take(fit), sample.x[held_out], number) == sample.y[held_out]
        scores.append(float(correct[held_out].mean()))
    stderr, low, high = accuracy_interval(correct, sample.groups)
    return ProbeResult(float(correct.mean()), stderr, low, high, "accuracy", tuple(scores), len(correct))
