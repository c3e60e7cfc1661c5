"""Jensen-Rényi divergence of groups of feature vectors, without the Gram matrix of the samples."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl._arrays import convert, same_kind, spectral_dtype
from gramian.itl._divergence import check_placement, check_shares, gram_divergence, label_entropy
from gramian.itl._errors import value_fault
from gramian.itl._labels import checked_labels, groups_of
from gramian.itl._order import checked_order, rank_cutoff
from gramian.itl._shapes import ArrayT, Float, Int, Order
from gramian.itl._spectral_entropy import passing_clamp, renyi_entropy
from gramian.itl._spectrum import distribution_of, eigenvalues_of

__all__ = ["divergence_of_rows", "feature_divergence"]

# Elements converted to float64 at once: 32 MB.
_CHUNK = 2**22


def feature_divergence(features: ArrayT, labels: ArrayT, *, alpha: Order = 1.01, balanced: bool = False) -> ArrayT:
    r"""Jensen-Rényi divergence of groups of feature vectors, in nats, at most the entropy of the labels.

    .. math:: D_\alpha = S_\alpha(Z Z^\top) + S_\alpha(L) - S_\alpha(Z Z^\top \circ L)

    The value of :func:`gramian.jensen_renyi_divergence` for the linear Gram of the features, computed from second moments:
    :math:`Z Z^\top` has the non-zero eigenvalues of :math:`Z^\top Z = \sum_c Z_c^\top Z_c`, and each block of
    the Hadamard product those of its :math:`Z_c^\top Z_c`. With the features of a :class:`gramian.itl.FeatureMap`
    this stands for the divergence under its kernel.

    Source: [hoyos2022]. Their released code takes the unweighted entropy of the labels for weighted groups, which
    shifts the value; here ``balanced`` weighs both.

    Args:
        features: ``(..., n, m)``, one vector a row. Scaling a row by the root of a weight weighs the sample; the shares of
            the groups in the labels' entropy are those of the samples all the same, or equal with ``balanced``.
        labels: ``(n,)`` for every batch element, or ``(..., n)``; integers, any number of groups.
        alpha: order, from 0 to ``math.inf``.
        balanced: give every group the same share, as :func:`gramian.jensen_renyi_divergence`.

    Returns:
        ``(...,)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: not a floating array, labels that are not integers or of another kind, ``alpha`` not a number.
        ValueError: fewer than two axes, all vectors zero, empty, not finite, labels of another length, a bad order;
            ``balanced`` with a single group or with a group of zero vectors.

    Differentiation:
        By ``features``, as :func:`gramian.matrix_entropy`.

    Cost:
        ``n m^2`` for the products, in float64, and ``m^3`` a group for eigenvalues, of smaller matrices for groups of fewer
        than ``m`` samples; none at order 2. Memory ``n m + m^2``. With ``n <= m`` it is the Gram that is smaller.

    Example:
        >>> import numpy as np
        >>> phi = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> float(np.exp(feature_divergence(phi, np.array([0, 0, 1]), balanced=True)).round(9))
        2.0
    """
    order = checked_order(alpha)
    converted = convert(["features"], [features])
    (rows,) = converted.tensors
    if rows.ndim < 2:
        got = f"shape {tuple(rows.shape)}"
        raise value_fault("features", "vectors (..., n, m)", got, "One vector a row: reshape to (n, m).")
    assigned = checked_labels(labels)
    same_kind("features", features, "labels", labels)
    check_placement(assigned, rows, name="features")
    rows = _in_range(rows)
    if assigned.ndim == 1:
        return converted.restore(divergence_of_rows(rows, assigned, order, balanced, converted.eps))
    # Groups differ between batch elements in number and size, so nothing can be stacked.
    elements = [
        divergence_of_rows(one, its, order, balanced, converted.eps)
        for one, its in zip(rows.flatten(0, -3), assigned.flatten(0, -2), strict=True)
    ]
    return converted.restore(torch.stack(elements).reshape(assigned.shape[:-1]))


def _in_range(rows: Float[Tensor, "*batch n m"]) -> Float[Tensor, "*batch n m"]:
    """The rows, times a power of two where their squares might leave the range: nothing here depends on the scale."""
    largest = rows.detach().abs().amax((-2, -1))
    if bool((largest == 0).any()):
        raise value_fault("features", "a positive trace", "zero vectors only, a zero trace", "They have no spectrum.")
    exponent = torch.frexp(largest.cpu()).exponent.to(rows.device)
    limit = 200 if spectral_dtype(rows) == torch.float64 else 30
    if bool((exponent.abs() <= limit).all()):
        return rows
    half = exponent // 2  # in two steps: the factor of a denormal number is itself beyond the range
    for part in (half, exponent - half):
        rows = rows * torch.ldexp(torch.ones_like(largest), -part)[..., None, None]
    return rows


def divergence_of_rows(
    rows: Float[Tensor, "*batch n m"], labels: Int[Tensor, " n"], alpha: float, balanced: bool, eps: float
) -> Float[Tensor, "*batch"]:
    """Divergence of checked rows whose squares are in range, in float64."""
    size, width = rows.shape[-2:]
    if size <= width:
        return gram_divergence(_outer(rows), labels, alpha, balanced, name="features", eps=eps)
    members = groups_of(labels)
    parts = [rows[..., group, :] for group in members] if len(members) > 1 else [rows]
    blocks = [_second_moment(part) if part.shape[-2] >= width else _outer(part) for part in parts]
    traces = torch.stack([block.diagonal(dim1=-2, dim2=-1).sum(-1) for block in blocks], dim=-1)
    if balanced:
        check_shares(traces.detach(), "features")
        scales = traces.reciprocal() / len(members)
    else:
        scales = traces.sum(-1, keepdim=True).reciprocal().expand(traces.shape)
    scaled = [block * scales[..., i, None, None] for i, block in enumerate(blocks)]
    within = _entropy(scaled, alpha, size, eps)
    mixture = _entropy([_mixture(parts, scaled, scales)], alpha, size, eps)
    return mixture + label_entropy(members, alpha, balanced) - within


def _mixture(
    parts: list[Tensor], scaled: list[Tensor], scales: Float[Tensor, "*batch groups"]
) -> Float[Tensor, "*batch m m"]:
    """Sum of the groups' second moments, of which those of large groups are there already."""
    width = parts[0].shape[-1]
    total = torch.zeros((), dtype=scales.dtype, device=scales.device)
    small = []
    for i, (part, moment) in enumerate(zip(parts, scaled, strict=True)):
        if part.shape[-2] >= width:
            total = total + moment
        else:
            small.append(part * scales[..., i, None, None].sqrt())
    return total + _second_moment(torch.cat(small, dim=-2)) if small else total


