"""Permutation tests against named peers: hyppo's MMD, the bare Gram, and the exact test on a part of a large sample.

Run as ``python benchmarks/bench_inference.py``; hyppo (``pip install hyppo``) is timed where it is installed, on
``--hyppo-permutations`` permutations, and its time scaled to as many as ours.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import gramian as gm
from _harness import Row, compare, peak_mb, show, write

PERMUTATIONS = 999


def samples(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal samples, the second a little wider."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), 1.02 * rng.normal(size=(n, d))


def bench_small(n: int, permutations: int, repeats: int) -> list[Row]:
    """One bandwidth and several, against hyppo's MMD permutation test."""
    x, y = samples(n, 5, 0)
    functions: dict[str, Callable[[], object]] = {
        "two_sample_test, a number": lambda: gm.two_sample_test(x, y, bandwidth=3.0, seed=0),
        "two_sample_test median": lambda: gm.two_sample_test(x, y, bandwidth="median", seed=0),
        "two_sample_test aggregate": lambda: gm.two_sample_test(x, y, seed=0),
    }
    rows = compare(functions, repeats)
    if importlib.util.find_spec("hyppo") is None:
        return rows
    from hyppo.ksample import MMD

    def theirs() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MMD().test(x, y, reps=permutations, workers=1, auto=False, random_state=0)

    theirs()  # the first call compiles
    start = time.perf_counter()
    theirs()
    seconds = (time.perf_counter() - start) * PERMUTATIONS / permutations
    name = f"hyppo MMD, {PERMUTATIONS} of {permutations} permutations timed"
    for row in rows:
        row["peer"], row["ratio"] = name, seconds / row["median_s"]
    hyppo: Row = {"name": name, "median_s": seconds, "fastest_s": seconds, "seconds": [seconds], "peak_mb": 0.0}
    return [*rows, {**hyppo, "peer": name, "ratio": 1.0}]


def bench_exact(n: int, repeats: int) -> list[Row]:
    """Order 2 exactly, against building the one Gram of the pooled sample."""
    x, y = samples(n, 20, 1)
    pooled = np.concatenate([x, y])
    functions: dict[str, Callable[[], object]] = {
        "gaussian_kernel median": lambda: gm.gaussian_kernel(pooled),
        "gaussian_kernel, a number": lambda: gm.gaussian_kernel(pooled, bandwidth=6.0),
        "two_sample_test median": lambda: gm.two_sample_test(x, y, bandwidth="median", seed=0),
        "two_sample_test, a number": lambda: gm.two_sample_test(x, y, bandwidth=6.0, seed=0),
        "two_sample_test aggregate": lambda: gm.two_sample_test(x, y, seed=0),
    }
    return compare(functions, repeats)


def bench_features(n: int, part: int) -> list[Row]:
    """Large samples by features; the error is against the exact divergences of a part, which the result states."""
    x, y = samples(n, 20, 2)
    found: dict[str, object] = {}

    def run() -> None:
        start = time.perf_counter()
        result = gm.two_sample_test(x, y, seed=0)
        found["seconds"] = time.perf_counter() - start
        found["result"] = result

    peak = peak_mb(run)
    result = found["result"]
    seconds = float(str(found["seconds"]))
    exact = gm.two_sample_test(x[:part], y[:part], seed=0)
    lengths = [scale.bandwidth for scale in result.scales]
    same = gm.two_sample_test(x[:part], y[:part], bandwidth=lengths, seed=0, permutations=1)
    near = gm.two_sample_test(x[:part], y[:part], bandwidth=lengths, seed=0, permutations=1, features=512)
    errors = [abs(a.divergence - b.divergence) for a, b in zip(same.scales, near.scales, strict=True)]
    return [
        {
            "name": f"two_sample_test, {result.features} features",
            "median_s": seconds,
            "fastest_s": seconds,
            "seconds": [seconds],
            "peak_mb": peak,
            "peer": "itself",
            "ratio": 1.0,
            "pvalue": result.pvalue,
            "feature_error": result.feature_error,
            "errors_on_part": errors,
            "exact_on_part": [scale.divergence for scale in same.scales],
            "part": part,
            "exact_pvalue_on_part": exact.pvalue,
        }
    ]


def main() -> None:
    """Run every comparison and write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=500, help="points a sample against hyppo (default 500)")
    parser.add_argument("--exact", type=int, default=5_000, help="points a sample of the exact test (default 5000)")
    parser.add_argument("--large", type=int, default=100_000, help="points a sample by features (default 100000)")
    parser.add_argument("--part", type=int, default=2_000, help="points a sample that features are compared on")
    parser.add_argument("--hyppo-permutations", type=int, default=100, help="of hyppo, timed (default 100)")
    parser.add_argument("--repeats", type=int, default=3, help="timed calls of each (default 3)")
    results = Path(__file__).parent / "results" / "inference.json"
    parser.add_argument("--out", type=Path, default=results, help="file of the results")
    options = parser.parse_args()
    small, exact, large = options.small, options.exact, options.large
    sections: dict[str, Callable[[], list[Row]]] = {
        f"999 permutations, n={small}+{small}": lambda: bench_small(small, options.hyppo_permutations, options.repeats),
        f"order 2 exactly, n={exact}+{exact}": lambda: bench_exact(exact, options.repeats),
        f"features, n={large}+{large}, d=20": lambda: bench_features(large, options.part),
    }
    rows: list[Row] = []
    for title, run in sections.items():
        section = run()
        show(title, section)
        rows.extend({"section": title, **row} for row in section)
    write(options.out, rows)


if __name__ == "__main__":
    main()
