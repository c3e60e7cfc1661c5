"""Linear CKA: whether two layers arrange the prompts alike."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ._inputs import ArrayT, check_count, precise, read
from ._layer_pair import LayerPair
from ._measure import measure
from ._small_samples import fewer_prompts_than_dimensions, warn_if_small
from ._spectra import centred


def _of_rows(x: Tensor, y: Tensor) -> Tensor:
    """Centred rows `(..., N, d)` and `(..., N, e)`."""
    if x.shape[-2] < max(x.shape[-1], y.shape[-1]):
        gram_x, gram_y = x @ x.mT, y @ y.mT
        shared = (gram_x * gram_y).sum((-2, -1))
        norms: Tensor = torch.linalg.matrix_norm(gram_x) * torch.linalg.matrix_norm(gram_y)
        return shared / norms
    return _of_scatters(x.mT @ x, y.mT @ y, x.mT @ y)


def _of_scatters(first: Tensor, second: Tensor, across: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.matrix_norm(first) * torch.linalg.matrix_norm(second)
    return across.square().sum((-2, -1)) / norms


def _finish(statistic: LayerPair) -> float:
    rows = statistic.centred_rows()
    return float(_of_rows(*rows) if rows is not None else _of_scatters(*statistic.scatters()))


def _minimum(statistic: Any) -> str | None:
    return fewer_prompts_than_dimensions(statistic.count, max(statistic.widths))


@measure(
    needs="adjacent_layers",
    unit="none",
    bounds="[0, 1]",
    invariances=("scale", "rotation", "translation", "permutation"),
    source="kornblith2019",
    summary="High: both layers arrange the prompts alike. 0: their arrangements have nothing linear in common.",
    statistic=LayerPair,
    finish=_finish,
    minimum=_minimum,
)
def linear_cka(x: ArrayT, y: ArrayT) -> ArrayT:
    r"""Linear centred kernel alignment of two layers, without unit, within ``[0, 1]``.

    .. math:: \frac{\|Y^T X\|_F^2}{\|X^T X\|_F \, \|Y^T Y\|_F}

    of the centred matrices. Each layer may be rotated, moved and scaled on its own. With fewer prompts than dimensions
    it lies near 1 even for independent layers.

    Source: [kornblith2019, Sec. 3].

    Args:
        x: `(..., N, d)`, embeddings at one layer.
        y: `(..., N, e)`, embeddings of the same prompts at another.

    Returns:
        `(...,)`.

    Raises:
        ValueError: another number of prompts, fewer than two, equal rows in one layer, NaN or infinity.
        TypeError: integers, NumPy mixed with torch.

    Warns:
        SmallSampleWarning: fewer prompts than dimensions.

    Differentiation: smooth.

    Cost: O(N m^2 + N^2 m) at most, on the smaller of prompts and dimensions, in float64.

    >>> import numpy as np
    >>> x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> float(linear_cka(x, 3 * x[:, ::-1]).round(9))
    1.0
    """
    tensors, restore = read(("x", "y"), x, y, axes="N d")
    a: Tensor = tensors[0]
    b: Tensor = tensors[1]
    if a.shape[:-1] != b.shape[:-1]:
        raise ValueError(
            f"y: expected shape {(*a.shape[:-1], 'e')}, one row for each of x; got {tuple(b.shape)}. "
            "Row i of both must belong to prompt i."
        )
    count = a.shape[-2]
    check_count("x", count, 2, "prompts")
    value = _of_rows(centred("x", precise(a)), centred("y", precise(b)))
    warn_if_small("linear_cka", fewer_prompts_than_dimensions(count, max(a.shape[-1], b.shape[-1])))
    return restore(value)
