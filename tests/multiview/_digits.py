"""Pairs of views small enough for tests."""

import numpy as np
from sklearn.datasets import load_digits


def noisy_pairs(n=200, seed=0):
    """Two noisy copies of each digit, and its class."""
    digits = load_digits()
    rng = np.random.default_rng(seed)
    images = digits.images[:n].astype(np.float32) / 16
    return [images + 0.2 * rng.normal(size=images.shape).astype(np.float32) for _ in range(2)], digits.target[:n]


def mixed_pairs(n=256, seed=0):
    """Two views that mix one shared number with two of their own each; and the shared number."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 1))
    parts = [np.hstack([shared, rng.normal(size=(n, 2))]) for _ in range(2)]
    turns = [np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(2)]
    return [(part @ turn).astype(np.float32) for part, turn in zip(parts, turns, strict=True)], shared[:, 0]
