"""FroSSL in NumPy and float64, written from its definition: eigenvalues by `numpy.linalg`, nothing fused."""

from __future__ import annotations

import math

import numpy as np


def frossl(views, *, weight=1.0, alpha=2.0, normalization="feature", invariance="released"):
    views = [np.asarray(view, dtype=np.float64) for view in views]
    normalized = [normalize(view, normalization) for view in views]
    entropies = [renyi(np.linalg.eigvalsh(view.T @ view), alpha) for view in normalized]
    return weight * distance(normalized, normalization, invariance) - sum(entropies)


def normalize(view, form):
    if form == "standardized":
        view = (view - view.mean(0)) / view.std(0)
    lengths = np.sqrt((view**2).sum(1 if form == "sample" else 0, keepdims=True))
    return view / np.where(lengths == 0, 1.0, lengths)


def renyi(eigenvalues, alpha):
    p = np.clip(eigenvalues, 0, None)
    if p.sum() == 0:
        return 0.0
    p = p / p.sum()
    p = p[p > 1e-12]
    if alpha == 1:
        return float(-(p * np.log(p)).sum())
    if alpha == math.inf:
        return float(-np.log(p.max()))
    return float(np.log((p**alpha).sum()) / (1 - alpha))


def distance(normalized, form, invariance):
    count, width = len(normalized), normalized[0].shape[1]
    mean = sum(normalized) / count
    squared_error = sum(((view - mean) ** 2).mean() for view in normalized)
    if invariance == "released":
        # The released code: views times features times the mean squared error; without the views for rows on the sphere.
        return (width if form == "sample" else count * width) * squared_error
    axis = 1 if form == "sample" else 0
    cosines = [(normalized[a] * normalized[b]).sum(axis).mean() for a in range(count) for b in range(count) if a != b]
    return count * (1 - np.mean(cosines))


def numerical_gradient(function, views, step=1e-6):
    gradients = []
    for number, view in enumerate(views):
        found = np.zeros_like(view)
        for place in np.ndindex(view.shape):
            moved = [v.copy() for v in views]
            moved[number][place] += step
            up = function(moved)
            moved[number][place] -= 2 * step
            found[place] = (up - function(moved)) / (2 * step)
        gradients.append(found)
    return gradients
