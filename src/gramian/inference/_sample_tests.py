"""Tests of whether samples come from one distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from gramian.inference._combination import combined, pvalues
from gramian.inference._divergences import exact_divergences
from gramian.inference._features import check_featured, feature_divergences, feature_error
from gramian.inference._form import Form
from gramian.inference._labellings import labellings
from gramian.inference._pooled import Pooled, pooled_gram, pooled_samples
from gramian.inference._result import ScaleResult, TestResult
from gramian.inference._scales import Scale, check_unused, resolve_scales
from gramian.inference._units import block_size, units_of
from gramian.itl import as_generator
from gramian.itl._counts import checked_count
from gramian.itl._errors import value_fault
from gramian.itl._order import checked_order
from gramian.itl._shapes import ArrayT, Count, Order, Seed
from gramian.itl._spectral_entropy import renyi_entropy

__all__ = ["k_sample_test", "two_sample_test"]

# Points in all up to which the kernels themselves are taken where the caller leaves it open, and features beyond.
_EXACT_COLLISION, _COLLISION_FEATURES = 10_000, 512
_EXACT_SPECTRAL, _SPECTRAL_FEATURES = 1_000, 128
# With features, about as many units are permuted as this, single points where there are fewer than twice as many.
_COLLISION_UNITS, _SPECTRAL_UNITS = 4_096, 1_024


def two_sample_test(
    x: ArrayT,
    y: ArrayT,
    *,
    alpha: Order = 2.0,
    kernel: Any = "gaussian",
    bandwidth: Any = "aggregate",
    permutations: Count = 999,
    weights: Any = None,
    features: Count | None = None,
    balanced: bool = True,
    seed: Seed = None,
) -> TestResult:
    r"""Permutation test of whether two samples come from one distribution, by their Jensen-Rényi divergence.

    .. math:: p = (b + 1) / (B + 1)

    with :math:`b` of the :math:`B` other labellings at or above the observed statistic, ties within rounding counted. The level
    is exact at every size: labellings are compared by one function, bandwidths are read off the pooled sample without
    its labels, and where several are looked at their combination is permuted as a whole. Where there are no more than
    ``permutations`` other labellings, each is taken once.

    Source: [hoyos2022], which takes the plain quantile of the permuted values as threshold; the correction by one, without
    which the level is exceeded, is that of [phipson2010].

    Args:
        x: ``(n, d)``, one point a row. With ``kernel="precomputed"`` the Gram of the pooled sample, ``(n, n)``, or several,
            ``(scales, n, n)``, which are combined.
        y: ``(m, d)``. With ``kernel="precomputed"`` the label of each row of the Gram, ``(n,)``, integers of two values.
        alpha: order, from 0 to ``math.inf``. At order 2 and equal sizes this is the test of the biased MMD with the squared
            kernel. Other orders compute eigenvalues for every labelling.
        kernel: ``"gaussian"``, ``"laplacian"``, ``"linear"``, ``"cosine"``, a function called as ``kernel(points)``, or
            several of these, which are combined; or ``"precomputed"``.
        bandwidth: ``"aggregate"`` for several from below the small distances between points to above the large ones,
            combined; ``"median"``, ``"mean"``, ``"dimension"`` as :func:`gramian.gaussian_kernel`; a number; or several
            numbers, combined.
        permutations: labellings to draw beside the observed one.
        weights: a pair of arrays ``(n,)`` and ``(m,)``, positive, or None for either where all weights are one; one array ``(n,)``
            for a Gram. A weight means the same in both samples and goes with its point: the level is exact where it
            is a function of the point, as a sampling weight is, and not where it tells the samples apart.
        features: number of random Fourier features to put in place of the kernels; even. None takes the kernels up to 10,000
            points in all at order 2 and 512 features beyond, up to 1,000 and 128 features at other orders; always the
            kernels for those without random features.
        balanced: both samples count the same, whatever their sizes; otherwise by their share of the points.
        seed: an integer, a ``torch.Generator`` or None; the global random state is left alone.

    Returns:
        A :class:`gramian.inference.TestResult`; ``statistic, pvalue = result`` unpacks it.

    Raises:
        TypeError: not floating arrays of one kind; a kernel, bandwidth or weights of another type.
        ValueError: shapes that do not fit, empty, not finite; an unknown kernel or rule; weights that are not positive; labels
            of other than two values; all points equal where bandwidths are read off them.

    Differentiation:
        None: results are numbers.

    Cost:
        At order 2 ``n^2 (d + B)`` a scale for ``n`` points in all, in one pass over tiles of the kernels, none of which is
        kept. At other orders eigenvalues for each labelling and scale: ``B n^3``, or ``B (n r^2 + r^3)`` where the Gram has
        rank ``r`` to rounding. With ``m`` features ``n m (d + 1)`` a scale at order 2 and ``n m^2 + B m^3`` at others: of many points
        blocks are permuted, about 4,000 and 1,000 of them.

    Example:
        Four points and four others lie apart: of the 70 ways to split them, this one and its mirror image are extreme.

        >>> import numpy as np
        >>> x = np.arange(4.0)[:, None]
        >>> result = two_sample_test(x, x + 10)
        >>> round(result.pvalue * 70, 9), result.exhaustive
        (2.0, True)
    """
    if isinstance(kernel, str) and kernel == "precomputed":
        pooled = pooled_gram(x, y, weights)
        if pooled.groups != 2:
            remedy = "gramian.k_sample_test takes any number."
            raise value_fault("labels", "two groups", pooled.groups, remedy)
    else:
        pooled = pooled_samples(["x", "y"], [x, y], weights)
    return _tested(pooled, alpha, kernel, bandwidth, permutations, features, balanced, seed)


def k_sample_test(
    *samples: ArrayT,
    alpha: Order = 2.0,
    kernel: Any = "gaussian",
    bandwidth: Any = "aggregate",
    permutations: Count = 999,
    weights: Any = None,
    features: Count | None = None,
    balanced: bool = True,
    seed: Seed = None,
) -> TestResult:
    """Permutation test of whether several samples come from one distribution, by their Jensen-Rényi divergence.

    :func:`gramian.two_sample_test` for any number of samples; with two it is the same test.

    Source: [hoyos2022].

    Args:
        *samples: two or more, each ``(n_i, d)``. With ``kernel="precomputed"`` a Gram ``(n, n)`` or ``(scales, n, n)`` of the pooled
            sample, and labels ``(n,)``, integers of two values or more.
        alpha: order, from 0 to ``math.inf``.
        kernel: as :func:`gramian.two_sample_test`.
        bandwidth: as :func:`gramian.two_sample_test`.
        permutations: labellings to draw beside the observed one.
        weights: one array or None for each sample; one array for a Gram.
        features: number of random features to put in place of the kernels.
        balanced: all samples count the same, whatever their sizes.
        seed: an integer, a ``torch.Generator`` or None.

    Returns:
        A :class:`gramian.inference.TestResult`.

    Raises:
        TypeError, ValueError: as :func:`gramian.two_sample_test`; a single sample or label.

    Differentiation:
        None: results are numbers.

    Cost:
        As :func:`gramian.two_sample_test`, times ``k - 1`` for ``k`` samples.

    Example:
        >>> import numpy as np
        >>> x = np.arange(3.0)[:, None]
        >>> round(k_sample_test(x, x + 10, x + 20, seed=0, permutations=1679).pvalue * 1680, 9)  # six ways to name three groups
        6.0
    """
    if isinstance(kernel, str) and kernel == "precomputed":
        if len(samples) != 2:
            remedy = "Pass k_sample_test(gram, labels, kernel='precomputed')."
            raise value_fault("samples", "a Gram and labels for kernel='precomputed'", f"{len(samples)} arrays", remedy)
        pooled = pooled_gram(samples[0], samples[1], weights)
    else:
        pooled = pooled_samples([f"samples[{i}]" for i in range(len(samples))], samples, weights)
    return _tested(pooled, alpha, kernel, bandwidth, permutations, features, balanced, seed)


def _tested(
    pooled: Pooled,
    alpha: Order,
    kernel: Any,
    bandwidth: Any,
    permutations: Count,
    features: Count | None,
    balanced: bool,
    seed: Seed,
) -> TestResult:
    form = Form(checked_order(alpha), balanced, pooled.eps)
    remedy = "999 is usual: the smallest p-value is 1 / (permutations + 1)."
    count = checked_count("permutations", permutations, 1, remedy)
    generator = as_generator(seed)
    if pooled.given:
        check_unused(bandwidth)
        scales: tuple[Scale, ...] = (Scale("precomputed", None),) * len(pooled.grams)
    else:
        scales = resolve_scales(kernel, bandwidth, pooled.points)
    width = _feature_count(pooled, scales, form, features)
    if width is None:
        table, exhaustive = labellings(pooled.sizes, count, generator)
        divergences, eps = exact_divergences(pooled, scales, table, form)
        error, block = None, 1
    else:
        block = block_size(pooled.sizes, _COLLISION_UNITS if form.alpha == 2 else _SPECTRAL_UNITS)
        units = units_of(pooled.sizes, block, generator)
        table, exhaustive = labellings(units.sizes, count, generator)
        draw = int(torch.randint(2**31, (), generator=generator, device=generator.device))
        divergences, eps = feature_divergences(pooled, scales, table, units, form, width, draw)
        error = feature_error(pooled, scales, form, width, draw)
    statistics = combined(divergences, eps, pooled.n)
    own = pvalues(divergences, eps, pooled.n)
    expected, spread = divergences.mean(-1), divergences.std(-1, correction=0)
    told = spread > 0
    best = int(torch.where(told, (divergences[:, 0] - expected) / torch.where(told, spread, 1.0), -torch.inf).argmax())
    entropy = _label_entropy(pooled, form)
    rows = tuple(
        ScaleResult(
            kernel=scale.name,
            bandwidth=scale.bandwidth,
            divergence=float(values[0]),
            expected=float(mean),
            effect=float((values[0] - mean) / (entropy - mean)),
            pvalue=float(p),
        )
        for scale, values, mean, p in zip(scales, divergences, expected, own, strict=True)
    )
    return TestResult(
        statistic=float(statistics[0]),
        pvalue=float(pvalues(statistics, eps, pooled.n)),
        null_distribution=pooled.restore(statistics[1:]),
        divergence=rows[best].divergence,
        effect=rows[best].effect,
        label_entropy=entropy,
        bandwidth=rows[best].bandwidth,
        kernel=rows[best].kernel,
        alpha=form.alpha,
        sizes=pooled.sizes,
        scales=rows,
        method="exact" if width is None else "features",
        features=width,
        feature_error=error,
        block=block,
        exhaustive=exhaustive,
    )


def _label_entropy(pooled: Pooled, form: Form) -> float:
    if form.balanced:
        return math.log(pooled.groups)
    shares = torch.stack([part.sum() for part in pooled.weights.split(list(pooled.sizes))]) / pooled.weights.sum()
    return float(renyi_entropy(shares, form.alpha, 0.0))


def _feature_count(pooled: Pooled, scales: Sequence[Scale], form: Form, features: Count | None) -> int | None:
    """How many features to put in place of the kernels; None to take the kernels themselves."""
    if features is not None:
        check_featured(scales)
        return checked_count("features", features, 2, "512 is usual at order 2, 128 at other orders.")
    if any(scale.bandwidth is None for scale in scales):
        return None
    if form.alpha == 2:
        return None if pooled.n <= _EXACT_COLLISION else _COLLISION_FEATURES
    return None if pooled.n <= _EXACT_SPECTRAL else _SPECTRAL_FEATURES
