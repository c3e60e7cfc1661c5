"""Problems of the two-sample studies, and p-values of many repetitions, kept so that a study that was stopped goes on."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tests.studies._runs import study_folder

Points = NDArray[np.float64]
Pair = tuple[Points, Points]
# Repetitions of a study, as a share of those that its claims are made for: 0.1 for a first look.
SCALE = float(os.environ.get("GRAMIAN_STUDY_SCALE", "1"))


def mixture(rng: np.random.Generator, n: int, sigma: float) -> Pair:
    """Four Gaussians at (±20, ±20), the last of which has standard deviation one or sigma [biggs2023]."""
    centres = 20.0 * np.array([[1, 1], [-1, 1], [1, -1], [-1, -1]])

    def sample(last: float) -> Points:
        chosen = rng.integers(4, size=n)
        return centres[chosen] + np.where(chosen == 3, last, 1.0)[:, None] * rng.normal(size=(n, 2))

    return sample(1.0), sample(sigma)


def perturbed_uniform(rng: np.random.Generator, n: int, amplitude: float, d: int = 1, bumps: int = 2) -> Pair:
    """A uniform sample with bumps of random signs, and one without [schrab2023, biggs2023]."""
    cells = list(itertools.product(range(1, bumps + 1), repeat=d))
    signs = rng.choice([-1.0, 1.0], size=len(cells))
    kept: list[Points] = []
    while sum(map(len, kept)) < n:
        x = rng.uniform(size=(4 * n, d))
        density = np.ones(len(x))
        for sign, cell in zip(signs, cells, strict=True):
            density += sign * amplitude * np.exp(d) * np.prod(_bump(x * bumps - np.array(cell)), axis=1)
        kept.append(x[rng.uniform(0, 1 + amplitude, size=len(x)) < density])
    return np.concatenate(kept)[:n], rng.uniform(size=(n, d))


def _bump(u: Points) -> Points:
    value = np.zeros_like(u)
    up, down = (u > -1) & (u < -0.5), (u > -0.5) & (u < 0)
    value[up] = np.exp(-1 / (1 - (4 * u[up] + 3) ** 2))
    value[down] = -np.exp(-1 / (1 - (4 * u[down] + 1) ** 2))
    return value


def blobs(rng: np.random.Generator, per_blob: int) -> Pair:
    """Nine blobs on a grid, correlated in the second sample as in the released code behind the figures to compare with.

    That code multiplies rows by the Cholesky factor from the right, so the covariance is ``L' L`` and not the one it names.
    """
    n = 9 * per_blob
    covariances = [-0.02 - 0.002 * i for i in range(4)] + [0.0] + [0.02 + 0.002 * i for i in range(4)]
    x = np.sqrt(0.03) * rng.normal(size=(n, 2)) + rng.integers(3, size=(n, 2))
    place = rng.integers(3, size=(n, 2))
    y = rng.normal(size=(n, 2))
    for number, covariance in enumerate(covariances):
        factor = np.linalg.cholesky(np.array([[0.03, covariance], [covariance, 0.03]]))
        inside = 3 * place[:, 0] + place[:, 1] == number
        y[inside] = y[inside] @ factor + place[inside]
    return x, y


def pvalues(study: str, cell: str, repetitions: int, one: Callable[[int], float]) -> list[float]:
    """``one(repetition)`` for every repetition; those computed by an earlier run are read."""
    file = study_folder(study) / f"{cell}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    found: list[float] = json.loads(file.read_text()) if file.exists() else []
    for repetition in range(len(found), repetitions):
        found.append(one(repetition))
        if len(found) % 20 == 0 or len(found) == repetitions:
            aside = file.with_suffix(".tmp")
            aside.write_text(json.dumps(found))
            aside.replace(file)
    return found[:repetitions]


def repetitions(full: int) -> int:
    """Repetitions of a run at this scale."""
    return max(2, round(SCALE * full))


def rejection_rate(found: Sequence[float], level: float = 0.05) -> float:
    """Share of the p-values at or below the level."""
    return float(np.mean(np.asarray(found) <= level + 1e-12))


def binomial_interval(n: int, p: float, confidence: float) -> tuple[float, float]:
    """Shares of ``n`` that lie inside a two-sided interval about ``p``."""
    tail = (1 - confidence) / 2
    return float(stats.binom.ppf(tail, n, p) / n), float(stats.binom.ppf(1 - tail, n, p) / n)


def lowest_compatible(reference: float, n: int, confidence: float = 0.95) -> float:
    """The smallest share of ``n`` that a power of ``reference`` leaves possible, one-sided."""
    return float(stats.binom.ppf(1 - confidence, n, reference) / n)
