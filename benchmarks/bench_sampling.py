"""Under-sampling 100,000 points: time and peak memory against ClusterCentroids and NearMiss.

`python benchmarks/bench_sampling.py [--points 100000] [--minority 1000] [--width 20] [--out FILE]`
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
from imblearn.under_sampling import ClusterCentroids, NearMiss
from sklearn.cluster import KMeans, MiniBatchKMeans

from _harness import compare, peak_mb, show, write
from gramian.sampling import JensenRenyiPrototypes, JensenRenyiUnderSampler, coverage


def data_of(points: int, minority: int, width: int) -> tuple[Any, Any]:
    """A majority of ten clusters of different sizes and spreads, and one minority."""
    rng = np.random.default_rng(0)
    majority = points - minority
    centres, spreads = 3 * rng.normal(size=(10, width)), rng.uniform(0.3, 1.5, size=10)
    cluster = rng.choice(10, size=majority, p=np.arange(1, 11) / 55)
    many = centres[cluster] + spreads[cluster, None] * rng.normal(size=(majority, width))
    return np.concatenate([many, rng.normal(size=(minority, width))]), np.repeat([0, 1], [majority, minority])


def samplers() -> dict[str, Any]:
    return {
        "JensenRenyiUnderSampler": JensenRenyiUnderSampler(random_state=0),
        "JensenRenyiPrototypes": JensenRenyiPrototypes(random_state=0),
        "NearMiss": NearMiss(),
        "ClusterCentroids, MiniBatchKMeans": ClusterCentroids(estimator=MiniBatchKMeans(n_init=1, random_state=0)),
        "ClusterCentroids": ClusterCentroids(estimator=KMeans(n_init=1, random_state=0)),
    }


def own_peak_mb(name: str, points: int, minority: int, width: int) -> float:
    """In a process of its own: memory that an earlier sampler left would be used again unseen."""
    x, y = data_of(points, minority, width)
    return peak_mb(lambda: samplers()[name].fit_resample(x, y))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--minority", type=int, default=1_000)
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", default="benchmarks/results/sampling.json")
    given = parser.parse_args()
    size = (given.points, given.minority, given.width)
    x, y = data_of(*size)
    peaks = {}
    for name in samplers():
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            peaks[name] = process.submit(own_peak_mb, name, *size).result()
    kept = {}

    def call(name):
        kept[name] = samplers()[name].fit_resample(x, y)

    rows = compare({name: lambda name=name: call(name) for name in samplers()}, given.repeats)
    for row in rows:
        found, labels = kept[row["name"]]
        covered = coverage(x[y == 0], found[labels == 0], scale=x, random_subsets=20, random_state=0)
        row |= {
            "points": given.points,
            "minority": given.minority,
            "width": given.width,
            "peak_mb": peaks[row["name"]],
            "divergence": covered.divergence,
            "random_best": covered.random_best,
            "random_mean": covered.random_mean,
        }
    show(f"{given.points} points in {given.width} dimensions to {given.minority} a class", rows)
    for row in rows:
        print(f"  {row['name']:34s}divergence {row['divergence']:.3g}, random subsets {row['random_mean']:.3g}")
    write(given.out, rows)


if __name__ == "__main__":
    main()
