"""Independent references in NumPy float64, written from the formulas, and the samples the tests share."""

import math

import numpy as np
import torch
from hypothesis import strategies as st

ORDERS = [0.0, 0.3, 0.5, 0.9, 0.99, 1.0, 1.01, 1.1, 1.5, 2.0, 3.0, 7.5, math.inf]


def renyi(p, alpha):
    p = np.asarray(p, dtype=np.float64)
    p = p[p > 0]
    if alpha == 0:
        return math.log(len(p))
    if alpha == 1:
        return float(-np.sum(p * np.log(p)))
    if alpha == math.inf:
        return float(-np.log(p.max()))
    return float(np.log(np.sum(p**alpha)) / (1 - alpha))


def entropy(gram, alpha, rank=None):
    """Naive matrix entropy; ``rank`` keeps that many of the largest eigenvalues."""
    values = np.linalg.eigvalsh(np.asarray(gram, dtype=np.float64))[::-1]
    values = np.clip(values[:rank], 0, None)
    return renyi(values / values.sum(), alpha)


def gaussian_gram(x, sigma=1.0):
    x = np.asarray(x, dtype=np.float64)
    squared = ((x[:, None, :] - x[None, :, :]) ** 2).sum(-1)
    return np.exp(-squared / (2 * sigma**2))


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def wishart(n, d, seed=0):
    """A Gram of rank min(n, d) whose trace is not n."""
    x = normal(n, d, seed=seed)
    return 3.7 * x @ x.mT


def unit_diagonal(n, d, seed=0):
    x = normal(n, d, seed=seed)
    x = x / x.norm(dim=-1, keepdim=True)
    return x @ x.mT


def rotation(n, seed=0):
    return torch.linalg.qr(normal(n, n, seed=seed + 1000))[0]


orders = st.sampled_from(ORDERS)
seeds = st.integers(0, 2**31)
sizes = st.integers(2, 9)
distributions = st.lists(st.floats(1e-3, 1.0), min_size=1, max_size=8).map(lambda w: np.array(w) / np.sum(w))
