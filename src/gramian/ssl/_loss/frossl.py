"""FroSSL: each view's entropy as large, and the views as equal, as they can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from gramian.itl._errors import type_fault, value_fault
from gramian.itl._order import checked_order
from gramian.itl._shapes import Order
from gramian.ssl._loss.accumulation import watch_accumulation
from gramian.ssl._loss.collectives import ranks_of
from gramian.ssl._loss.frossl_core import CoreOptions, entropies_and_spread
from gramian.ssl._loss.frossl_views import (
    InvarianceScale,
    Normalization,
    checked_choice,
    checked_views,
    invariance_factor,
    prepared_views,
)

__all__ = ["Batch", "FroSSLLoss", "FroSSLTerms", "frossl_loss", "frossl_terms"]

Batch = Literal["global", "local"]


@dataclass(frozen=True)
class FroSSLTerms:
    """The loss and what it is made of; ``loss = regularization + invariance_weight * invariance``.

    Attributes:
        loss: ``()``.
        regularization: ``()``, minus the sum of the entropies.
        invariance: ``()``, the views' distances from their mean, without the weight.
        entropies: ``(views,)``, in nats, of each view's covariance, within ``[0, log min(N, d)]``.
    """

    loss: Tensor
    regularization: Tensor
    invariance: Tensor
    entropies: Tensor


def frossl_loss(
    views: Sequence[Tensor] | Tensor,
    *,
    invariance_weight: float = 1.0,
    alpha: Order = 2.0,
    normalization: Normalization = "feature",
    invariance: InvarianceScale = "released",
    batch: Batch = "global",
    group: Any = None,
    warn_on_accumulation: bool = True,
) -> Tensor:
    r"""FroSSL of two or more views of a batch, in nats, at least minus views times ``log min(N, d)``.

    .. math:: L = \sum_v \log \|\hat C_v\|_F^2 + w I, \quad \hat C_v = \hat Z_v^\top \hat Z_v / \operatorname{tr},
        \quad I = \frac{V}{N} \sum_v \|\hat Z_v - M\|_F^2

    with :math:`M` the mean of the ``V`` normalised views of ``N`` samples. Minus the logarithm is the order-2 entropy of
    the view, so the loss makes every view's covariance flat and the views equal. It is zero where all views have
    collapsed to the same point.

    ``normalization`` names what :math:`\hat Z` is:

    - ``"feature"``: columns of length one over the batch, not centred; the released multi-view loss.
    - ``"standardized"``: columns centred, then of length one; the two-view loss of the paper's first code, up to a
      constant, for any number of views.
    - ``"sample"``: rows of length one; the released multi-view loss of February to August 2024, whose invariance has
      no factor ``V``: :math:`I = \frac{1}{N} \sum_v \|\hat Z_v - M\|_F^2`.

    ``invariance="mean"`` takes :math:`I = V (1 - c)` with the mean cosine ``c`` between the features (``"sample"``:
    samples) of two views: in ``[0, V^2 / (V-1)]``, so that a weight means the same at every batch size, number of features
    and number of views. A released weight ``w`` is :math:`w (V-1) d / N` there, for ``"sample"`` :math:`w (V-1) / V`.

    Source: [frossl2024], its code as released, and equal to ``lightly.loss.FroSSLLoss`` at the defaults.

    Args:
        views: two or more ``(n, d)``, row ``i`` of each the same sample; or one tensor ``(views, n, d)``. Half precision
            is computed in float32, inside autocast too.
        invariance_weight: ``w``, non-negative.
        alpha: order of the entropy, above 0, to ``math.inf``. Orders other than 2 take eigenvalues.
        normalization: see above.
        invariance: ``"released"`` or ``"mean"``, see above.
        batch: ``"global"``: the samples of all processes are one batch, value and gradient as of one process;
            ``"local"``: each process has its own loss, as in the paper's runs on two GPUs.
        group: the process group; None is the default one.
        warn_on_accumulation: warn with :class:`gramian.ssl.GradientAccumulationWarning` where the backward pass finds gradients
            of an earlier one. Not seen inside ``torch.compile``.

    Returns:
        ``()``, float32, or float64 for float64 views; with ``batch="global"`` the same on every process.

    Raises:
        TypeError: not floating tensors, or a weight or order that is not a number.
        ValueError: fewer than two views or two samples, different shapes, an unknown form, a negative weight, an order of
            0; an order below 1 where rounding hides the rank (see :func:`gramian.feature_entropy`).

    Edges:
        No value is looked at, so these raise nothing. A feature that is zero in a view (``"standardized"``: constant) adds
        nothing to its spectrum, counts as zero in its distance from the mean, and has the gradient zero. A view of zeros has
        entropy 0, like one that has collapsed to a point; both have zero gradient of the entropy: collapse is a stationary
        point. Entries that are not finite, or whose squares are not, give NaN (orders other than 2 may raise from
        ``torch.linalg``).

    Differentiation:
        Exact, in closed form, repeated eigenvalues included; once: ``create_graph=True`` raises a RuntimeError. On several
        processes it is, as of any sum over them, the derivative of the sum of their losses, of which
        DistributedDataParallel's mean is the full batch's.

    Cost:
        ``2 N d min(N, d)`` multiplications a view, forward and backward each half. Between processes: the covariances,
        ``V d^2``, where ``N > d``; else the views, ``V N d``.

    Example:
        >>> z = torch.eye(4, dtype=torch.float64)
        >>> round(float(torch.exp(-frossl_loss([z, z]) / 2)), 9)
        4.0
    """
    entropies, distance = _terms(views, alpha, normalization, invariance, batch, group)
    loss = _checked_weight(invariance_weight) * distance - entropies.sum()
    if warn_on_accumulation:
        watch_accumulation(loss, views)
    return loss


def frossl_terms(
    views: Sequence[Tensor] | Tensor,
    *,
    invariance_weight: float = 1.0,
    alpha: Order = 2.0,
    normalization: Normalization = "feature",
    invariance: InvarianceScale = "released",
    batch: Batch = "global",
    group: Any = None,
    warn_on_accumulation: bool = True,
) -> FroSSLTerms:
    """The terms of :func:`gramian.ssl.frossl_loss`, each differentiable by itself; arguments as there.

    Example:
        >>> terms = frossl_terms([torch.eye(4), -torch.eye(4)])
        >>> [round(float(entropy.exp()), 5) for entropy in terms.entropies], float(terms.invariance)
        ([4.0, 4.0], 4.0)
    """
    entropies, distance = _terms(views, alpha, normalization, invariance, batch, group)
    regularization = -entropies.sum()
    loss = regularization + _checked_weight(invariance_weight) * distance
    if warn_on_accumulation:
        watch_accumulation(loss, views)
    return FroSSLTerms(loss, regularization, distance, entropies)


class FroSSLLoss(nn.Module):
    """:func:`gramian.ssl.frossl_loss` with its options set once; takes the place of ``lightly.loss.FroSSLLoss``.

    Args:
        invariance_weight: as in :func:`gramian.ssl.frossl_loss`, like all that follow.
        alpha: order of the entropy.
        normalization: ``"feature"``, ``"standardized"`` or ``"sample"``.
        invariance: ``"released"`` or ``"mean"``.
        batch: ``"global"`` or ``"local"``.
        group: process group.
        warn_on_accumulation: whether to warn.

    Raises:
        TypeError: a weight or order that is not a number.
        ValueError: an unknown form, a negative weight, an order of 0.

    Example:
        >>> criterion = FroSSLLoss(invariance_weight=1.4)
        >>> float(criterion([torch.ones(3, 2), torch.ones(3, 2)]).detach().round(decimals=5)) + 0.0
        0.0
    """

    def __init__(
        self,
        *,
        invariance_weight: float = 1.0,
        alpha: Order = 2.0,
        normalization: Normalization = "feature",
        invariance: InvarianceScale = "released",
        batch: Batch = "global",
        group: Any = None,
        warn_on_accumulation: bool = True,
    ) -> None:
        super().__init__()
        self.invariance_weight = _checked_weight(invariance_weight)
        self.alpha = _positive_order(alpha)
        self.normalization = cast(Normalization, checked_choice("normalization", normalization, Normalization))
        self.invariance = cast(InvarianceScale, checked_choice("invariance", invariance, InvarianceScale))
        self.batch = cast(Batch, checked_choice("batch", batch, Batch))
        self.group = group
        self.warn_on_accumulation = warn_on_accumulation

    def forward(self, views: Sequence[Tensor] | Tensor) -> Tensor:
        """The loss of the views, ``()``."""
        return frossl_loss(views, **self._options())

    def terms(self, views: Sequence[Tensor] | Tensor) -> FroSSLTerms:
        """The loss and its terms."""
        return frossl_terms(views, **self._options())

    def extra_repr(self) -> str:
        options = self._options()
        return ", ".join(
            f"{name}={options[name]!r}" for name in options if name not in ("group", "warn_on_accumulation")
        )

    def _options(self) -> dict[str, Any]:
        return {
            "invariance_weight": self.invariance_weight,
            "alpha": self.alpha,
            "normalization": self.normalization,
            "invariance": self.invariance,
            "batch": self.batch,
            "group": self.group,
            "warn_on_accumulation": self.warn_on_accumulation,
        }


def _terms(
    views: Sequence[Tensor] | Tensor,
    alpha: Order,
    normalization: Normalization,
    invariance: InvarianceScale,
    batch: Batch,
    group: Any,
) -> tuple[Tensor, Tensor]:
    order = _positive_order(alpha)
    checked_choice("normalization", normalization, Normalization)
    checked_choice("invariance", invariance, InvarianceScale)
    checked_choice("batch", batch, Batch)
    given = checked_views(views)
    ranks = ranks_of(given, group) if batch == "global" else None
    samples = given[0].shape[0] if ranks is None else ranks.samples
    if samples < 2:
        remedy = "The entropy of one sample is 0: drop the last batch if it is that small."
        raise value_fault("views", "two or more samples", f"shape {tuple(given[0].shape)}", remedy)
    wide = torch.float64 if any(view.dtype == torch.float64 for view in given) else torch.float32
    eps = max(torch.finfo(view.dtype).eps for view in given)
    with torch.autocast(given[0].device.type, enabled=False):
        prepared = prepared_views([view.to(wide) for view in given], normalization, ranks, eps)
        options = CoreOptions(order, normalization != "sample", ranks, eps)
        entropies, spread = entropies_and_spread(prepared, options)
        factor = invariance_factor(
            invariance, normalization, views=len(given), samples=samples, width=given[0].shape[1]
        )
        return entropies, factor * spread


def _positive_order(alpha: Order) -> float:
    order = checked_order(alpha)
    if order == 0:
        remedy = "Order 0 counts dimensions and has no gradient; order 2 is the loss of the paper."
        raise value_fault("alpha", "an order above 0", order, remedy)
    return order


def _checked_weight(weight: float) -> float:
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        remedy = "1 is the released weight; the recipes take 1 to 2."
        raise type_fault("invariance_weight", "a number", type(weight).__name__, remedy)
    if not (0 <= weight < math.inf):
        remedy = "1 is the released weight; the recipes take 1 to 2."
        raise value_fault("invariance_weight", "a non-negative number", weight, remedy)
    return float(weight)
