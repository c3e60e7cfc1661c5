"""Variational estimators of Shannon's mutual information, in nats, and the Gaussian pairs on which it is known.

Scores are a critic's: entry (i, j) for x_i with y_j, so that the diagonal is paired and the rest is not. Poole et al. (2019),
Song and Ermon (2020) and Cheng et al. (2020) have the formulas.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

DIMENSION = 20


def correlation(information: float, dimension: int = DIMENSION) -> float:
    """Correlation of every coordinate with its partner at which all of them together share so many nats."""
    return math.sqrt(-math.expm1(-2 * information / dimension))


def correlated_pairs(
    n: int, information: float, *, generator: torch.Generator, cubed: bool = False, dimension: int = DIMENSION
) -> tuple[Tensor, Tensor]:
    """``y = rho x + sqrt(1 - rho^2) e``; with ``cubed`` every coordinate of y to the third power, which leaves the information as it is."""
    rho = correlation(information, dimension)
    x, noise = torch.randn(2, n, dimension, generator=generator)
    y = rho * x + math.sqrt(1 - rho**2) * noise
    return x, y**3 if cubed else y


def log_ratio(x: Tensor, y: Tensor, rho: float) -> Tensor:
    """``log p(y_j | x_i) / p(y_j)`` of correlated Gaussians: the critic that no other betters."""
    misses = (y[None] - rho * x[:, None]).square().sum(-1) / (1 - rho**2)
    return 0.5 * (y.square().sum(-1)[None] - misses - y.shape[1] * math.log(1 - rho**2))


def _apart(scores: Tensor) -> Tensor:
    return scores[~torch.eye(len(scores), dtype=torch.bool)]


def _log_mean_exp_apart(scores: Tensor) -> Tensor:
    apart = _apart(scores)
    return apart.logsumexp(0) - math.log(len(apart))


def infonce(scores: Tensor) -> Tensor:
    """At most ``log n``, whatever the critic."""
    return (scores.diagonal() - scores.logsumexp(1)).mean() + math.log(len(scores))


def nwj(scores: Tensor) -> Tensor:
    """Nguyen, Wainwright and Jordan's bound; best at one plus the log ratio. Its variance grows as the exponential of the information."""
    return scores.diagonal().mean() - (_log_mean_exp_apart(scores) - 1).exp()


def jensen_shannon(scores: Tensor) -> Tensor:
    """The objective whose best critic is the log ratio; no estimate of the information by itself."""
    return -functional.softplus(-scores.diagonal()).mean() - functional.softplus(_apart(scores)).mean()


def smile(scores: Tensor, clip: float = 5.0) -> Tensor:
    """Donsker and Varadhan's bound with the scores of unpaired samples clipped: less variance, and no bound any more."""
    return scores.diagonal().mean() - _log_mean_exp_apart(scores.clamp(-clip, clip))


def club(log_densities: Tensor) -> Tensor:
    """An upper bound where entry (i, j) is ``log p(y_j | x_i)``; with a learned conditional it may lie on either side."""
    return log_densities.diagonal().mean() - log_densities.mean()


class ConcatCritic(nn.Module):
    """A perceptron with two hidden layers on x and y side by side, for all pairs of a batch.

    The first layer of side-by-side inputs is a sum, computed once a sample. With ``half`` the second, which is nearly all the work, is
    multiplied in bfloat16; scores are sums in float32.
    """

    def __init__(self, *, dimension: int = DIMENSION, hidden: int = 256, half: bool = False) -> None:
        super().__init__()
        self.of_x = nn.Linear(dimension, hidden)
        self.of_y = nn.Linear(dimension, hidden, bias=False)
        # As one layer of both would be drawn.
        for layer in (self.of_x, self.of_y):
            nn.init.uniform_(layer.weight, -((2 * dimension) ** -0.5), (2 * dimension) ** -0.5)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, 1)
        self.half = half

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores ``(n, n)``."""
        left, right = self.of_x(x), self.of_y(y)
        weight, bias = self.second.weight, self.second.bias
        if self.half:
            left, right, weight, bias = (value.bfloat16() for value in (left, right, weight, bias))
        first = torch.relu_(left[:, None] + right)
        second = torch.relu_(functional.linear(first.flatten(0, 1), weight, bias))
        scores: Tensor = self.last(second.float())
        return scores.view(len(x), len(y))


class GaussianConditional(nn.Module):
    """``log q(y_j | x_i)`` with mean and variances from perceptrons with two hidden layers; less a constant of y's dimension."""

    def __init__(self, *, dimension: int = DIMENSION, hidden: int = 256) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(dimension, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.mean = nn.Linear(hidden, dimension)
        self.log_variance = nn.Linear(hidden, dimension)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Log densities ``(n, n)``."""
        inside = self.body(x)
        # Bounded as in the reference code.
        log_variance = torch.tanh(self.log_variance(inside))
        misses = (y[None] - self.mean(inside)[:, None]).square() / log_variance.exp()[:, None]
        return -0.5 * (misses + log_variance[:, None]).sum(-1)
