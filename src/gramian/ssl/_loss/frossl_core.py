r"""The two terms of FroSSL with their derivatives in closed form: one product of matrices forward and one backward a view.

Let :math:`\hat Z = Z \operatorname{diag}(s)` have columns of length one, :math:`C = \hat Z^\top \hat Z` and
:math:`K = \hat Z \hat Z^\top`. The smaller of the two is made, on all ranks' samples, and

.. math:: \partial S_2 / \partial \hat Z = -\frac{4}{\|C\|_F^2} \hat Z C = -\frac{4}{\|C\|_F^2} K \hat Z, \quad
    \partial \textstyle\sum_v \|\hat Z_v - M\|_F^2 / \partial \hat Z_v = 2 (\hat Z_v - M)

with the mean view :math:`M`. Back through the normalisation, a column ``g`` becomes :math:`s (g - \hat z \hat z^\top g)`.
When the samples outnumber the features, all of that but the mean view is one product of ``Z`` with a matrix of features:
the lengths of columns are the diagonal of :math:`Z^\top Z` and :math:`\hat z_j^\top (\hat Z C)_j = \sum_k C_{jk}^2`, so
``Z`` is neither normalised nor read again. `docs/design/why-frossl-is-fast.md` has the derivation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gramian.ssl._loss.collectives import Ranks
from gramian.ssl._loss.spectral_slope import collision_slope, spectral_slope

__all__ = ["SMALLEST_LENGTH", "CoreOptions", "entropies_and_spread", "inverse_lengths"]

# A column up to this length counts as zero, as in torch.nn.functional.normalize.
SMALLEST_LENGTH = 1e-12


@dataclass(frozen=True)
class CoreOptions:
    """What the two terms are computed of.

    Attributes:
        alpha: order of the entropy.
        unit_columns: whether columns are scaled to length one here; if not, rows have been before, and multiples of a
            row in its derivative do not matter.
        ranks: who shares the batch; None is this process alone.
        eps: relative rounding error of the views as the caller gave them.
    """

    alpha: float
    unit_columns: bool
    ranks: Ranks | None
    eps: float


def entropies_and_spread(views: Sequence[Tensor], options: CoreOptions) -> tuple[Tensor, Tensor]:
    """Entropy of every view's covariance, ``(V,)`` in nats, and the squared distances of the views from their mean, ``()``.

    Args:
        views: two or more ``(n, d)`` in float32 or float64, alike in shape but for what other ranks hold.
        options: see there.

    Returns:
        Entropies and the sum of squares over views, samples (of all ranks) and features, the same on every rank.

    Differentiation:
        Closed forms, once: ``create_graph=True`` raises a RuntimeError. A column of zeros has the derivative zero. On several ranks a
        rank's derivative is that of the sum of the ranks' losses, as of any sum over ranks; the mean over ranks that
        DistributedDataParallel takes is then the derivative of the loss.
    """
    return _Terms.apply(options, *views)  # type: ignore[no-any-return,no-untyped-call]


class _Terms(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, options: CoreOptions, *views: Tensor) -> tuple[Tensor, Tensor]:
        ranks, width = options.ranks, views[0].shape[1]
        tall = (views[0].shape[0] if ranks is None else ranks.samples) > width
        gathered: tuple[Tensor, ...] = ()
        with torch.autocast(views[0].device.type, enabled=False):
            if tall:
                matrices, scales = _covariances(views, options)
            else:
                gathered = () if ranks is None else ranks.gather(torch.stack(views)).unbind(0)
                matrices, scales = _grams(views, gathered or views, options)
            entropies, slopes, factors, by_entropy = _entropies(matrices, views, scales, options, tall=tall)
            centre, spread, by_spread = _spread(views, scales, ranks)
        ctx.options, ctx.tall, ctx.views = options, tall, len(views)
        radial = () if scales is None else (scales, by_spread, by_entropy)
        ctx.save_for_backward(slopes, factors, centre, *views, *gathered, *radial)
        return entropies, spread

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            # What forward kept would count as constant, and a penalty on the gradient would silently have none.
            raise RuntimeError(
                "FroSSL: expected one derivative; got create_graph=True. Its closed form has no second derivative."
            )
        slopes, factors, centre, *rest = ctx.saved_tensors
        ranks, count = ctx.options.ranks, ctx.views
        views, rest = rest[:count], rest[count:]
        everyone = views
        if ranks is not None and not ctx.tall:
            everyone, rest = rest[:count], rest[count:]
        radial = tuple(rest) if ctx.options.unit_columns else None
        with torch.autocast(views[0].device.type, enabled=False):
            if ctx.tall:
                upstream = torch.cat([grads[0], grads[1].reshape(1)])
                upstream = upstream if ranks is None else ranks.sum(upstream)
                found = _through_covariances(upstream, views, slopes, factors, centre, radial)
            else:
                found = _through_grams(grads, views, everyone, slopes, factors, centre, radial, ranks)
        return (None, *found)


Radial = tuple[Tensor, Tensor, Tensor] | None


def _covariances(views: Sequence[Tensor], options: CoreOptions) -> tuple[Tensor, Tensor | None]:
    """``(V, d, d)`` covariances of the normalised columns, and what each column was multiplied by, ``(V, d)``."""
    width = views[0].shape[1]
    products = views[0].new_empty(len(views), width, width)
    for view, product in zip(views, products.unbind(0), strict=True):
        torch.mm(view.mT, view, out=product)
    if options.ranks is not None:
        options.ranks.sum(products)
    if not options.unit_columns:
        return products, None
    # A copy: the compiler of torch 2.15 reads a diagonal that it keeps for the backward pass from the wrong places.
    scales = inverse_lengths(products.diagonal(dim1=1, dim2=2).clone())
    return products.mul_(scales.unsqueeze(2)).mul_(scales.unsqueeze(1)), scales


def _grams(views: Sequence[Tensor], everyone: Sequence[Tensor], options: CoreOptions) -> tuple[Tensor, Tensor | None]:
    """``(V, n, N)``: this rank's rows of the Gram of all samples' normalised columns, and the columns' factors.

    Orders other than 2 need all ``N`` rows.
    """
    lefts = views if options.alpha == 2 else everyone
    own, samples = lefts[0].shape[0], everyone[0].shape[0]
    grams = views[0].new_empty(len(views), own, samples)
    if not options.unit_columns:
        for left, right, gram in zip(lefts, everyone, grams.unbind(0), strict=True):
            torch.mm(left, right.mT, out=gram)
        return grams, None
    scratch = everyone[0].new_empty(everyone[0].shape)
    scales = []
    for left, right, gram in zip(lefts, everyone, grams.unbind(0), strict=True):
        scales.append(inverse_lengths(torch.mul(right, right, out=scratch).sum(0)))
        torch.mm(torch.mul(left, scales[-1].square(), out=scratch[:own]), right.mT, out=gram)
    return grams, torch.stack(scales)


def inverse_lengths(squares: Tensor) -> Tensor:
    """One over the lengths whose squares are given; 0, with the derivative 0, for lengths up to ``SMALLEST_LENGTH``."""
    # Zero columns stay zero. Where squares left the range of the dtype the answer is not a number, never a dead column.
    kept = squares > SMALLEST_LENGTH**2
    scales = torch.where(kept, torch.where(kept, squares, 1.0).rsqrt(), 0.0)
    return torch.where(torch.isfinite(squares), scales, torch.nan)


def _entropies(
    matrices: Tensor, views: Sequence[Tensor], scales: Tensor | None, options: CoreOptions, *, tall: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Entropies ``(V,)``; the rows of their slopes by the matrix, up to factors ``(V,)`` that include the 2 of a square.

    The last is what the normalisation of a column needs of a covariance: the inner product of the column with its own
    derivative, ``(V, d)``, up to the same factors; empty for Grams.
    """
    ranks, by_column = options.ranks, matrices.new_empty(0)
    if options.alpha != 2:
        size = max(views[0].shape[1], views[0].shape[0] if ranks is None else ranks.samples)
        entropies, slopes = spectral_slope(matrices, options.alpha, size=size, eps=options.eps)
        factors = torch.full_like(entropies, 2.0)
        if tall:
            by_column = (matrices * slopes).sum(2)
        elif ranks is not None:
            slopes = slopes[:, ranks.offset : ranks.offset + views[0].shape[0]]
        return entropies, slopes, factors, by_column
    by_row = matrices.square().sum(2)
    squares = by_row.sum(1)
    norms = torch.stack([view.square().sum() for view in views]) if scales is None else (scales != 0).sum(1)
    trace = norms.to(squares.dtype)
    if ranks is not None and not tall:
        squares = ranks.sum(squares)
    if ranks is not None and scales is None:
        trace = ranks.sum(trace)
    entropies, factors = collision_slope(squares, trace)
    return entropies, matrices, 2 * factors, by_row if tall else by_column


