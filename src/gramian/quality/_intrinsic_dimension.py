"""Intrinsic dimension (TwoNN): the dimension of the surface that embeddings lie on, seen from nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._inputs import ArrayT, check_count, in_range, precise, read
from ._keyed_rows import Rows
from ._measure import measure
from ._small_samples import few, warn_if_small

_ENOUGH = 50
# Distances within this many units of rounding are taken for equal.
_EQUAL = 16
# A squared distance below this many units of rounding, for each dimension, of a row's squared norm is computed again.
_LOST_DIGITS = 2**20


def _check_discard(discard: float) -> None:
    if isinstance(discard, bool) or not isinstance(discard, int | float | np.floating):
        raise TypeError(f"discard: expected a number in [0, 1); got {type(discard).__name__}. Give a float.")
    if not 0 <= discard < 1:
        raise ValueError(f"discard: expected a number in [0, 1); got {discard}. 0.1 is usual.")


def _of_one_sample(x: Tensor, discard: float) -> Tensor:
    """`(N, d)` -> scalar."""
    eps = torch.finfo(x.dtype).eps
    x = in_range(precise(x), axes=2)
    rows, neighbours = _neighbours(x.detach())
    count = len(rows)
    # Differences of the rows themselves: no digits are lost to a far outlier or a common offset.
    here = x if count == len(x) else x[rows]
    near, far = (torch.linalg.vector_norm(here - x[column], dim=-1) for column in neighbours.unbind(-1))
    log_ratio = far.log() - near.log()
    _check_informative(log_ratio.detach(), eps * (1 + here.detach().abs().amax(-1) / near.detach()))
    log_ratio = log_ratio.clamp_min(0).sort().values
    kept = max(1, int((1 - discard) * count))
    # The largest ratio has an empirical distribution of 1, where the logarithm is infinite: it never takes part.
    kept = min(kept, count - 1)
    share = torch.arange(1, kept + 1, dtype=x.dtype, device=x.device) / count
    heights = -torch.log1p(-share)
    slope: Tensor = (heights * log_ratio[:kept]).sum() / log_ratio[:kept].square().sum()
    return slope


def _neighbours(x: Tensor) -> tuple[Tensor, Tensor]:
    """Rows that do not repeat an earlier one `(m,)`, and the first and second neighbour of each `(m, 2)`, as indices."""
    eps = torch.finfo(x.dtype).eps
    shifted = x - x.mean(-2, keepdim=True)
    norms = torch.linalg.vecdot(shifted, shifted)
    squares = torch.addmm(norms[:, None] + norms, shifted, shifted.mT, alpha=-2).fill_diagonal_(torch.inf)
    # Subtraction leaves these rows too few digits to tell which neighbour is nearest, or whether it is a repeat.
    unsure = torch.nonzero(squares.amin(-1) <= _LOST_DIGITS * x.shape[-1] * eps * norms)[:, 0]
    repeats = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    if len(unsure):
        exact = torch.cdist(x[unsure], x, compute_mode="donot_use_mm_for_euclid_dist")
        exact[torch.arange(len(unsure), device=x.device), unsure] = torch.inf
        rounding = _EQUAL * eps * torch.linalg.vector_norm(x[unsure], dim=-1, keepdim=True)
        earlier = torch.arange(len(x), device=x.device) < unsure[:, None]
        repeats[unsure] = ((exact <= rounding) & earlier).any(-1)
        squares[unsure] = exact.square()
    rows = torch.nonzero(~repeats)[:, 0]
    if len(rows) < 3:
        raise ValueError(
            f"embeddings: expected at least 3 different rows; got {len(rows)} of {len(x)}. "
            "Two neighbours are needed: add other prompts."
        )
    if len(rows) < len(x):
        squares[:, repeats] = torch.inf
        squares = squares[rows]
    return rows, torch.topk(squares, 2, dim=-1, largest=False, sorted=True).indices


def _check_informative(log_ratio: Tensor, rounding: Tensor) -> None:
    """Continuous data has no ratio of 1; where half of them are, the neighbours tell of a grid."""
    ties = int((log_ratio <= _EQUAL * rounding).sum())
    if 2 * ties >= len(log_ratio):
        raise ValueError(
            "embeddings: expected first and second neighbours at different distances; got equal ones for "
            f"{ties} of {len(log_ratio)} rows. TwoNN has no dimension for a regular lattice or coarsely rounded rows."
        )


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
    since their ratio is undefined. Where the two neighbours are equally far the ratio is 1 and says nothing; if half
    of the ratios are, as on a regular lattice, the measure refuses, since what is left describes the lattice's edge.

    Args:
        embeddings: `(..., N, d)`, one row a prompt.
        discard: share of the largest ratios left out of the fit, in [0, 1). The very largest never takes part.

    Returns:
        `(...,)`.

    Raises:
        ValueError: fewer than three different rows, half of the ratios 1 (a lattice), `discard` outside [0, 1), NaN or
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
