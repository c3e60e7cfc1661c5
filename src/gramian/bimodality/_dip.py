"""Hartigan's dip test of one mode against more, with p-values that are never zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gramian.bimodality._extra import require_diptest

FEWEST = 30
RESAMPLES = 9_999


@dataclass(frozen=True)
class DipTest:
    """The dip of each sample, and its p-value.

    Attributes:
        dips: ``(k,)``, within ``[0, 1 / 4]``: the largest distance to the nearest unimodal distribution function.
        pvalues: ``(k,)``, ``(b + 1) / (B + 1)`` with b the uniform samples whose dip is at least as large.
    """

    dips: NDArray[np.float64]
    pvalues: NDArray[np.float64]


def dip_test(samples: Sequence[ArrayLike], *, resamples: int = RESAMPLES, seed: int = 0) -> DipTest:
    """Test each sample for more than one mode.

    The null distribution is that of uniform samples of the same size, the least favourable unimodal one, so the test
    is conservative. It is simulated once for each size: the package's interpolated table returns 0 for a large dip.

    Source: [hartigan1985, Section 5].

    Args:
        samples: ``k`` samples ``(n,)`` of real numbers, at least 30 each and not all equal; sizes may differ.
        resamples: Uniform samples B behind each p-value; no p-value is below ``1 / (B + 1)``.
        seed: Of the uniform samples, at least 0.

    Returns:
        `DipTest`.

    Raises:
        ValueError: A sample that is too small, constant, not one-dimensional or not finite.
        ImportError: The extra ``downstream`` is not installed.

    Cost: B sorts of each size of sample: a second for 1,000 values.
    """
    diptest = require_diptest()
    if resamples < 99:
        raise ValueError(f"resamples: expected at least 99; got {resamples}. The smallest p-value is 1 / (B + 1).")
    if seed < 0:
        raise ValueError(f"seed: expected at least 0; got {seed}. Any whole number from 0 will do.")
    arrays = [_checked(index, sample) for index, sample in enumerate(samples)]
    if not arrays:
        raise ValueError("samples: expected at least one; got none. Give one array a layer.")
    dips = np.array([diptest.dipstat(array) for array in arrays])
    null = {size: _null_dips(size, resamples, seed) for size in {len(array) for array in arrays}}
    # As large within rounding counts as at least as large.
    exceeding = [int((null[len(array)] >= dip * (1 - 1e-12)).sum()) for array, dip in zip(arrays, dips, strict=True)]
    return DipTest(dips, (np.array(exceeding) + 1) / (resamples + 1))


def holm(pvalues: ArrayLike) -> NDArray[np.float64]:
    """Holm's adjusted p-values, which hold under any dependence; layers share their prompts and are far from independent.

    Source: [holm1979].

    >>> holm([0.01, 0.04]).tolist()
    [0.02, 0.04]
    """
    p = np.asarray(pvalues, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted


@lru_cache(maxsize=16)
def _null_dips(size: int, resamples: int, seed: int) -> NDArray[np.float64]:
    diptest: Any = require_diptest()
    generator = np.random.Generator(np.random.Philox([seed, size]))
    return np.array([diptest.dipstat(np.sort(generator.random(size)), sort_x=False) for _ in range(resamples)])


def _checked(index: int, sample: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(sample, dtype=np.float64)
    if array.ndim != 1 or len(array) < FEWEST:
        raise ValueError(
            f"samples[{index}]: expected shape (n,) with n of at least {FEWEST}; got {array.shape}. "
            "The dip of fewer values says nothing: measure more prompts."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"samples[{index}]: expected finite values; got NaN or infinity. Leave those prompts out.")
    if array.min() == array.max():
        raise ValueError(f"samples[{index}]: expected values that differ; got {len(array)} equal ones. Leave it out.")
    return np.sort(array)
