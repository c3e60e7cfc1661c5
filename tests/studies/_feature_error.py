"""How far the divergence of features is from that of the kernel, and what orthogonal frequencies change.

`python -m tests.studies._feature_error` prints the table of `docs/design/convergence.md`; with `orthogonal` the ratios told there.
"""

import dataclasses
import math
import sys

import numpy as np
import torch

import gramian as gm
from gramian.itl import bandwidth_by_rule, feature_divergence, fourier_map, nystrom_map

SIZE, ORDERS, FEATURES = 500, (1.01, 2.0), (128, 512)
KERNELS = {"gaussian": gm.gaussian_kernel, "laplacian": gm.laplacian_kernel}
LABELS = torch.arange(2).repeat_interleave(SIZE)


def points(width: int) -> torch.Tensor:
    """Two normal samples, the second with 1.3 times the deviation."""
    x = torch.randn(2 * SIZE, width, generator=torch.Generator().manual_seed(width), dtype=torch.float64)
    x[LABELS == 1] *= 1.3
    return x


def orthogonal(frequencies: torch.Tensor, seed: int) -> torch.Tensor:
    """Frequencies of the same lengths in directions that are orthogonal within blocks."""
    count, width = frequencies.shape
    generator = torch.Generator().manual_seed(seed + 10**6)
    blocks = [
        torch.linalg.qr(torch.randn(width, width, generator=generator, dtype=torch.float64))[0].T
        for _ in range(math.ceil(count / width))
    ]
    return torch.cat(blocks)[:count] * frequencies.norm(dim=1, keepdim=True)


def rms(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def table() -> None:
    for width in (2, 10, 50):
        x = points(width)
        bandwidth = bandwidth_by_rule(x)
        for kernel, function in KERNELS.items():
            gram = function(x, bandwidth=bandwidth)
            for features in FEATURES:
                for alpha in ORDERS:
                    exact = gm.jensen_renyi_divergence(gram, LABELS, alpha=alpha).item()
                    drawn: dict[str, list[float]] = {"Fourier": [], "Nystrom": []}
                    for seed in range(10):
                        chosen = torch.randperm(2 * SIZE, generator=torch.Generator().manual_seed(seed))[:features]
                        told = {"bandwidth": bandwidth, "kernel": kernel}
                        maps = {
                            "Fourier": fourier_map(width, features=features, seed=seed, **told),
                            "Nystrom": nystrom_map(x[chosen], **told),
                        }
                        for name, one in maps.items():
                            drawn[name].append(feature_divergence(one.map(x), LABELS, alpha=alpha).item() / exact - 1)
                    errors = ", ".join(f"{name} {rms(e):.3f} ({np.mean(e):+.3f})" for name, e in drawn.items())
                    print(f"{kernel} {width} {features} order {alpha:g}: exact {exact:.4f}, {errors}", flush=True)


def ratios() -> None:
    for kernel, function in KERNELS.items():
        for width in (2, 10, 50):
            x = points(width)
            for factor in (0.5, 1.0):
                bandwidth = factor * float(torch.pdist(x).median())
                gram = function(x, bandwidth=bandwidth)
                for alpha in ORDERS:
                    exact = gm.jensen_renyi_divergence(gram, LABELS, alpha=alpha).item()
                    for features in FEATURES:
                        errors: list[list[float]] = [[], []]
                        for seed in range(20):
                            plain = fourier_map(width, bandwidth=bandwidth, features=features, kernel=kernel, seed=seed)
                            other = dataclasses.replace(plain, frequencies=orthogonal(plain.frequencies, seed))
                            for place, one in enumerate((plain, other)):
                                found = feature_divergence(one.map(x), LABELS, alpha=alpha).item()
                                errors[place].append(found - exact)
                        ratio = rms(errors[1]) / rms(errors[0])
                        print(f"{kernel} {width} x {factor} order {alpha:g}, {features}: {ratio:.2f}", flush=True)


if __name__ == "__main__":
    ratios() if sys.argv[1:] == ["orthogonal"] else table()