def _outer(rows: Float[Tensor, "*batch n m"]) -> Float[Tensor, "*batch n n"]:
    wide = rows.to(spectral_dtype(rows))
    with torch.autocast(rows.device.type, enabled=False):  # autocast would multiply in half precision
        return wide @ wide.mT


def _second_moment(rows: Float[Tensor, "*batch n m"]) -> Float[Tensor, "*batch m m"]:
    # In float64, as divergences are small differences; float32 rows are converted in pieces, never all at once.
    wide = spectral_dtype(rows)
    step = rows.shape[-2] if rows.dtype == wide else max(1, _CHUNK // rows.shape[-1])
    total = torch.zeros((), dtype=wide, device=rows.device)
    with torch.autocast(rows.device.type, enabled=False):
        for piece in rows.split(step, dim=-2):
            converted = piece.to(wide)
            total = total + converted.mT @ converted
    return total


def _entropy(blocks: list[Tensor], alpha: float, size: int, eps: float) -> Float[Tensor, "*batch"]:
    """Entropy of the block diagonal matrix, whose trace is one."""
    if alpha == 2:
        norms = [torch.linalg.vector_norm(block, dim=(-2, -1)) for block in blocks]
        return passing_clamp(-2 * torch.linalg.vector_norm(torch.stack(norms), dim=0).log())
    values = torch.cat([eigenvalues_of(block) for block in blocks], dim=-1)
    return renyi_entropy(distribution_of(values, name="features", eps=eps), alpha, rank_cutoff(alpha, size, eps))
