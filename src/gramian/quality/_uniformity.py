"""Uniformity: how evenly embeddings cover the sphere of directions."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ._inputs import ArrayT, check_count, precise, read, unit_rows
from ._keyed_rows import Rows
from ._measure import measure
from ._small_samples import few, warn_if_small


def _value(x: Tensor) -> Tensor:
    count = x.shape[-2]
    check_count("embeddings", count, 2, "prompts")
    unit = unit_rows("embeddings", precise(x))
    # On unit vectors the squared distance is 2 - 2 cos.
    potentials = -4 * (1 - unit @ unit.mT)
    pairs = torch.triu_indices(count, count, 1, device=x.device)
    return torch.logsumexp(potentials[..., pairs[0], pairs[1]], -1) - math.log(count * (count - 1) / 2)


def _finish(statistic: Rows) -> float:
    return float(_value(statistic.sample))


def _minimum(statistic: Any) -> str | None:
    return few(statistic.count, 10, "prompts")


@measure(
    needs="embeddings",
    unit="none",
    bounds="[-8, 0]",
    invariances=("scale", "rotation", "permutation", "row_scale"),
    source="wang2020",
    summary="High (near 0): all embeddings point the same way. Low: they cover the sphere evenly.",
    statistic=Rows,
    finish=_finish,
    minimum=_minimum,
)
def uniformity(embeddings: ArrayT) -> ArrayT:
    r"""Log of the mean Gaussian potential over distinct pairs of unit vectors, without unit, within ``[-8, 0]``.

    .. math:: \log \operatorname{mean}_{i < j} \exp(-2 \|u_i - u_j\|^2), \quad u = x / \|x\|

    -4 for orthogonal vectors, about -4 + 8 / d for directions drawn evenly in d dimensions; low is good by its
    authors' reading.

    Source: [wang2020], the uniformity loss with t = 2, over distinct pairs.

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

    Cost: O(N^2 d); the accumulator keeps a bounded sample of prompts.

    >>> import numpy as np
    >>> float(uniformity(np.eye(3)).round(9))    # all squared distances are 2
    -4.0
    """
    (x,), restore = read(("embeddings",), embeddings, axes="N d")
    value = _value(x)
    warn_if_small("uniformity", few(x.shape[-2], 10, "prompts"))
    return restore(value)
