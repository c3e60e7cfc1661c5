"""Distance correlation: dependence of any shape between two variables, from their distances."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["centred_distances", "distance_correlation"]

Floats = NDArray[np.float64]

_ROUNDING = 1e-12


def distance_correlation(x: ArrayLike, y: ArrayLike, *, bias_corrected: bool = False) -> float:
    r"""Distance correlation of two samples, without unit, within ``[0, 1]``.

    .. math:: \mathrm{dCor}^2 = \frac{\langle A, B\rangle}{\sqrt{\langle A, A\rangle\,\langle B, B\rangle}}

    where A and B are the matrices of distances within x and within y, row means and column means subtracted and the grand mean
    added. In the population it is 0 exactly without dependence and 1 for a line, rising or falling: it has no sign.

    This is the estimator of the papers (a V-statistic). In a small sample it is well above 0 without any dependence, the
    more so the smaller the sample. `bias_corrected` gives the U-centred estimate of the *square*, which is
    around 0 without dependence, can be negative, and is not comparable with the first.

    Source: [szekely2007]; `bias_corrected`: [szekely2014].

    Args:
        x: ``(n,)`` or ``(n, d)``, finite; n at least 2, or 4 with `bias_corrected`.
        y: ``(n,)`` or ``(n, e)``.
        bias_corrected: Give the bias-corrected square instead, within ``[-1, 1]``.

    Returns:
        The coefficient.

    Raises:
        ValueError: Other shapes, too few samples, NaN or infinity, or a constant sample, which has no correlation.

    Cost: O(n^2 (d + e)) time, O(n^2) memory.

    >>> round(distance_correlation([1, 2, 3], [6, 4, 2]), 12)
    1.0
    """
    a, b = _sample("x", x), _sample("y", y)
    if len(a) != len(b):
        raise ValueError(f"y: expected {len(a)} samples, as many as x has; got {len(b)}. Pair them.")
    least = 4 if bias_corrected else 2
    if len(a) < least:
        raise ValueError(f"x: expected at least {least} samples; got {len(a)}. Give more.")
    for name, sample in (("x", a), ("y", b)):
        if (sample == sample[0]).all():
            raise ValueError(f"{name}: expected samples that differ; got a constant. It has no correlation.")
    first, second = _distances(a), _distances(b)
    if bias_corrected:
        first, second = _u_centred("x", first), _u_centred("y", second)
        return float((first * second).sum() / np.sqrt((first * first).sum() * (second * second).sum()))
    first, second = _double_centred(first), _double_centred(second)
    square = (first * second).sum() / np.sqrt((first * first).sum() * (second * second).sum())
    return float(np.sqrt(np.clip(square, 0.0, 1.0)))


def centred_distances(values: Floats) -> Floats:
    """Double-centred distances within each series of numbers: ``(..., L)`` to ``(..., L, L)``."""
    return _double_centred(np.abs(values[..., :, None] - values[..., None, :]))


def _sample(name: str, values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(f"{name}: expected (n,) or (n, d) numbers; got shape {array.shape}. Reshape it.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers; got NaN or infinity. Leave those samples out of both.")
    array = array[:, None] if array.ndim == 1 else array
    # Distances are squared twice below: at the ends of the range they would overflow or vanish.
    spread = np.abs(array - array[0]).max()
    return np.asarray((array - array[0]) / spread) if spread > 0 else array


def _distances(sample: Floats) -> Floats:
    return np.asarray(np.sqrt(((sample[:, None, :] - sample[None, :, :]) ** 2).sum(-1)))


def _double_centred(distances: Floats) -> Floats:
    rows = distances.mean(-1, keepdims=True)
    columns = distances.mean(-2, keepdims=True)
    return np.asarray(distances - rows - columns + distances.mean((-2, -1), keepdims=True))


def _u_centred(name: str, distances: Floats) -> Floats:
    count = len(distances)
    rows = distances.sum(1, keepdims=True) / (count - 2)
    columns = distances.sum(0, keepdims=True) / (count - 2)
    centred = distances - rows - columns + distances.sum() / ((count - 1) * (count - 2))
    np.fill_diagonal(centred, 0.0)
    if np.abs(centred).max() <= _ROUNDING * distances.max():
        raise ValueError(f"{name}: expected distances that differ; got all alike. Leave bias_corrected out.")
    return np.asarray(centred)