def _spread(views: Sequence[Tensor], scales: Tensor | None, ranks: Ranks | None) -> tuple[Tensor, Tensor, Tensor]:
    """Half the difference of two views, or the mean of more; the squared distances from the mean; and, ``(V, d)``, the
    inner product of every normalised column with its difference from the mean."""
    if len(views) == 2:
        if scales is None:
            centre = (views[0] - views[1]).mul_(0.5)
        else:
            centre = torch.mul(views[0], 0.5 * scales[0]).addcmul_(views[1], scales[1], value=-0.5)
        squares = centre.square().sum(0)
        squares = squares if ranks is None else ranks.sum(squares)
        if scales is None:
            return centre, 2 * squares.sum(), squares
        # z.(z - m) = |z - m|^2 + m.(z - m), where the last is zero for columns of one length, of which some may be zero.
        tilt = 0.25 * ((scales[0] != 0).to(squares.dtype) - (scales[1] != 0).to(squares.dtype))
        return centre, 2 * squares.sum(), torch.stack([squares + tilt, squares - tilt])
    share = 1 / len(views)
    if scales is None:
        centre = torch.mul(views[0], share)
        for view in views[1:]:
            centre.add_(view, alpha=share)
    else:
        centre = torch.mul(views[0], share * scales[0])
        for view, scale in zip(views[1:], scales[1:], strict=True):
            centre.addcmul_(view, scale, value=share)
    difference, scratch = torch.empty_like(centre), torch.empty_like(centre)
    sums = []
    for number, view in enumerate(views):
        if scales is None:
            torch.sub(view, centre, out=difference)
        else:
            torch.mul(view, scales[number], out=difference).sub_(centre)
            sums.append(torch.mul(view, difference, out=scratch).sum(0).mul_(scales[number]))
        sums.append(torch.mul(difference, difference, out=scratch).sum(0))
    stacked = torch.stack(sums)
    stacked = stacked if ranks is None else ranks.sum(stacked)
    if scales is None:
        return centre, stacked.sum(), stacked
    return centre, stacked[1::2].sum(), stacked[::2].contiguous()


