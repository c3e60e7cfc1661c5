"""Vectors as a probe reads them: standardised by its training examples, in as few dimensions as they span."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["in_span", "standardized"]

Vectors = npt.NDArray[Any]


def standardized(fit: Vectors, held_out: Vectors, *, standardize: bool) -> tuple[Vectors, Vectors]:
    """Both sides less the mean of `fit`, divided by its standard deviation; columns constant in `fit` are left out."""
    wide = fit.astype(np.float64)  # a mean that is large beside the spread costs float32 its digits
    mean, spread = wide.mean(0), wide.std(0)
    largest = np.abs(wide).max(0)
    varies = spread > np.finfo(fit.dtype).eps * largest
    if not varies.any():
        raise ValueError(
            "x: expected vectors that differ within every training fold; got equal ones. There is nothing to read."
        )
    if not standardize:
        return fit, held_out
    centre, scale = mean[varies], spread[varies]
    return (
        ((wide[:, varies] - centre) / scale).astype(fit.dtype),
        ((held_out[:, varies].astype(np.float64) - centre) / scale).astype(fit.dtype),
    )


def in_span(fit: Vectors, held_out: Vectors) -> tuple[Vectors, Vectors]:
    """The same problem in n instead of d dimensions, where d > n.

    A solution penalised by its length lies in the span of the training examples, so coordinates in an orthonormal
    basis of that span lose nothing: neither the optimum nor what it predicts elsewhere changes.
    """
    count, width = fit.shape
    if width <= count:
        return fit, held_out
    basis, triangle = np.linalg.qr(fit.T)
    return np.ascontiguousarray(triangle.T), held_out @ basis
