"""Two normal components against one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gramian.bimodality._extra import require_mixture


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of two normal distributions, the lower mean first.

    Attributes:
        means: ``(2,)``, ascending, in the unit of the sample.
        deviations: ``(2,)`` standard deviations.
        weights: ``(2,)``, summing to one.
        upper: ``(n,)`` of booleans: the values that the component of the larger mean more likely made.
        bic_gain: BIC of one component less BIC of two; above 0 where two describe the sample better, 10 is strong.
    """

    means: tuple[float, float]
    deviations: tuple[float, float]
    weights: tuple[float, float]
    upper: NDArray[np.bool_]
    bic_gain: float


def fit_mixture(values: ArrayLike, *, seed: int = 0) -> Mixture:
    """Fit two normal components to a sample by maximum likelihood.

    Args:
        values: ``(n,)``, at least 4 finite numbers that differ.
        seed: Of the ten starts of the EM algorithm, at least 0.

    Returns:
        `Mixture`.

    Raises:
        ValueError: Too few values, values that are equal or not finite.
        ImportError: The extra ``downstream`` is not installed.

    Cost: ten runs of EM in one dimension; milliseconds for 1,000 values.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or len(x) < 4 or not np.isfinite(x).all() or x.min() == x.max():
        raise ValueError(
            f"values: expected at least 4 finite numbers that differ, of shape (n,); got shape {x.shape}. "
            "Leave out what is not defined."
        )
    # On a common scale the regularisation of the variances means the same in any unit.
    centre, scale = x.mean(), x.std()
    column = ((x - centre) / scale)[:, None]
    mixture = require_mixture()
    one = mixture(1).fit(column)
    two = mixture(2, n_init=10, random_state=seed).fit(column)
    order = np.argsort(two.means_[:, 0], kind="stable")
    means = two.means_[order, 0] * scale + centre
    deviations = np.sqrt(two.covariances_[order, 0, 0]) * scale
    weights = two.weights_[order]
    return Mixture(
        means=(float(means[0]), float(means[1])),
        deviations=(float(deviations[0]), float(deviations[1])),
        weights=(float(weights[0]), float(weights[1])),
        upper=two.predict(column) == order[1],
        bic_gain=float(one.bic(column) - two.bic(column)),
    )
