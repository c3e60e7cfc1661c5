"""The test of whether two views of the same objects are independent."""

from __future__ import annotations

from typing import Any

import torch

from gramian.inference._combination import combined, pvalues
from gramian.inference._independence_entropies import permutation_table, permuted_entropies
from gramian.inference._independence_result import IndependenceResult, PairScaleResult
from gramian.inference._independence_views import given_views, sampled_views
from gramian.itl import as_generator
from gramian.itl._counts import checked_count
from gramian.itl._errors import value_fault
from gramian.itl._krylov import random_start
from gramian.itl._order import checked_order
from gramian.itl._shapes import ArrayT, Count, Order, Seed

__all__ = ["independence_test"]


def independence_test(
    x: ArrayT,
    y: ArrayT,
    *,
    alpha: Order = 2.0,
    kernel: Any = "gaussian",
    bandwidth: Any = "aggregate",
    permutations: Count = 999,
    rank: Count | None = None,
    seed: Seed = None,
) -> IndependenceResult:
    r"""Permutation test of whether two views of the same objects are independent, by their joint entropy.

    .. math:: T(P) = -S_\alpha(K_x \circ P K_y P^\top), \qquad p = (b + 1) / (B + 1)

    with :math:`b` of the :math:`B` other permutations at or above the given pairs, ties within rounding counted. At one bandwidth DiME
    and the matrix mutual information are :math:`T` and a constant: they order permutations alike, and this is the test of
    both. The level is exact at every size: bandwidths are read off each view alone, which permuting its rows does not change, and
    where several are looked at, every one of x with every one of y, their combination is permuted as a whole. Where there are no
    more than ``permutations`` other permutations, each is taken once.

    At order 2 and one bandwidth :math:`e^{T}` orders permutations as HSIC with the squared kernels plus ``2 / n`` times the product of
    their row sums does: how crowded the neighbourhoods of a pair's two points are counts too.

    Source: [skean2023] for the statistic; the correction by one is that of [phipson2010].

    Args:
        x: ``(n, d)``, one point a row, five or more. With ``kernel="precomputed"`` its Gram, ``(n, n)``, or several,
            ``(scales, n, n)``, which are combined.
        y: ``(n, e)``, or its Grams; row i of both is one pair.
        alpha: order, from 0 to ``math.inf``. Other orders than 2 compute eigenvalues for every permutation and pair of scales.
        kernel: ``"gaussian"``, ``"laplacian"``, ``"linear"``, ``"cosine"``, a function called as ``kernel(points)``; a pair of
            these, for x and for y, of which each may be several; or ``"precomputed"``.
        bandwidth: ``"aggregate"`` for five from below the small distances between points to above the large ones, of each view;
            ``"median"``, ``"mean"``, ``"dimension"`` as :func:`gramian.gaussian_kernel`, of each view; a number for both; or
            a pair of these, for x and for y, of which each may be several numbers. A bandwidth selected on the same pairs
            (:func:`gramian.itl.select_bandwidth`) breaks the level: select it on others.
        permutations: how many to draw beside the given pairs.
        rank: number of leading eigenvalues to compute in place of all at orders from 1 on, for hundreds of pairs and more; as in
            :func:`gramian.dime`. The level is as exact.
        seed: an integer, a ``torch.Generator`` or None; the global random state is left alone.

    Returns:
        A :class:`gramian.inference.IndependenceResult`; ``statistic, pvalue = result`` unpacks it.

    Raises:
        TypeError: not floating arrays of one kind; a kernel, bandwidth or count of another type.
        ValueError: shapes that do not fit, other numbers of points, fewer than five, not finite; a view whose points
            are all equal; an unknown kernel or rule; ``rank`` with an order below 1 or with order 2.

    Differentiation:
        None: results are numbers.

    Cost:
        At order 2 ``B n^2`` for each scale of y, and memory for the Grams of all scales of both. At other orders
        ``B n^3`` for each pair of scales; with ``rank``, ``B n^2 rank``.

    Example:
        Five points on a line against themselves: of the 120 orders, the given one and its mirror image keep all distances.

        >>> import numpy as np
        >>> x = np.arange(5.0)[:, None]
        >>> result = independence_test(x, x, bandwidth=1.0)
        >>> round(result.pvalue * 120, 9), result.exhaustive
        (2.0, True)
    """
    order = checked_order(alpha)
    count = checked_count(
        "permutations", permutations, 1, "999 is usual: the smallest p-value is 1 / (permutations + 1)."
    )
    leading = None if rank is None else _checked_rank(rank, order)
    generator = as_generator(seed)
    given = isinstance(kernel, str) and kernel == "precomputed"
    views = given_views(x, y, bandwidth) if given else sampled_views(x, y, kernel, bandwidth)
    table, exhaustive = permutation_table(views.n, count, generator)
    start = None
    if leading is not None and leading < views.n:
        start = random_start(views.n, leading, generator).to(views.x.grams.device)
    entropies, eps = permuted_entropies(views, table, order, start, leading)
    dimes = entropies.mean(-1, keepdim=True) - entropies
    statistics = combined(dimes, eps, views.n)
    spread = dimes.std(-1, correction=0)
    best = int(torch.where(spread > 0, dimes[:, 0] / torch.where(spread > 0, spread, 1.0), -torch.inf).argmax())
    pairs = [(one, other) for one in views.x.scales for other in views.y.scales]
    rows = tuple(
        PairScaleResult(
            kernel=(one.name, other.name),
            bandwidth=(one.bandwidth, other.bandwidth),
            dime=float(values[0]),
            pvalue=float(p),
        )
        for (one, other), values, p in zip(pairs, dimes, pvalues(dimes, eps, views.n), strict=True)
    )
    return IndependenceResult(
        statistic=float(statistics[0]),
        pvalue=float(pvalues(statistics, eps, views.n)),
        null_distribution=views.restore(statistics[1:]),
        dime=rows[best].dime,
        bandwidth=rows[best].bandwidth,
        kernel=rows[best].kernel,
        alpha=order,
        n=views.n,
        scales=rows,
        rank=None if start is None else leading,
        exhaustive=exhaustive,
    )


def _checked_rank(rank: Count, order: float) -> int:
    count = checked_count("rank", rank, 1, "A quarter of the pairs is plenty.")
    if order < 1 or order == 2:
        remedy = "Lower orders weigh the small eigenvalues, and order 2 needs none: leave rank out."
        raise value_fault("rank", "None at orders below 1 and at order 2", rank, remedy)
    return count
