"""Which criterion picks a bandwidth whose test finds the difference in fresh samples.

`python -m tests.studies._bandwidth_criterion` prints the table of `docs/design/convergence.md`: order 2, 60 repetitions.
"""

from collections.abc import Callable

import numpy as np
import torch

import gramian as gm
from gramian.itl import bandwidth_by_rule, bandwidth_grid

REPETITIONS, SHUFFLES, PERMUTATIONS = 60, 20, 99
Pair = tuple[np.ndarray, np.ndarray]


def modes(rng: np.random.Generator) -> Pair:
    places = rng.integers(0, 4, size=(2, 300))
    centres = np.array([[20, 20], [20, -20], [-20, 20], [-20, -20]])
    x, noise = centres[places[0]] + rng.normal(size=(300, 2)), rng.normal(size=(300, 2))
    noise[places[1] == 0] *= 1.8
    return x, centres[places[1]] + noise


def shift(rng: np.random.Generator) -> Pair:
    return rng.normal(size=(150, 10)), rng.normal(size=(150, 10)) + 0.15


def spread(rng: np.random.Generator) -> Pair:
    return rng.normal(size=(150, 10)), rng.normal(size=(150, 10)) * 1.1


def blobs(rng: np.random.Generator) -> Pair:
    centres = rng.integers(0, 3, size=(2, 150, 2)) * 10.0
    factor = np.linalg.cholesky(np.array([[1, 0.6], [0.6, 1]]))
    return centres[0] + rng.normal(size=(150, 2)), centres[1] + rng.normal(size=(150, 2)) @ factor.T


def divergences(x: np.ndarray, labels: np.ndarray, bandwidth: float, shuffles: list[np.ndarray]) -> np.ndarray:
    """Of the labels as they are, then of each shuffle."""
    gram = gm.gaussian_kernel(x, bandwidth=bandwidth)
    return np.array([gm.jensen_renyi_divergence(gram, labels[s], alpha=2.0) for s in [slice(None), *shuffles]])


def powers(draw: Callable[[np.random.Generator], Pair]) -> dict[str, float]:
    found: dict[str, list[bool]] = {"ratio": [], "difference": [], "median": []}
    rejected = []
    for repetition in range(REPETITIONS):
        rng = np.random.default_rng(repetition)
        seen, fresh = np.concatenate(draw(rng)), np.concatenate(draw(rng))
        labels = np.arange(2).repeat(len(seen) // 2)
        generator = torch.Generator().manual_seed(repetition)
        drawn = [torch.randperm(len(seen), generator=generator).numpy() for _ in range(SHUFFLES + PERMUTATIONS)]
        scores, finds = [], []
        for bandwidth in (*bandwidth_grid(seen), bandwidth_by_rule(seen)):
            given, *others = divergences(seen, labels, bandwidth, drawn[:SHUFFLES])
            scores.append(((given - np.mean(others)) / np.std(others, ddof=1), given - np.mean(others)))
            given, *others = divergences(fresh, labels, bandwidth, drawn[SHUFFLES:])
            finds.append((1 + sum(other >= given for other in others)) / (PERMUTATIONS + 1) <= 0.05)
        for place, name in enumerate(("ratio", "difference")):
            found[name].append(finds[int(np.argmax([score[place] for score in scores[:-1]]))])
        found["median"].append(finds[-1])
        rejected.append(finds)
    best = float(np.mean(rejected, axis=0).max())
    return {**{name: float(np.mean(values)) for name, values in found.items()}, "best single bandwidth": best}


if __name__ == "__main__":
    for problem in (modes, shift, spread, blobs):
        print(problem.__name__, {name: round(power, 2) for name, power in powers(problem).items()}, flush=True)
