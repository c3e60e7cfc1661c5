"""Alignment: how far apart the two views of a prompt are."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ._inputs import ArrayT, precise, read_pair, unit_rows
from ._keyed_rows import ViewRows
from ._measure import measure
from ._small_samples import few, warn_if_small


def _value(a: Tensor, b: Tensor) -> Tensor:
    u, v = unit_rows("view_a", precise(a)), unit_rows("view_b", precise(b))
    return (u - v).square().sum(-1).mean(-1)


def _finish(statistic: ViewRows) -> float:
    return float(_value(*statistic.pair))


def _minimum(statistic: Any) -> str | None:
    return few(statistic.count, 10, "prompts")


@measure(
    needs="view_pair",
    unit="none",
    bounds="[0, 4]",
    invariances=("scale", "rotation", "permutation", "row_scale"),
    source="wang2020",
    summary="High: augmentation moves a prompt far. 0: both views have the same direction.",
    statistic=ViewRows,
    finish=_finish,
    minimum=_minimum,
)
def alignment(view_a: ArrayT, view_b: ArrayT) -> ArrayT:
    r"""Mean squared distance of the two views on the unit sphere, without unit, within ``[0, 4]``.

    .. math:: \frac1N \sum_i \|u_i - v_i\|^2

    Source: [wang2020], the alignment loss with exponent 2; low is good by its authors' reading.

    Args:
        view_a: `(..., N, d)`, row i a view of prompt i.
        view_b: `(..., N, d)`, row i another view of prompt i.

    Returns:
        `(...,)`.

    Raises:
        ValueError: shapes that differ, a zero vector, NaN or infinity.
        TypeError: integers, NumPy mixed with torch.

    Warns:
        SmallSampleWarning: fewer than 10 prompts.

    Differentiation: smooth.

    Cost: O(N d).

    >>> import numpy as np, warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     float(alignment(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[3.0, 0.0], [1.0, 0.0]])))    # 0 and 2
    1.0
    """
    a, b, restore = read_pair(("view_a", "view_b"), view_a, view_b)
    value = _value(a, b)
    warn_if_small("alignment", few(a.shape[-2], 10, "prompts"))
    return restore(value)
