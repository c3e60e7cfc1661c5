"""Under-sampling 100,000 points: time and peak memory against ClusterCentroids and NearMiss.

`python benchmarks/bench_sampling.py [--points 100000] [--minority 1000] [--width 20] [--out FILE]`
"""

from __future__ import annotations

import argparse

import numpy as np
from imblearn.under_sampling import ClusterCentroids, NearMiss
from sklearn.cluster import KMeans, MiniBatchKMeans

from _harness import compare, show, write
from gramian.sampling import JensenRenyiPrototypes, JensenRenyiUnderSampler, coverage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--minority", type=int, default=1_000)
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--out", default="benchmarks/results/sampling.json")
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    majority, width = given.points - given.minority, given.width
    # Ten clusters of different sizes and spreads.
    centres, spreads = 3 * rng.normal(size=(10, width)), rng.uniform(0.3, 1.5, size=10)
    cluster = rng.choice(10, size=majority, p=np.arange(1, 11) / 55)
    x = np.concatenate(
        [
            centres[cluster] + spreads[cluster, None] * rng.normal(size=(majority, width)),
            rng.normal(size=(given.minority, width)),
        ]
    )
    y = np.repeat([0, 1], [majority, given.minority])
    samplers = {
        "JensenRenyiUnderSampler": JensenRenyiUnderSampler(random_state=0),
        "JensenRenyiPrototypes": JensenRenyiPrototypes(random_state=0),
        "NearMiss": NearMiss(),
        "ClusterCentroids, MiniBatchKMeans": ClusterCentroids(estimator=MiniBatchKMeans(n_init=1, random_state=0)),
        "ClusterCentroids": ClusterCentroids(estimator=KMeans(n_init=1, random_state=0)),
    }
    kept = {}

    def call(name):
        kept[name] = samplers[name].fit_resample(x, y)

    rows = compare({name: lambda name=name: call(name) for name in samplers}, given.repeats)
    for row in rows:
        found, labels = kept[row["name"]]
        covered = coverage(x[y == 0], found[labels == 0], scale=x, random_subsets=20, random_state=0)
        row |= {
            "points": given.points,
            "minority": given.minority,
            "width": width,
            "divergence": covered.divergence,
            "random_best": covered.random_best,
            "random_mean": covered.random_mean,
        }
    show(f"{given.points} points in {width} dimensions to {given.minority} a class", rows)
    for row in rows:
        print(f"  {row['name']:34s}divergence {row['divergence']:.3g}, random subsets {row['random_mean']:.3g}")
    write(given.out, rows)


if __name__ == "__main__":
    main()
