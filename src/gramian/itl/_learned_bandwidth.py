"""A bandwidth learned from labelled samples: the one at which the groups stand out most from shuffled ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gramian.itl._arrays import convert, same_kind, spectral_dtype
from gramian.itl._bandwidth_scales import bandwidth_by_rule, bandwidth_grid
from gramian.itl._bandwidths import checked_length
from gramian.itl._counts import checked_count
from gramian.itl._divergence import block_entropy, check_placement, gram_divergence
from gramian.itl._errors import value_fault
from gramian.itl._feature_divergence import divergence_of_rows
from gramian.itl._feature_maps import checked_kernel
from gramian.itl._fourier import fourier_map
from gramian.itl._golden_section import golden_maximum
from gramian.itl._kernels import gaussian_kernel, laplacian_kernel
from gramian.itl._labels import checked_labels, groups_of
from gramian.itl._order import checked_order
from gramian.itl._randomness import as_generator
from gramian.itl._shapes import ArrayT, Bandwidth, Count, Float, Int, Kernel, Order, Seed

__all__ = ["learn_bandwidth"]

_KERNELS = {"gaussian": gaussian_kernel, "laplacian": laplacian_kernel}
# Differences of entropies below this are rounding: at a vanishing bandwidth all labellings have the same divergence.
_ROUNDING = 1e-12
_DOUBLINGS = 20


def learn_bandwidth(
    x: ArrayT,
    labels: ArrayT,
    *,
    alpha: Order = 1.01,
    balanced: bool = True,
    kernel: Kernel = "gaussian",
    features: Count | None = None,
    start: Bandwidth = "grid",
    steps: Count = 12,
    permutations: Count = 20,
    seed: Seed = None,
) -> float:
    r"""The bandwidth at which the divergence of groups stands out most from that of shuffled groups, positive.

    .. math:: \hat\sigma = \operatorname{argmax}_\sigma \frac{D_\sigma(L) - \operatorname{mean}_P D_\sigma(PL)}
        {\operatorname{std}_P D_\sigma(PL)}

    The divergence itself cannot be maximised: as the bandwidth vanishes every Gram becomes the identity and the divergence of
    any groups the entropy of their labels, shuffled groups included. The ratio is what decides a permutation test, so its
    maximum is the bandwidth of the largest power, as far as one sample can tell. The same permutations serve every bandwidth.

    **Test on other samples than these.** A bandwidth learned from the labels of the sample under test makes the test reject
    too often.

    Source: [hoyos2022] chooses the bandwidth by validation among ten multiples of the median distance. Later code by its
    authors maximises the numerator alone over fresh permutations, without the standard deviation, which favours
    bandwidths too small: figures in docs/design/convergence.md.

    Args:
        x: ``(n, d)``, one point a row: all groups together.
        labels: ``(n,)``, integers, two groups or more.
        alpha: order, from 0 to ``math.inf``.
        balanced: give every group the same share, as :func:`gramian.jensen_renyi_divergence`.
        kernel: ``"gaussian"`` or ``"laplacian"``.
        features: number of random Fourier features that stand for the kernel; the exact Gram if None.
        start: ``"grid"`` to begin with the best of :func:`gramian.itl.bandwidth_grid`, which finds the scale where the
            median is far from it; or a rule of :func:`gramian.itl.bandwidth_by_rule` or a number, to climb from there in steps of a
            factor of two.
        steps: number of bandwidths tried then, by golden section between the neighbours; 12 leave a thousandth of
            the range.
        permutations: number of shuffled labellings, at least 2.
        seed: an integer, a ``torch.Generator`` or None; the global random state is left alone.

    Returns:
        The bandwidth, in the unit of the points.

    Raises:
        TypeError: not a floating array, labels that are not integers or of another kind, numbers of another kind.
        ValueError: other than two axes, labels of another length or a single group, all points equal, an unknown kernel or
            start, numbers out of range.

    Cost:
        About ``(10 + steps) (permutations + 1)`` divergences. At ``n = 500`` that is seconds at order 2 and a minute at others; with
        features the cost grows with ``n``, not its cube.

    Example:
        Two pairs of close points: what tells the groups is the distance inside a pair.

        >>> import numpy as np
        >>> x = np.array([[0.0], [0.1], [9.0], [9.1]] * 5) + 0.001 * np.arange(20.0)[:, None]
        >>> learn_bandwidth(x, np.array([0, 1, 0, 1] * 5), alpha=2, seed=0) < 1
        True
    """
    order = checked_order(alpha)
    tries = checked_count("steps", steps, 0, "Twelve are usual.")
    shuffles = checked_count("permutations", permutations, 2, "Twenty are usual.")
    name = checked_kernel(kernel)
    converted = convert(["x"], [x])
    (points,) = converted.tensors
    if points.ndim != 2:
        raise value_fault("x", "points (n, d)", f"shape {tuple(points.shape)}", "One point a row, no batch axes.")
    assigned = checked_labels(labels)
    same_kind("x", x, "labels", labels)
    check_placement(assigned, points, name="x")
    if len(assigned.unique()) < 2:
        raise value_fault("labels", "at least two groups", "a single group", "One group has nothing to differ from.")
    generator = as_generator(seed)
    draws = [torch.randperm(len(points), generator=generator, device=generator.device) for _ in range(shuffles)]
    shuffled = assigned[torch.stack(draws).to(assigned.device)]
    labellings = torch.cat([assigned.unsqueeze(0), shuffled])
    frequencies = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    points = points.detach().to(spectral_dtype(points))

    def contrast(bandwidth: float) -> float:
        if features is None:
            gram = _KERNELS[name](points, bandwidth=bandwidth)
            values = _of_gram(gram, labellings, order, balanced, converted.eps)
        else:
            made = fourier_map(points.shape[1], bandwidth=bandwidth, features=features, kernel=name, seed=frequencies)
            rows = made.map(points)
            values = [divergence_of_rows(rows, one, order, balanced, converted.eps) for one in labellings]
        null = torch.stack(values[1:])
        return float((values[0] - null.mean()) / (null.std() + _ROUNDING))

    with torch.no_grad():
        return golden_maximum(contrast, *_bracketed(contrast, points, start), tries)


def _of_gram(
    gram: Float[Tensor, "n n"], labellings: Int[Tensor, "p n"], alpha: float, balanced: bool, eps: float
) -> list[Tensor]:
    """Divergences of the labellings, but for a constant that they share."""
    groups = [groups_of(one) for one in labellings]
    if not balanced or len({len(group) for group in groups[0]}) == 1:
        return [-block_entropy(gram, members, alpha, eps, "x") for members in groups]  # the diagonal is one
    return [gram_divergence(gram, one, alpha, balanced, name="x", eps=eps) for one in labellings]


def _bracketed(
    contrast: Callable[[float], float], points: Float[Tensor, "n d"], start: Bandwidth
) -> tuple[float, float, float, float]:
    """A bandwidth, its contrast, and two on its sides between which to search."""
    if isinstance(start, str) and start == "grid":
        grid = bandwidth_grid(points)
        values = [contrast(bandwidth) for bandwidth in grid]
        best = values.index(max(values))
        return grid[best], values[best], grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    if isinstance(start, str) and start not in ("median", "mean", "dimension"):
        rule = "grid, median, mean, dimension or a number"
        raise value_fault("start", rule, repr(start), "The default, grid, looks at every scale.")
    at = bandwidth_by_rule(points, rule=start) if isinstance(start, str) else float(checked_length(start))
    value = contrast(at)
    below, above = contrast(at / 2), contrast(at * 2)
    factor, ahead = (2.0, above) if above > below else (0.5, below)
    for _ in range(_DOUBLINGS):
        if ahead <= value:
            break
        at, value = at * factor, ahead
        ahead = contrast(at * factor)
    return at, value, at / 2, at * 2
