"""The bandwidths at which DiME sees most dependence."""

from __future__ import annotations

import torch

from gramian.itl._arrays import convert, spectral_dtype
from gramian.itl._bandwidth_scales import bandwidth_by_rule
from gramian.itl._counts import checked_count
from gramian.itl._dime import dime
from gramian.itl._errors import value_fault
from gramian.itl._feature_maps import checked_kernel
from gramian.itl._golden_section import golden_maximum
from gramian.itl._kernels import gaussian_kernel, laplacian_kernel
from gramian.itl._randomness import as_generator
from gramian.itl._shapes import ArrayT, Count, Name, Order, Seed

__all__ = ["select_bandwidth"]

_KERNELS = {"gaussian": gaussian_kernel, "laplacian": laplacian_kernel}
# Multiples of the median distance to look at first: from well inside a sample's nearest neighbours to beyond its width.
_FACTORS = tuple(2.0**power for power in range(-5, 6))


def select_bandwidth(
    x: ArrayT,
    y: ArrayT,
    *,
    alpha: Order = 1.01,
    kernel: Name = "gaussian",
    permutations: Count = 5,
    rank: Count | None = None,
    steps: Count = 10,
    seed: Seed = None,
) -> tuple[float, float]:
    r"""The bandwidths at which DiME of two views is largest, in the units of their points, positive.

    .. math:: \hat c = \operatorname{argmax}_c \operatorname{DiME}_\alpha(K_{c \sigma_x}, K_{c \sigma_y})

    with :math:`\sigma` the median distances. DiME vanishes at both ends, where Grams become constant or the identity, so it
    chooses its own bandwidth; mutual information grows without end as the bandwidth falls and cannot. One factor serves both
    views: two of them would be a search in two dimensions for little. The same permutations serve every factor.

    Source: [skean2023], where the bandwidth follows the gradient of DiME.

    Args:
        x: ``(n, d)``, one point a row.
        y: ``(n, e)``; row i of both is one pair.
        alpha: order of DiME, from 0 to ``math.inf``.
        kernel: ``"gaussian"`` or ``"laplacian"``.
        permutations: sampled permutations of DiME.
        rank: leading eigenvalues of DiME, for thousands of points, as in :func:`gramian.dime`.
        steps: factors to try by golden section beside the best of eleven powers of two; 10 leave a hundredth of it.
        seed: an integer, a ``torch.Generator`` or None; the global random state is left alone.

    Returns:
        Bandwidth of x, bandwidth of y.

    Raises:
        TypeError, ValueError: as :func:`gramian.dime` and :func:`gramian.itl.bandwidth_by_rule`; also other than two axes
            or numbers of points that differ.

    Cost:
        ``11 + steps`` DiMEs.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 2))
        >>> wide, narrow = select_bandwidth(x, x / 10, alpha=2, seed=0)
        >>> round(wide / narrow, 6)
        10.0
    """
    tries = checked_count("steps", steps, 0, "Ten are usual.")
    make = _KERNELS[checked_kernel(kernel)]
    left, right = convert(["x", "y"], [x, y]).tensors
    for name, points in (("x", left), ("y", right)):
        if points.ndim != 2:
            raise value_fault(name, "points (n, d)", f"shape {tuple(points.shape)}", "One point a row, no batch axes.")
        if bool((points == points[:1]).all()):
            raise value_fault(name, "at least two different points", "all points equal", "They share nothing.")
    if len(left) != len(right):
        raise value_fault("y", f"as many points as x, {len(left)}", len(right), "Row i of both is one pair.")
    generator = as_generator(seed)
    draws = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    views = [points.detach().to(spectral_dtype(points)) for points in (left, right)]
    lengths = [bandwidth_by_rule(points) for points in views]

    def value(factor: float) -> float:
        grams = [make(points, bandwidth=factor * length) for points, length in zip(views, lengths, strict=True)]
        return float(dime(*grams, alpha=alpha, permutations=permutations, rank=rank, seed=draws))

    with torch.no_grad():
        values = [value(factor) for factor in _FACTORS]
        best = values.index(max(values))
        low, high = _FACTORS[max(best - 1, 0)], _FACTORS[min(best + 1, len(_FACTORS) - 1)]
        factor = golden_maximum(value, _FACTORS[best], values[best], low, high, tries)
    return factor * lengths[0], factor * lengths[1]
