"""Anisotropy: how much all embeddings point the same way."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ._inputs import ArrayT, check_count, precise, read, unit_rows
from ._measure import measure
from ._moments import Moments
from ._small_samples import few, warn_if_small


def _of_direction_sum(total: Tensor, count: int) -> Tensor:
    return (total.square().sum(-1) - count) / (count * (count - 1))


def _finish(statistic: Moments) -> float:
    check_count("embeddings", statistic.count, 2, "prompts")
    total, zero_rows = statistic.direction_sum
    if zero_rows:
        raise ValueError(
            f"embeddings: expected vectors with a direction; got {zero_rows} zero vector(s). Leave them out."
        )
    return float(_of_direction_sum(total, statistic.count))


def _minimum(statistic: Any) -> str | None:
    return few(statistic.count, 10, "prompts")


@measure(
    needs="embeddings",
    unit="none",
    bounds="[-1 / (N - 1), 1]",
    invariances=("scale", "rotation", "permutation", "row_scale"),
    source="ethayarajh2019",
    summary="High: all embeddings lie in a narrow cone. Near 0: they point in all directions.",
    statistic=Moments,
    finish=_finish,
    minimum=_minimum,
)
def anisotropy(embeddings: ArrayT) -> ArrayT:
    r"""Mean cosine over distinct pairs of embeddings, without unit, within ``[-1 / (N - 1), 1]``.

    .. math:: \frac{1}{N(N-1)} \sum_{i \ne j} u_i \cdot u_j = \frac{\|\sum_i u_i\|^2 - N}{N(N-1)}, \quad u = x / \|x\|

    Source: [ethayarajh2019], average cosine, over all pairs instead of a sample of them.

    Args:
        embeddings: `(..., N, d)`, one row a prompt.

    Returns:
        `(...,)`.

    Raises:
        ValueError: fewer than two rows, a zero vector, NaN or infinity.
        TypeError: integers, or neither NumPy nor torch.

    Warns:
        SmallSampleWarning: fewer than 10 prompts.

    Differentiation: smooth.

    Cost: O(N d).

    >>> import numpy as np
    >>> float(anisotropy(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]])).round(9))    # cosines 1, 0, 0
    0.333333333
    """
    (x,), restore = read(("embeddings",), embeddings, axes="N d")
    count = x.shape[-2]
    check_count("embeddings", count, 2, "prompts")
    value = _of_direction_sum(unit_rows("embeddings", precise(x)).sum(-2), count)
    warn_if_small("anisotropy", few(count, 10, "prompts"))
    return restore(value)
