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
from gramian.itl._shapes import ArrayT, Float, Int, Order
from gramian.itl._spectral_entropy import renyi_entropy
from gramian.itl._spectrum import distribution_of, eigenvalues_of

__all__ = [
    "block_entropy",
    "check_placement",
    "check_shares",
    "gram_divergence",
    "jensen_renyi_divergence",
    "label_entropy",
]


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
    check_placement(assigned, pooled, name="gram")
    if assigned.ndim == 1:
        return converted.restore(gram_divergence(pooled, assigned, order, balanced, name="gram", eps=converted.eps))
    # Groups differ between batch elements in number and size, so nothing can be stacked.
    elements = [
        gram_divergence(one, its, order, balanced, name="gram", eps=converted.eps)
        for one, its in zip(pooled.flatten(0, -3), assigned.flatten(0, -2), strict=True)
    ]
    return converted.restore(torch.stack(elements).reshape(assigned.shape[:-1]))


def check_placement(labels: Int[Tensor, "*labels"], rows: Float[Tensor, "*rows"], *, name: str) -> None:
    """Raises where labels do not follow the rows of ``name``, on the same device."""
    if tuple(labels.shape) not in {(rows.shape[-2],), tuple(rows.shape[:-1])}:
        rule = f"one label a sample, shape {(rows.shape[-2],)}"
        raise value_fault("labels", rule, f"shape {tuple(labels.shape)}", f"Labels follow the rows of {name}.")
    if labels.device != rows.device:
        raise value_fault("labels", f"the device of {name} ({rows.device})", labels.device, "Move them there.")


def gram_divergence(
    gram: Float[Tensor, "*batch n n"], labels: Int[Tensor, " n"], alpha: float, balanced: bool, *, name: str, eps: float
) -> Float[Tensor, "*batch"]:
    """Divergence of a checked Gram, in float64; ``name`` is what the caller gave."""
    members = groups_of(labels)
    if balanced:
        gram = _equal_shares(gram, members, name)
    mixture = gram_entropy(gram, alpha, name=name, eps=eps)
    if len(members) == 1:
        return mixture - mixture
    return mixture + label_entropy(members, alpha, balanced) - block_entropy(gram, members, alpha, eps, name)


def label_entropy(members: list[Tensor], alpha: float, balanced: bool) -> float:
    """Entropy of the groups' shares: of the samples, or equal ones."""
    if balanced:
        return math.log(len(members))
    sizes = torch.tensor([len(group) for group in members], dtype=torch.float64)
    return float(renyi_entropy(sizes / sizes.sum(), alpha, 0.0))


def check_shares(traces: Float[Tensor, "*batch groups"], name: str) -> None:
    """Raises where groups with these traces cannot be given equal shares."""
    if traces.shape[-1] < 2:
        remedy = "There is nothing to balance; leave balanced out."
        raise value_fault("labels", "at least two groups for balanced=True", "a single group", remedy)
    if bool((traces <= 0).any()):
        remedy = "Its vectors are all zero, so no weight gives it a share."
        raise value_fault(name, "a positive trace in every group", "a group with zero trace", remedy)


def _equal_shares(gram: Float[Tensor, "*batch n n"], members: list[Tensor], name: str) -> Float[Tensor, "*batch n n"]:
    diagonal = gram.diagonal(dim1=-2, dim2=-1)
    traces = torch.stack([diagonal[..., group].sum(-1) for group in members], dim=-1)
    check_shares(traces, name)
    position = torch.empty(gram.shape[-1], dtype=torch.long, device=gram.device)
    for number, group in enumerate(members):
        position[group] = number
    weight = traces.rsqrt()[..., position]
    return gram * weight.unsqueeze(-1) * weight.unsqueeze(-2)


def block_entropy(
    gram: Float[Tensor, "*batch n n"], members: list[Tensor], alpha: float, eps: float, name: str
) -> Float[Tensor, "*batch"]:
    """Entropy of ``K o L``, which is block diagonal once the samples are sorted by group: its spectrum is that of its blocks."""
    blocks = [gram[..., group[:, None], group] for group in members]
    if alpha == 2:
        wide = spectral_dtype(gram)  # as collision_entropy
        trace = gram.diagonal(dim1=-2, dim2=-1).sum(-1, dtype=wide)
        norms = [torch.linalg.vector_norm(block, dim=(-2, -1), dtype=wide) for block in blocks]
        return 2 * (trace.log() - torch.linalg.vector_norm(torch.stack(norms), dim=0).log())
    values = torch.cat([eigenvalues_of(block) for block in blocks], dim=-1)
    cutoff = rank_cutoff(alpha, values.shape[-1], eps)
    return renyi_entropy(distribution_of(values, name=name, eps=eps), alpha, cutoff)
