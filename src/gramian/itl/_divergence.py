"""Jensen-Rényi divergence of the groups of a pooled sample."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gramian.itl._arrays import same_kind, spectral_dtype
from gramian.itl._errors import value_fault
from gramian.itl._gram_checks import checked_grams
from gramian.itl._labels import checked_labels, groups_of
from gramian.itl._matrix_entropy import gram_entropy
from gramian.itl._order import checked_order, rank_cutoff
from gramian.itl._shapes import Array, ArrayT, Float, Order
from gramian.itl._spectral_entropy import renyi_entropy
from gramian.itl._spectrum import distribution_of, eigenvalues_of

__all__ = ["jensen_renyi_divergence"]


def jensen_renyi_divergence(gram: ArrayT, labels: ArrayT, *, alpha: Order = 1.01, balanced: bool = False) -> ArrayT:
    r"""Jensen-Rényi divergence of groups of samples, in nats, at most the entropy of the labels.

    .. math:: D_\alpha = S_\alpha(K) + S_\alpha(L) - S_\alpha(K \circ L)

    ``K`` is the Gram of the pooled sample, ``L`` the label kernel. Zero for identical groups and for a single group. At
    order 1 it is :math:`S(\bar\rho) - \sum_c \pi_c S(\rho_c)`, the Jensen-Shannon divergence of the groups' operators.

    For a kernel of unit diagonal it is non-negative at order 1. At other orders and unequal group sizes it can be
    negative: it is returned as it is, never clipped. With ``balanced`` it is non-negative at every order.

    Source: [hoyos2022]; ``balanced`` is its weighted form, with groups weighted by their trace, which is their
    size for unit diagonals.

    Args:
        gram: ``(..., n, n)``, symmetric, positive semidefinite: all groups together.
        labels: ``(n,)`` for every batch element, or ``(..., n)``; integers, any number of groups.
        alpha: order, from 0 to ``math.inf``.
        balanced: reweight so that every group has the same share, whatever its size; the labels' entropy is then the
            logarithm of the number of groups.

    Returns:
        ``(...,)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: as :func:`gramian.matrix_entropy`; also labels that are not integers, or of another kind than
            ``gram``.
        ValueError: as :func:`gramian.matrix_entropy`; also labels of another length; ``balanced`` with a single group
            or with a group of zero trace.

    Differentiation:
        By ``gram``, as :func:`gramian.matrix_entropy`.

    Cost:
        ``n^3`` for the pooled Gram, ``sum_c n_c^3`` for the groups; ``n^2`` at order 2.

    Example:
        Two groups that have nothing in common differ by the whole entropy of the labels:

        >>> import numpy as np
        >>> labels = np.array([0, 0, 1, 1])
        >>> float(np.exp(jensen_renyi_divergence((labels[:, None] == labels) + 0.0, labels, alpha=2)).round(9))
        2.0
    """
    order = checked_order(alpha)
    converted = checked_grams(["gram"], [gram])
    (pooled,) = converted.tensors
    assigned = checked_labels(labels)
    same_kind("gram", gram, "labels", labels)
    _check_placement(assigned, pooled)
    if assigned.ndim == 1:
        return converted.restore(_divergence(pooled, assigned, order, balanced, converted.eps))
    # Groups differ between batch elements in number and size, so nothing can be stacked.
    elements = [
        _divergence(one, its, order, balanced, converted.eps)
        for one, its in zip(pooled.flatten(0, -3), assigned.flatten(0, -2), strict=True)
    ]
    return converted.restore(torch.stack(elements).reshape(assigned.shape[:-1]))


def _check_placement(labels: Array, gram: Float[Tensor, "*batch n n"]) -> None:
    if tuple(labels.shape) not in {(gram.shape[-1],), tuple(gram.shape[:-1])}:
        rule = f"one label a sample, shape {(gram.shape[-1],)}"
        raise value_fault("labels", rule, f"shape {tuple(labels.shape)}", "Labels follow the rows of gram.")
    if labels.device != gram.device:
        raise value_fault("labels", f"the device of gram ({gram.device})", labels.device, "Move them there.")


def _divergence(
    gram: Float[Tensor, "*batch n n"], labels: Tensor, alpha: float, balanced: bool, eps: float
) -> Float[Tensor, "*batch"]:
    members = groups_of(labels)
    if balanced:
        gram = _equal_shares(gram, members)
        label_entropy = math.log(len(members))
    else:
        shares = torch.tensor([len(group) / len(labels) for group in members], dtype=torch.float64)
        label_entropy = float(renyi_entropy(shares, alpha, 0.0))
    mixture = gram_entropy(gram, alpha, name="gram", eps=eps)
    if len(members) == 1:
        return mixture - mixture
    return mixture + label_entropy - _block_entropy(gram, members, alpha, eps)


def _equal_shares(gram: Float[Tensor, "*batch n n"], members: list[Tensor]) -> Float[Tensor, "*batch n n"]:
    if len(members) < 2:
        remedy = "There is nothing to balance; leave balanced out."
        raise value_fault("labels", "at least two groups for balanced=True", "a single group", remedy)
    diagonal = gram.diagonal(dim1=-2, dim2=-1)
    traces = torch.stack([diagonal[..., group].sum(-1) for group in members], dim=-1)
    if bool((traces <= 0).any()):
        remedy = "Its vectors are all zero, so no weight gives it a share."
        raise value_fault("gram", "a positive trace in every group", "a group with zero trace", remedy)
    position = torch.empty(gram.shape[-1], dtype=torch.long, device=gram.device)
    for number, group in enumerate(members):
        position[group] = number
    weight = traces.rsqrt()[..., position]
    return gram * weight.unsqueeze(-1) * weight.unsqueeze(-2)


def _block_entropy(
    gram: Float[Tensor, "*batch n n"], members: list[Tensor], alpha: float, eps: float
) -> Float[Tensor, "*batch"]:
    # K o L is block diagonal once the samples are sorted by group: its spectrum is that of its blocks.
    blocks = [gram[..., group[:, None], group] for group in members]
    if alpha == 2:
        wide = spectral_dtype(gram)  # as collision_entropy
        trace = gram.diagonal(dim1=-2, dim2=-1).sum(-1, dtype=wide)
        norms = [torch.linalg.vector_norm(block, dim=(-2, -1), dtype=wide) for block in blocks]
        return 2 * (trace.log() - torch.linalg.vector_norm(torch.stack(norms), dim=0).log())
    values = torch.cat([eigenvalues_of(block) for block in blocks], dim=-1)
    cutoff = rank_cutoff(alpha, values.shape[-1], eps)
    return renyi_entropy(distribution_of(values, name="gram", eps=eps), alpha, cutoff)
