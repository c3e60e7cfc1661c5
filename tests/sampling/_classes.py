"""Data for the tests of samplers, and the divergence computed from its definition."""

import numpy as np

GUARD = "needs imbalanced-learn: the extra `sampling`"


def two_blobs(n=120, minority=20, *, width=3, seed=0):
    """A majority of two clusters and a small minority."""
    rng = np.random.default_rng(seed)
    half = n // 2
    majority = np.concatenate([rng.normal(size=(half, width)), 0.4 * rng.normal(size=(n - half, width)) + 2.5])
    x = np.concatenate([majority, rng.normal(size=(minority, width)) - 1])
    y = np.repeat([0, 1], [n, minority])
    order = rng.permutation(len(y))
    return x[order], y[order]


def entropy(matrix, alpha):
    """Matrix entropy in float64, from eigenvalues."""
    values = np.linalg.eigvalsh(matrix / np.trace(matrix))
    values = values[values > 1e-14]
    if alpha == 1:
        return -(values * np.log(values)).sum()
    return np.log((values**alpha).sum()) / (1 - alpha)


def divergence(members, points, bandwidth, alpha):
    """Balanced divergence of the class and the points, from the eigenvalues of the weighted pooled Gram."""
    pooled = np.concatenate([members, points])
    squared = ((pooled[:, None] - pooled[None]) ** 2).sum(-1)
    gram = np.exp(-squared / (2 * bandwidth**2))
    n, m = len(members), len(points)
    weight = np.concatenate([np.full(n, n**-0.5), np.full(m, m**-0.5)])
    gram = gram * weight[:, None] * weight
    group = np.repeat([0, 1], [n, m])
    return entropy(gram, alpha) + np.log(2) - entropy(gram * (group[:, None] == group), alpha)
