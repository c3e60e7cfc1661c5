"""Independent references in NumPy float64, written from the formulas, one labelling at a time."""

import itertools

import numpy as np

from tests.itl._reference import gaussian_gram, renyi


def spectrum(gram):
    values = np.clip(np.linalg.eigvalsh(gram), 0, None)
    return values / values.sum()


def divergence(gram, labels, alpha, *, weights=None, balanced=True):
    """Naive Jensen-Rényi divergence: entropies of the pooled Gram and of its blocks, nothing shared between labellings."""
    labels = np.asarray(labels)
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    gram = np.asarray(gram, dtype=np.float64) * np.sqrt(np.outer(weights, weights))
    groups = np.unique(labels)
    shares = np.array([weights[labels == group].sum() for group in groups]) / weights.sum()
    if balanced:
        traces = {group: gram[labels == group][:, labels == group].trace() for group in groups}
        root = np.array([traces[label] for label in labels]) ** -0.5
        gram = gram * np.outer(root, root)
        shares = np.full(len(groups), 1 / len(groups))
    separate = gram * (labels[:, None] == labels[None, :])
    return renyi(spectrum(gram), alpha) + renyi(shares, alpha) - renyi(spectrum(separate), alpha)


def biased_mmd(gram, labels):
    """Squared biased MMD of the two groups under the kernel of this Gram."""
    sign = np.where(np.asarray(labels) == 0, 1 / np.sum(labels == 0), -1 / np.sum(labels == 1))
    return float(sign @ gram @ sign)


def every_labelling(sizes):
    """All ways to number the points of a pooled sample, in lexicographic order."""
    numbers = [group for group, size in enumerate(sizes) for _ in range(size)]
    return sorted(set(itertools.permutations(numbers)))


def shifted(*sizes, d=2, shift=0.0, seed=0):
    """Normal samples, the i-th moved by i times the shift along the first axis."""
    rng = np.random.default_rng(seed)
    samples = [rng.normal(size=(size, d)) for size in sizes]
    for number, sample in enumerate(samples):
        sample[:, 0] += number * shift
    return samples


__all__ = ["biased_mmd", "divergence", "every_labelling", "gaussian_gram", "shifted", "spectrum"]
