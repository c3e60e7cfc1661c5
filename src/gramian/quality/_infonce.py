"""InfoNCE: how well one view of a prompt finds its other view among those of all prompts."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ._inputs import ArrayT, check_choice, check_count, check_positive, precise, read_pair, unit_rows
from ._keyed_rows import ViewRows
from ._measure import measure
from ._small_samples import few, warn_if_small

FORMS = ("symmetric", "one_way", "nt_xent")
_BOUND_FORMS = ("symmetric", "one_way")


def _loss(a: Tensor, b: Tensor, temperature: float, form: str) -> Tensor:
    check_positive("temperature", temperature)
    check_choice("form", form, FORMS)
    check_count("view_a", a.shape[-2], 2, "prompts")
    u, v = unit_rows("view_a", precise(a)), unit_rows("view_b", precise(b))
    if form == "nt_xent":
        both = torch.cat([u, v], -2)
        count = u.shape[-2]
        itself = torch.eye(2 * count, dtype=torch.bool, device=u.device)
        logits = (both @ both.mT / temperature).masked_fill(itself, -torch.inf)
        positive = logits.diagonal(count, -2, -1)
        return torch.logsumexp(logits, -1).mean(-1) - positive.mean(-1)
    logits = u @ v.mT / temperature
    positive = logits.diagonal(dim1=-2, dim2=-1).mean(-1)
    there = torch.logsumexp(logits, -1).mean(-1)
    if form == "one_way":
        return there - positive
    return (there + torch.logsumexp(logits, -2).mean(-1)) / 2 - positive


def _bound(a: Tensor, b: Tensor, temperature: float, form: str) -> Tensor:
    check_choice("form", form, _BOUND_FORMS)
    return math.log(a.shape[-2]) - _loss(a, b, temperature, form)


def _finish(statistic: ViewRows, *, temperature: float = 0.1, form: str = "symmetric") -> float:
    return float(_loss(*statistic.pair, temperature, form))


def _finish_bound(statistic: ViewRows, *, temperature: float = 0.1, form: str = "symmetric") -> float:
    return float(_bound(*statistic.pair, temperature, form))


def _minimum(statistic: Any) -> str | None:
    return few(statistic.count, 10, "prompts")


@measure(
    needs="view_pair",
    unit="nats",
    bounds="[0, log(1 + (K - 1) exp(2 / temperature))], K candidates",
    invariances=("scale", "rotation", "permutation", "row_scale"),
    source="oord2018",
    summary="High: a prompt's two views are not told from those of other prompts. 0: every view finds its partner.",
    statistic=ViewRows,
    finish=_finish,
    minimum=_minimum,
)
def infonce(view_a: ArrayT, view_b: ArrayT, *, temperature: float = 0.1, form: str = "symmetric") -> ArrayT:
    r"""InfoNCE loss between two views, in nats, from 0; log of the number of candidates when all views look alike.

    .. math:: -\frac1N \sum_i \log \frac{\exp(u_i \cdot v_i / \tau)}{\sum_j \exp(u_i \cdot v_j / \tau)}

    on unit vectors u and v. `symmetric` averages this and the direction from v to u; `one_way` is this alone;
    `nt_xent` has all other 2N - 1 views as candidates, for every one of the 2N views.

    Source: [oord2018, Eq. (4)], `nt_xent`: [chen2020, Eq. (1)]. log N less the loss bounds the mutual information of
    the views from below for the first two forms: `infonce_bound`.

    Args:
        view_a: `(..., N, d)`, row i a view of prompt i.
        view_b: `(..., N, d)`, row i another view of prompt i.
        temperature: above 0.
        form: `"symmetric"`, `"one_way"` or `"nt_xent"`.

    Returns:
        `(...,)`.

    Raises:
        ValueError: shapes that differ, fewer than two prompts, a zero vector, `temperature` not above 0, unknown
            `form`, NaN or infinity.
        TypeError: integers, NumPy mixed with torch.

    Warns:
        SmallSampleWarning: fewer than 10 prompts.

    Differentiation: smooth.

    Cost: O(N^2 d); the accumulator keeps a bounded sample of prompts.

    >>> import numpy as np, warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     bool(np.isclose(infonce(np.eye(3), np.eye(3), temperature=1.0), np.log(np.e + 2) - 1))
    True
    """
    a, b, restore = read_pair(("view_a", "view_b"), view_a, view_b)
    value = _loss(a, b, temperature, form)
    warn_if_small("infonce", few(a.shape[-2], 10, "prompts"))
    return restore(value)


@measure(
    needs="view_pair",
    unit="nats",
    bounds="(-inf, log N]",
    invariances=("scale", "rotation", "permutation", "row_scale"),
    source="poole2019",
    summary="High: the two views of a prompt share at least this much information.",
    statistic=ViewRows,
    finish=_finish_bound,
    minimum=_minimum,
)
def infonce_bound(view_a: ArrayT, view_b: ArrayT, *, temperature: float = 0.1, form: str = "symmetric") -> ArrayT:
    r"""Lower bound of the mutual information of two views from InfoNCE, in nats, at most ``log N``.

    .. math:: I(A; B) \ge \log N - L_{\mathrm{InfoNCE}}

    It holds in expectation over samples. Negative when the loss is worse than chance: then it says nothing.

    Source: [poole2019, Eq. (10)], for the two forms with N exchangeable candidates. `nt_xent` has no such bound: its
    candidates come from both views, so they are not one draw of the partner among N.

    Args:
        view_a: as in `infonce`.
        view_b: as in `infonce`.
        temperature: as in `infonce`.
        form: `"symmetric"` or `"one_way"`.

    Returns:
        `(...,)`.

    Raises, warnings, differentiation and cost: those of `infonce`; `nt_xent` is a ValueError.

    >>> import numpy as np, warnings
    >>> same = np.ones((3, 2))
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     bool(np.isclose(infonce_bound(same, same), 0))    # all alike: chance
    True
    """
    a, b, restore = read_pair(("view_a", "view_b"), view_a, view_b)
    value = _bound(a, b, temperature, form)
    warn_if_small("infonce_bound", few(a.shape[-2], 10, "prompts"))
    return restore(value)
