"""Six shapes of dependence in any dimension, and an independent pair of views."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Views = tuple[NDArray[np.float64], NDArray[np.float64]]
Shape = Callable[[np.random.Generator, int, int], Views]


def linear(rng: np.random.Generator, n: int, d: int) -> Views:
    """A noisy sum of all coordinates."""
    x = rng.uniform(-1, 1, size=(n, d))
    return x, _along(x) + 1.2 * rng.normal(size=(n, 1))


def quadratic(rng: np.random.Generator, n: int, d: int) -> Views:
    """Its square."""
    x = rng.uniform(-1, 1, size=(n, d))
    return x, 2 * _along(x) ** 2 + 0.8 * rng.normal(size=(n, 1))


def sine(rng: np.random.Generator, n: int, d: int) -> Views:
    """Two periods from end to end of a coordinate, of their sum."""
    x = rng.uniform(-1, 1, size=(n, d))
    return x, np.sin(2 * np.pi * _along(x)) + 0.8 * rng.normal(size=(n, 1))


def circle(rng: np.random.Generator, n: int, d: int) -> Views:
    """Cosine and sine of one angle a coordinate, with noise on both."""
    angles = rng.uniform(0, 2 * np.pi, size=(n, d))
    return np.cos(angles) + 0.3 * rng.normal(size=(n, d)), np.sin(angles) + 0.3 * rng.normal(size=(n, d))


def diamond(rng: np.random.Generator, n: int, d: int) -> Views:
    """A square on its corner, coordinate by coordinate, with noise on both."""
    u, v = rng.uniform(-1, 1, size=(2, n, d))
    return (u + v) / 2 + 0.1 * rng.normal(size=(n, d)), (u - v) / 2 + 0.1 * rng.normal(size=(n, d))


def multiplicative(rng: np.random.Generator, n: int, d: int) -> Views:
    """Noise whose width is a coordinate: neither means nor correlations tell."""
    x = rng.normal(size=(n, d))
    return x, x * rng.normal(size=(n, d))


def independent(rng: np.random.Generator, n: int, d: int) -> Views:
    """Nothing in common."""
    return rng.normal(size=(n, d)), rng.normal(size=(n, d))


def _along(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x.sum(1, keepdims=True) / x.shape[1] ** 0.5


SHAPES: dict[str, Shape] = {
    "linear": linear,
    "quadratic": quadratic,
    "sine": sine,
    "circle": circle,
    "diamond": diamond,
    "multiplicative noise": multiplicative,
}
