"""DiME between two views: how much of one view's geometry the other predicts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gramian.itl import cosine_kernel, dime

from ._inputs import ArrayT, check_count, precise, read_pair, unit_rows
from ._keyed_rows import ViewRows
from ._measure import measure
from ._small_samples import few, warn_if_small

Seed = int | torch.Generator | None


def _value(a: Tensor, b: Tensor, alpha: float, permutations: int, seed: Seed) -> Tensor:
    check_count("view_a", a.shape[-2], 2, "prompts")
    u, v = unit_rows("view_a", precise(a)), unit_rows("view_b", precise(b))
    # Always N x N: a Hadamard product of d x d matrices is another quantity.
    return dime(cosine_kernel(u), cosine_kernel(v), alpha=alpha, permutations=permutations, seed=seed)


def _finish(statistic: ViewRows, *, alpha: float = 1.01, permutations: int = 5, seed: Seed = 0) -> float:
    return float(_value(*statistic.pair, alpha, permutations, seed))


def _minimum(statistic: Any) -> str | None:
    return few(statistic.count, 10, "prompts")


@measure(
    needs="view_pair",
    unit="nats",
    bounds="[-log N, log N]",
    invariances=("scale", "rotation", "row_scale"),
    source="skean2023",
    summary="High: two views of a prompt lie alike among the others. 0: pairing views at random changes nothing.",
    statistic=ViewRows,
    finish=_finish,
    minimum=_minimum,
)
def augmentation_dime(
    view_a: ArrayT, view_b: ArrayT, *, alpha: float = 1.01, permutations: int = 5, seed: Seed = 0
) -> ArrayT:
    r"""Difference of matrix entropies between two views, in nats, within ``[-log N, log N]``.

    .. math:: E_P[S_\alpha(K_A \circ P K_B P^T)] - S_\alpha(K_A \circ K_B)

    with the cosine kernel and `permutations` random permutations P; 0 is expected without dependence.

    Source: [skean2023], the difference of matrix-based entropies. The released layer-wise code takes uncentred linear
    kernels, and d x d covariances when N > d, whose Hadamard product is not that of the Gram matrices; here Grams are
    always N x N and of unit diagonal.

    Args:
        view_a: `(..., N, d)`, row i a view of prompt i.
        view_b: `(..., N, d)`, row i another view of prompt i.
        alpha: order, from 0 to infinity.
        permutations: random permutations to average over, at least 1.
        seed: int, `torch.Generator` or None.

    Returns:
        `(...,)`.

    Raises:
        ValueError: shapes that differ, fewer than two prompts, a zero vector, `permutations` below 1, NaN or infinity.
        TypeError: integers, NumPy mixed with torch.

    Warns:
        SmallSampleWarning: fewer than 10 prompts.

    Differentiation: as `matrix_entropy`; the permutations are held fixed.

    Cost: O(N^2 d) and `permutations` + 1 spectra of N x N; the accumulator keeps a bounded sample of prompts. A
    permutation of the prompts draws other pairings, so it changes the value within the sampling error.

    >>> import numpy as np, warnings
    >>> same = np.ones((4, 2))
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     bool(np.isclose(augmentation_dime(same, same), 0))
    True
    """
    a, b, restore = read_pair(("view_a", "view_b"), view_a, view_b)
    value = _value(a, b, alpha, permutations, seed)
    warn_if_small("augmentation_dime", few(a.shape[-2], 10, "prompts"))
    return restore(value)