def _through_covariances(
    upstream: Tensor, views: Sequence[Tensor], slopes: Tensor, factors: Tensor, centre: Tensor, radial: Radial
) -> list[Tensor]:
    """Derivatives by the views where the slopes are by covariances: one product a view."""
    factors, pull = upstream[:-1] * factors, 2 * upstream[-1]
    pair = len(views) == 2
    if radial is None:
        products = slopes * factors.reshape(-1, 1, 1)
        diagonal, pulls = pull.expand(len(views), 1), pull.expand(len(views), 1)
    else:
        scales, by_spread, by_entropy = radial
        products = (slopes * (factors.unsqueeze(1) * scales).unsqueeze(2)).mul_(scales.unsqueeze(1))
        outward = factors.unsqueeze(1) * by_entropy + pull * by_spread
        diagonal, pulls = scales.square() * ((0 if pair else pull) - outward), pull * scales
    if not (pair and radial is None):
        products.diagonal(dim1=1, dim2=2).add_(diagonal)
    signs = (1.0, -1.0) if pair else (-1.0,) * len(views)
    return [
        torch.mul(centre, sign * towards).addmm_(view, product)
        for view, product, towards, sign in zip(views, products.unbind(0), pulls.unbind(0), signs, strict=True)
    ]


def _through_grams(
    grads: Sequence[Tensor],
    views: Sequence[Tensor],
    everyone: Sequence[Tensor],
    slopes: Tensor,
    factors: Tensor,
    centre: Tensor,
    radial: Radial,
    ranks: Ranks | None,
) -> list[Tensor]:
    """Derivatives by the views where the slopes are by Grams: one product a view, then the columns' normalisation."""
    found = [torch.mm(rows, right) for rows, right in zip(slopes.unbind(0), everyone, strict=True)]
    upstream = torch.cat([grads[0], grads[1].reshape(1)])
    outward = upstream.new_empty(0)
    if radial is not None:
        scratch = centre.new_empty(centre.shape)
        outward = torch.stack(
            [torch.mul(view, rows, out=scratch).sum(0) for view, rows in zip(views, found, strict=True)]
        )
    if ranks is not None:
        both = ranks.sum(torch.cat([upstream, outward.flatten()]))
        upstream, outward = both[: len(upstream)], both[len(upstream) :].reshape(outward.shape)
    factors, pull = (upstream[:-1] * factors).unsqueeze(1), 2 * upstream[-1]
    pair = len(views) == 2
    if radial is None:
        stretch, pulls = factors, pull.expand(len(views), 1)
        inward = (0 * pull if pair else pull).expand(len(views), 1)
    else:
        scales, by_spread, _ = radial
        squares = scales.square()
        stretch, pulls = factors * squares, pull * scales
        inward = squares * ((0 if pair else pull) - stretch * outward - pull * by_spread)
    signs = (1.0, -1.0) if pair else (-1.0,) * len(views)
    for number, (view, rows) in enumerate(zip(views, found, strict=True)):
        rows.mul_(stretch[number])
        rows.addcmul_(centre, pulls[number], value=signs[number])
        if not (pair and radial is None):
            rows.addcmul_(view, inward[number])
    return found
