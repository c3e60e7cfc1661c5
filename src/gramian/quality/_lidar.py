"""LiDAR: how many directions tell prompts apart, measured against how much augmentation moves them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gramian.itl import feature_spectrum, spectral_entropy

from ._inputs import ArrayT, check_count, check_positive, listed, precise, read
from ._measure import measure
from ._small_samples import few, fewer_prompts_than_dimensions, warn_if_small
from ._spectra import centred, matrix_spectrum
from ._view_scatter import ViewScatter

_ENOUGH_VIEWS = 10


def _read(views: ArrayT, delta: float) -> tuple[Tensor, Callable[[Tensor], ArrayT]]:
    check_positive("delta", delta)
    (x,), restore = read(("views",), views, axes="N q d")
    _check_sizes(x.shape[-3], x.shape[-2])
    return precise(x), restore


def _check_sizes(count: int, views: int) -> None:
    check_count("views", count, 2, "prompts")
    check_count("views", views, 2, "views a prompt")


def _spectrum(x: Tensor, delta: float) -> Tensor:
    """`(..., N, q, d)` -> eigenvalues of S_w^-1/2 S_b S_w^-1/2, summing to one, descending."""
    prompts, views, d = x.shape[-3:]
    means = x.mean(-2)
    spread = centred("views", means)
    within = (x - means[..., None, :]).flatten(-3, -2)
    if prompts * views < d:
        # Outside the span of the data S_b vanishes and S_w is delta I, so coordinates within the span lose nothing. The
        # basis is held fixed: leaving the span changes a non-zero eigenvalue only to second order, so gradients are
        # exact too.
        basis = torch.linalg.qr(torch.cat([within, spread], -2).detach().mT)[0]
        spread, within = spread @ basis, within @ basis
    scatter = within.mT @ within / (prompts * views)
    return _whitened_spectrum(spread, scatter, delta)


def _whitened_spectrum(spread: Tensor, within: Tensor, delta: float) -> Tensor:
    # With S_w = L L^T and S_b = B^T B / N, the eigenvalues are the squared singular values of B L^-T; 1 / N cancels.
    factor = _factor(within, delta)
    whitened: Tensor = torch.linalg.solve_triangular(factor, spread.mT, upper=False).mT
    return feature_spectrum(whitened, center=False)


def _factor(within: Tensor, delta: float) -> Tensor:
    if not bool(torch.isfinite(within).all()):
        raise ValueError(
            "views: expected deviations from the prompt means whose squares stay in range; got an overflow. "
            "Rescale the views, and delta by the square of the same factor."
        )
    ridge = delta * torch.eye(within.shape[-1], dtype=within.dtype, device=within.device)
    factor: Tensor
    factor, failed = torch.linalg.cholesky_ex(within + ridge)
    if bool((failed != 0).any()):
        raise ValueError(
            f"delta: expected a ridge that keeps the within-prompt scatter positive; got {delta} in sample(s) "
            f"{listed(failed != 0)}. Raise delta, or rescale the views."
        )
    return factor


def _statistic_spectrum(statistic: ViewScatter, delta: float) -> Tensor:
    check_positive("delta", delta)
    _check_sizes(statistic.count, statistic.views)

    def compute() -> Tensor:
        if not statistic.folded:
            return _spectrum(precise(statistic.rows()), delta)
        means = statistic.means
        if not means.folded:
            return _whitened_spectrum(centred("views", means.rows()), statistic.within, delta)
        means.check_spread()
        factor = _factor(statistic.within, delta)
        half = torch.linalg.solve_triangular(factor, means.scatter, upper=False)
        return matrix_spectrum(torch.linalg.solve_triangular(factor, half.mT, upper=False))

    return statistic.cached_spectrum(delta, compute)


def _finish_entropy(statistic: ViewScatter, *, delta: float = 1e-4) -> float:
    return float(spectral_entropy(_statistic_spectrum(statistic, delta), alpha=1.0))


def _finish(statistic: ViewScatter, *, delta: float = 1e-4) -> float:
    return float(spectral_entropy(_statistic_spectrum(statistic, delta), alpha=1.0).exp())


def _too_small(count: int, views: int, width: int) -> str | None:
    return few(views, _ENOUGH_VIEWS, "views a prompt") or fewer_prompts_than_dimensions(count, width)


def _minimum(statistic: Any) -> str | None:
    return _too_small(statistic.count, statistic.views, statistic.width)


@measure(
    needs="views",
    unit="dimensions",
    bounds="[1, min(N - 1, d)]",
    invariances=("rotation", "translation", "permutation"),
    source="thilak2024",
    summary="High: many directions separate prompts beyond what augmentation blurs.",
    statistic=ViewScatter,
    finish=_finish,
    minimum=_minimum,
)
def lidar(views: ArrayT, *, delta: float = 1e-4) -> ArrayT:
    r"""LiDAR, the exponential of `lidar_entropy`, in dimensions, within ``[1, min(N - 1, d)]``.

    .. math::
        \exp\Big(-\sum_i p_i \log p_i\Big), \quad p = \lambda / \sum \lambda, \quad
        \lambda = \operatorname{eig}(S_w^{-1/2} S_b S_w^{-1/2})

    Source: [thilak2024]. Code that reports the entropy under the name LiDAR reports `lidar_entropy`.

    Args, raises, warnings, differentiation and cost: those of `lidar_entropy`.

    >>> import numpy as np, warnings
    >>> means = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> blur = np.array([[0.1, 0.1], [-0.1, -0.1], [0.1, -0.1], [-0.1, 0.1]])
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")    # four prompts, four views
    ...     bool(np.isclose(lidar(means[:, None] + blur), 2))
    True
    """
    x, restore = _read(views, delta)
    value = spectral_entropy(_spectrum(x, delta), alpha=1.0).exp()
    warn_if_small("lidar", _too_small(*x.shape[-3:]))
    return restore(value)


@measure(
    needs="views",
    unit="nats",
    bounds="[0, log min(N - 1, d)]",
    invariances=("rotation", "translation", "permutation"),
    source="thilak2024",
    summary="High: many directions separate prompts beyond what augmentation blurs. The log of lidar.",
    statistic=ViewScatter,
    finish=_finish_entropy,
    minimum=_minimum,
)
def lidar_entropy(views: ArrayT, *, delta: float = 1e-4) -> ArrayT:
    r"""Entropy of between-prompt scatter whitened by within-prompt scatter, in nats, within ``[0, log min(N - 1, d)]``.

    .. math::
        -\sum_i p_i \log p_i, \quad p = \lambda / \sum \lambda, \quad
        \lambda = \operatorname{eig}(S_w^{-1/2} S_b S_w^{-1/2})

        S_b = \tfrac1N \sum_i (\mu_i - \mu)(\mu_i - \mu)^T, \quad
        S_w = \tfrac1{Nq} \sum_{ij} (x_{ij} - \mu_i)(x_{ij} - \mu_i)^T + \delta I

    Source: [thilak2024], the entropy before the exponential. `delta` has the units of squared embeddings:
    the measure is not invariant to their scale.

    Args:
        views: `(..., N, q, d)`, q augmented views of each of N prompts.
        delta: ridge added to the within-prompt scatter, above 0.

    Returns:
        `(...,)`.

    Raises:
        ValueError: fewer than two prompts or two views, equal prompt means, `delta` not above 0, NaN or infinity.
        TypeError: integers, or neither NumPy nor torch.

    Warns:
        SmallSampleWarning: fewer than 10 views a prompt, or fewer prompts than dimensions.

    Differentiation: smooth where the whitened scatter keeps its rank.

    Cost: O(N q d m + m^3), m = min(d, N (q + 1)), in float64.

    >>> import numpy as np, warnings
    >>> means = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> blur = np.array([[0.1, 0.1], [-0.1, -0.1], [0.1, -0.1], [-0.1, 0.1]])
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")    # four prompts, four views
    ...     bool(np.isclose(lidar_entropy(means[:, None] + blur), np.log(2)))
    True
    """
    x, restore = _read(views, delta)
    value = spectral_entropy(_spectrum(x, delta), alpha=1.0)
    warn_if_small("lidar_entropy", _too_small(*x.shape[-3:]))
    return restore(value)
