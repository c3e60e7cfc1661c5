"""Entropies against named peers: exact entropy against eigenvectors, features against their covariance, order 2 against 1.

Run as ``python benchmarks/bench_itl.py``; ``--reference DIR`` names a clone of uk-cliplab/representation-itl, whose package
``repitl`` is then timed too.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

import gramian as gm
from _harness import Row, compare, show, write


def entropy_by_eigh(gram: Tensor) -> Tensor:
    """The usual way: eigenvalues and eigenvectors, the latter thrown away."""
    values = torch.linalg.eigh(gram / gram.trace())[0].clamp(min=torch.finfo(gram.dtype).tiny)
    return -(values * values.log()).sum()


def bench_matrix_entropy(n: int, repeats: int, reference: str | None) -> list[Row]:
    """Forward entropies of a Gaussian Gram of n samples."""
    x = torch.randn(n, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gram = gm.gaussian_kernel(x)
    single = gram.float()
    functions: dict[str, Callable[[], object]] = {
        "torch.linalg.eigh": lambda: entropy_by_eigh(gram),
        "matrix_entropy": lambda: gm.matrix_entropy(gram),
        "matrix_entropy alpha=1.01": lambda: gm.matrix_entropy(gram, alpha=1.01),
        "matrix_entropy alpha=2": lambda: gm.matrix_entropy(gram, alpha=2),
        "torch.linalg.eigh float32": lambda: entropy_by_eigh(single),
        "matrix_entropy float32 input": lambda: gm.matrix_entropy(single),
    }
    if reference is not None:
        theirs = importlib.import_module("repitl.matrix_itl")
        normal = gram / n
        functions["repitl matrixAlphaEntropy 1.01"] = lambda: theirs.matrixAlphaEntropy(normal, alpha=1.01)
        functions["repitl matrixAlphaEntropy 2"] = lambda: theirs.matrixAlphaEntropy(normal, alpha=2)
    return compare(functions, repeats, peer="torch.linalg.eigh")


def bench_feature_entropy(n: int, d: int, repeats: int) -> list[Row]:
    """Entropies of n vectors of width d, float32, against the one product they cannot avoid."""
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(1))
    functions: dict[str, Callable[[], object]] = {
        "x.T @ x": lambda: x.T @ x,
        "feature_entropy": lambda: gm.feature_entropy(x),
        "feature_entropy alpha=2": lambda: gm.feature_entropy(x, alpha=2),
        "feature_entropy center=True": lambda: gm.feature_entropy(x, center=True),
    }
    return compare(functions, repeats, peer="x.T @ x")


def bench_divergence(n: int, groups: int, repeats: int) -> list[Row]:
    """A divergence block by block, against mutual information with the label kernel."""
    generator = torch.Generator().manual_seed(2)
    gram = gm.gaussian_kernel(torch.randn(n, 20, generator=generator, dtype=torch.float64))
    labels = torch.randint(groups, (n,), generator=generator)
    functions: dict[str, Callable[[], object]] = {
        "mutual_information": lambda: gm.mutual_information(gram, gm.label_kernel(labels), alpha=1.01),
        "jensen_renyi_divergence": lambda: gm.jensen_renyi_divergence(gram, labels),
        "jensen_renyi_divergence alpha=2": lambda: gm.jensen_renyi_divergence(gram, labels, alpha=2),
    }
    return compare(functions, repeats, peer="mutual_information")


def main() -> None:
    """Run every comparison and write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2000, help="rows of the Gram (default 2000)")
    parser.add_argument("--vectors", type=int, default=50_000, help="vectors of feature_entropy (default 50000)")
    parser.add_argument("--width", type=int, default=256, help="their width (default 256)")
    parser.add_argument("--groups", type=int, default=4, help="groups of the divergence (default 4)")
    parser.add_argument("--repeats", type=int, default=7, help="timed calls of each function (default 7)")
    parser.add_argument("--reference", metavar="DIR", help="clone of uk-cliplab/representation-itl to time as well")
    parser.add_argument("--out", default="benchmarks/results/itl.json", help="JSON file to write")
    options = parser.parse_args()
    if options.reference is not None:
        sys.path[:0] = [options.reference, str(Path(options.reference) / "src")]
    sections: dict[str, Callable[[], list[Row]]] = {
        f"matrix_entropy, n={options.samples}": lambda: bench_matrix_entropy(
            options.samples, options.repeats, options.reference
        ),
        f"feature_entropy, n={options.vectors} d={options.width}": lambda: bench_feature_entropy(
            options.vectors, options.width, options.repeats
        ),
        f"jensen_renyi_divergence, n={options.samples}": lambda: bench_divergence(
            options.samples, options.groups, options.repeats
        ),
    }
    rows: list[Row] = []
    for title, run in sections.items():
        section = run()
        show(title, section)
        rows.extend({"section": title, **row} for row in section)
    write(options.out, rows)


if __name__ == "__main__":
    main()
