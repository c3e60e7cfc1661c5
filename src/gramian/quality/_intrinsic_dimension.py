"""Intrinsic dimension (TwoNN): the dimension of the surface that embeddings lie on, seen from nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._inputs import ArrayT, check_count, precise, read
from ._keyed_rows import Rows
from ._measure import measure
from ._small_samples import few, warn_if_small

_ENOUGH = 50


def _check_discard(discard: float) -> None:
    if isinstance(discard, bool) or not isinstance(discard, int | float | np.floating):
        raise TypeError(f"discard: expected a number in [0, 1); got {type(discard).__name__}. Give a float.")
    if not 0 <= discard < 1:
        raise ValueError(f"discard: expected a number in [0, 1); got {discard}. 0.1 is usual.")


def _of_one_sample(x: Tensor, discard: float) -> Tensor:
    """`(N, d)` -> scalar."""
    shifted = precise(x)
    shifted = shifted - shifted.mean(-2, keepdim=True)
    norms = shifted.square().sum(-1)
    squares = (norms[:, None] + norms[None, :] - 2 * shifted @ shifted.mT).clamp_min(0)
    # Subtraction leaves rounding where rows are equal.
    equal = squares <= 8 * x.shape[-1] * torch.finfo(squares.dtype).eps * (norms[:, None] + norms[None, :])
    repeats = torch.tril(equal, -1).any(-1)
    squares = squares[~repeats][:, ~repeats]
    count = len(squares)
    if count < 3:
        raise ValueError(
            f"embeddings: expected at least 3 different rows; got {count} of {len(x)}. "
            "Two neighbours are needed: add other prompts."
        )
    others = squares + torch.diag(torch.full((count,), torch.inf, dtype=squares.dtype, device=squares.device))
    nearest = torch.topk(others, 2, dim=-1, largest=False, sorted=True).values
    log_ratio = ((nearest[:, 1].log() - nearest[:, 0].log()) / 2).sort().values
    kept = max(1, int((1 - discard) * count))
    # The largest ratio has an empirical distribution of 1, where the logarithm is infinite: it never takes part.
    kept = min(kept, count - 1)
    share = torch.arange(1, kept + 1, dtype=squares.dtype, device=squares.device) / count
    heights = -torch.log1p(-share)
    weight = log_ratio[:kept].square().sum()
    if not bool(weight > (16 * torch.finfo(squares.dtype).eps) ** 2):
        raise ValueError(
            "embeddings: expected first and second neighbours at different distances; got equal ones throughout. "
            "TwoNN has no dimension for a regular lattice."
        )
    return (heights * log_ratio[:kept]).sum() / weight


def _finish(statistic: Rows, *, discard: float = 0.1) -> float:
    _check_discard(discard)
    return float(_of_one_sample(statistic.sample, discard))


def _minimum(statistic: Any) -> str | None:
    return few(statistic.count, _ENOUGH, "prompts")


@measure(
    needs="embeddings",
    unit="dimensions",
    bounds="(0, inf)",
    invariances=("scale", "rotation", "translation", "permutation"),
    source="facco2017",
    summary="High: seen from close by, embeddings vary in many independent ways.",
    statistic=Rows,
    finish=_finish,
    minimum=_minimum,
)
def intrinsic_dimension(embeddings: ArrayT, *, discard: float = 0.1) -> ArrayT:
    r"""Intrinsic dimension by the two nearest neighbours (TwoNN), in dimensions, within ``(0, inf)``.

    .. math:: -\log(1 - F(\mu)) = d \log \mu, \quad \mu = r_2 / r_1

    fitted through the origin over the smallest ratios, F their empirical distribution. Too low where the true
    dimension is high, since neighbours are then never close.

    Source: [facco2017], discarding the largest 10 % of ratios as there. Rows that repeat another are left out first,
    since their ratio is undefined.

    Args:
        embeddings: `(..., N, d)`, one row a prompt.
        discard: share of the largest ratios left out of the fit, in [0, 1). The very largest never takes part.

    Returns:
        `(...,)`.

    Raises:
        ValueError: fewer than three different rows, all ratios 1 (a lattice), `discard` outside [0, 1), NaN or
            infinity.
        TypeError: integers, or neither NumPy nor torch.

    Warns:
        SmallSampleWarning: fewer than 50 prompts.

    Differentiation: smooth where neighbours are unique; which rows are neighbours or repeats is held fixed.

    Cost: O(N^2 d), one sample after the other; the accumulator keeps a bounded sample of prompts.

    >>> import numpy as np
    >>> line = np.array([[0.0], [1.0], [3.0]])    # ratios 3, 2, 1.5; the two smallest at F = 1/3 and 2/3
    >>> x, y = np.log([1.5, 2.0]), -np.log([2 / 3, 1 / 3])
    >>> bool(np.isclose(intrinsic_dimension(line), (x * y).sum() / (x * x).sum()))
    True
    """
    (x,), restore = read(("embeddings",), embeddings, axes="N d")
    _check_discard(discard)
    check_count("embeddings", x.shape[-2], 3, "prompts")
    samples = x.reshape(-1, *x.shape[-2:])
    value = torch.stack([_of_one_sample(sample, discard) for sample in samples]).reshape(x.shape[:-2])
    warn_if_small("intrinsic_dimension", few(x.shape[-2], _ENOUGH, "prompts"))
    return restore(value)
