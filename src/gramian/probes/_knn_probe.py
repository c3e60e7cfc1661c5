"""The nearest-neighbour probe: the majority among the nearest by cosine."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gramian.probes._classification import accuracy
from gramian.probes._inputs import Examples, Sample, Targets, check_options
from gramian.probes._result import ProbeResult
from gramian.probes._scaling import standardized

__all__ = ["knn_probe"]


def knn_probe(
    x: Examples,
    y: Targets,
    *,
    test: tuple[Any, ...] | None = None,
    groups: Targets | None = None,
    folds: int = 5,
    seed: int | torch.Generator | None = 0,
    neighbors: int = 10,
    standardize: bool = True,
) -> ProbeResult:
    """Accuracy of the majority among the nearest training vectors by cosine, a share within ``[0, 1]``.

    Nothing is fitted but the standardisation, so unlike the linear probe it asks whether examples of one class lie
    near each other as they are. Between classes with equally many neighbours the nearer ones win.

    Source: [cover1967], with the cosine of standardised vectors.

    Args:
        x: ``(n, d)``, NumPy or torch, floating and finite.
        y: ``(n,)`` labels: integers, booleans or strings; at least two classes.
        test: ``(x, y)`` of a test set, or ``(x, y, groups)`` where groups are given: neighbours are then sought in all of ``x``,
            and ``folds`` is not used.
        groups: ``(n,)`` names of what must not be split, such as the texts themselves. None: every example is its own group.
        folds: Stratified held-out folds; every class needs as many groups.
        seed: Of the folds: an integer, a ``torch.Generator`` or None.
        neighbors: How many vote; at most the training examples of the smallest fold.
        standardize: Whether features get mean 0 and variance 1 over the training examples; False takes the cosine of the vectors
            as given.

    Returns:
        `ProbeResult` with metric ``accuracy`` and Wilson's interval.

    Raises:
        ValueError: As `linear_probe`; more neighbours than training examples; a vector without direction.
        TypeError: Arguments of the wrong kind; floating labels.

    Cost: O(n^2 d).

    Example:
        >>> import numpy as np
        >>> y = np.arange(40) % 2
        >>> knn_probe(np.eye(2)[y] + 0.1, y, neighbors=1).score
        1.0
    """
    check_options(folds, test, standardize)
    if isinstance(neighbors, bool) or not isinstance(neighbors, int | np.integer):
        raise TypeError(f"neighbors: expected an integer; got {type(neighbors).__name__}. Give 10.")

    def predict(sample: Sample, held_out: npt.NDArray[Any], number: int) -> npt.NDArray[np.int64]:
        from sklearn.neighbors import KNeighborsClassifier

        del number
        if not 1 <= neighbors <= len(sample.y):
            raise ValueError(
                f"neighbors: expected 1 to {len(sample.y)}, the training examples; got {neighbors}. Ask for fewer."
            )
        fit, other = standardized(sample.x, held_out, standardize=standardize)
        for vectors in (fit, other):
            if not vectors.any(1).all():
                what = "equal to the mean of the training examples" if standardize else "zero"
                raise ValueError(f"x: expected vectors with a direction; got one {what}. Leave it out.")
        # Closeness adds less than one vote in all: it decides ties and nothing else.
        model = KNeighborsClassifier(
            neighbors, metric="cosine", algorithm="brute", weights=lambda d: 1 + (1 - d / 2) / (neighbors + 1)
        )
        predicted: npt.NDArray[np.int64] = model.fit(fit, sample.y).predict(other)
        return predicted

    return accuracy(predict, x, y, test=test, groups=groups, folds=folds, seed=seed)
