"""Adjacent cosine: how much a block turns each prompt's vector."""

from __future__ import annotations

from typing import Any

import torch

from ._inputs import ArrayT, check_count, precise, read_pair, unit_rows
from ._layer_pair import LayerPair
from ._measure import measure
from ._small_samples import few, warn_if_small


def _finish(statistic: LayerPair) -> float:
    check_count("x", statistic.count, 1, "prompts")
    d, e = statistic.widths
    if d != e:
        raise ValueError(f"y: expected the width of x, {d}; got {e}. A cosine needs vectors of one space.")
    total, zero_rows = statistic.cosine_sum
    if zero_rows:
        raise ValueError(f"x, y: expected vectors with a direction; got {zero_rows} zero vector(s). Leave them out.")
    return total / statistic.count


def _minimum(statistic: Any) -> str | None:
    return few(statistic.count, 10, "prompts")


@measure(
    needs="adjacent_layers",
    unit="none",
    bounds="[-1, 1]",
    invariances=("scale", "rotation", "permutation", "row_scale"),
    source="men2024",
    summary="High: the block between the layers hardly turns a prompt's vector.",
    statistic=LayerPair,
    finish=_finish,
    minimum=_minimum,
)
def adjacent_cosine(x: ArrayT, y: ArrayT) -> ArrayT:
    r"""Mean cosine of each prompt's vectors at two layers, without unit, within ``[-1, 1]``.

    .. math:: \frac1N \sum_i \frac{x_i \cdot y_i}{\|x_i\| \|y_i\|}

    Source: [men2024], whose block influence is one less this, there over tokens.

    Args:
        x: `(..., N, d)`, embeddings of the prompts at one layer.
        y: `(..., N, d)`, embeddings of the same prompts at another layer of that width.

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
    ...     float(adjacent_cosine(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[3.0, 0.0], [1.0, 0.0]])))    # 1 and 0
    0.5
    """
    a, b, restore = read_pair(("x", "y"), x, y)
    value = torch.linalg.vecdot(unit_rows("x", precise(a)), unit_rows("y", precise(b))).mean(-1)
    warn_if_small("adjacent_cosine", few(a.shape[-2], 10, "prompts"))
    return restore(value)
