"""How far spectra and divergences of samples are from those of the Gaussian populations that they were drawn from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

import gramian as gm
from gramian.itl import gaussian_operator_divergence, gaussian_operator_spectrum, spectral_entropy

SIZES = (50, 100, 200, 400, 800, 1600, 3200, 6400)


@dataclass(frozen=True)
class Population:
    """Gaussian data with independent coordinates, under a Gaussian kernel."""

    variances: tuple[float, ...]
    bandwidth: float

    @property
    def spectrum(self) -> np.ndarray:
        return gaussian_operator_spectrum(np.array(self.variances), bandwidth=self.bandwidth, tail=1e-7)

    def spread(self) -> float:
        """Root of n times the mean squared error of the operator in Hilbert-Schmidt norm, which bounds that of the spectrum."""
        return math.sqrt(1 - float((self.spectrum**2).sum()))


@dataclass(frozen=True)
class Pair:
    """Two Gaussian populations with independent coordinates, in equal shares, under a Gaussian kernel."""

    means: tuple[tuple[float, ...], tuple[float, ...]]
    variances: tuple[tuple[float, ...], tuple[float, ...]]
    bandwidth: float

    def divergence(self, alpha: float) -> float:
        """Of the population: closed form at integer orders, by quadrature in one dimension at others."""
        if alpha != int(alpha):
            return self._by_quadrature(alpha)
        covariances = np.stack([np.diag(variances) for variances in self.variances])
        return float(
            gaussian_operator_divergence(np.array(self.means), covariances, bandwidth=self.bandwidth, alpha=alpha)
        )

    def _by_quadrature(self, alpha: float, nodes: int = 150) -> float:
        at, weight = np.polynomial.hermite_e.hermegauss(nodes)
        (first,), (second,) = self.means
        points = np.concatenate(
            [first + math.sqrt(self.variances[0][0]) * at, second + math.sqrt(self.variances[1][0]) * at]
        )
        root = np.sqrt(np.concatenate([weight, weight]) / (2 * weight.sum()))
        operator = gm.gaussian_kernel(points[:, None], bandwidth=self.bandwidth) * root[:, None] * root
        labels = np.arange(2).repeat(nodes)
        return float(gm.jensen_renyi_divergence(operator, labels, alpha=alpha, balanced=True))


POPULATIONS = {
    "d = 1": Population((1.0,), 1.0),
    "d = 2": Population((1.0, 0.5), 1.0),
    "d = 5": Population((1.0,) * 5, 2.0),
}
PAIRS = {
    "shifted mean, d = 1": (Pair(((0.0,), (1.0,)), ((1.0,), (1.0,)), 1.0), (1.01, 2.0, 5.0)),
    "doubled deviation, d = 1": (Pair(((0.0,), (0.0,)), ((1.0,), (4.0,)), 1.0), (2.0,)),
    "shifted mean, d = 10": (Pair(((0.0,) * 10, (0.5,) * 10), ((1.0,) * 10, (1.0,) * 10), 4.0), (2.0,)),
    "equal populations, d = 1": (Pair(((0.0,), (0.0,)), ((1.0,), (1.0,)), 1.0), (2.0,)),
}


def repetitions(n: int, most: int) -> int:
    """Fewer where one takes long: their error is smaller."""
    return max(10, min(most, most * 1600 // n))


def spectrum_errors(population: Population, n: int, count: int, seed: tuple[int, ...]) -> list[float]:
    """Euclidean distances of the ordered Gram spectra of samples from the operator's."""
    exact = population.spectrum
    errors = []
    for repetition in range(count):
        gram = gm.gaussian_kernel(
            _draw((0.0,), population.variances, n, (*seed, n, repetition)), bandwidth=population.bandwidth
        )
        measured = gm.spectrum(gram)
        gap = np.zeros(max(n, len(exact)))
        gap[:n] = measured
        gap[: len(exact)] -= exact
        errors.append(float(np.linalg.norm(gap)))
    return errors


def divergence_errors(
    pair: Pair, orders: tuple[float, ...], n: int, count: int, seed: tuple[int, ...]
) -> dict[float, list[float]]:
    """Divergences of samples, half of n from either population, less the population's; by order."""
    exact = {alpha: pair.divergence(alpha) for alpha in orders}
    errors: dict[float, list[float]] = {alpha: [] for alpha in orders}
    labels = np.arange(2).repeat(n // 2)
    for repetition in range(count):
        halves = [
            _draw(mean, variances, n // 2, (*seed, n, repetition, side))
            for side, (mean, variances) in enumerate(zip(pair.means, pair.variances, strict=True))
        ]
        gram = gm.gaussian_kernel(np.concatenate(halves), bandwidth=pair.bandwidth)
        others = [alpha for alpha in orders if alpha != 2]
        measured = spectra_divergences(gram, others) if others else {}
        if 2.0 in orders:
            measured[2.0] = float(gm.jensen_renyi_divergence(gram, labels, alpha=2.0))
        for alpha in orders:
            errors[alpha].append(measured[alpha] - exact[alpha])
    return errors


def spectra_divergences(gram: np.ndarray, orders: list[float]) -> dict[float, float]:
    """`jensen_renyi_divergence` of two equal halves at several orders, from one decomposition."""
    half = len(gram) // 2
    pooled = gm.spectrum(gram)
    within = np.concatenate([gm.spectrum(gram[:half, :half]), gm.spectrum(gram[half:, half:])]) / 2
    return {
        alpha: float(spectral_entropy(pooled, alpha=alpha) - spectral_entropy(within, alpha=alpha)) + math.log(2)
        for alpha in orders
    }


def root_mean_square(errors: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


def slope(sizes: list[int] | tuple[int, ...], errors: list[float]) -> float:
    """Of the error over the size, both in logarithms, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def _draw(mean: tuple[float, ...], variances: tuple[float, ...], n: int, seed: tuple[int, ...]) -> np.ndarray:
    noise = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed))).normal(size=(n, len(variances)))
    return np.array(mean) + noise * np.sqrt(variances)
