"""Vectors with classes or targets planted in them."""

import numpy as np


def classes(count=120, width=6, kinds=3, separation=1.5, seed=0):
    """Gaussian clouds around `kinds` random centres."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % kinds
    x = separation * rng.normal(size=(kinds, width))[y] + rng.normal(size=(count, width))
    return x, y


def line(count=150, width=5, noise=0.5, seed=0):
    """Targets linear in the vectors, plus noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, width))
    return x, x @ rng.normal(size=width) + noise * rng.normal(size=count)
