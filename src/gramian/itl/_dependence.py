"""Joint and conditional entropies, mutual information and total correlation of Gram matrices."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from gramian.itl._arrays import Converted
from gramian.itl._errors import value_fault
from gramian.itl._gram_checks import checked_grams, in_range
from gramian.itl._matrix_entropy import gram_entropy
from gramian.itl._order import checked_order
from gramian.itl._shapes import ArrayT, Float, Order

__all__ = [
    "check_trace",
    "conditional_entropy",
    "hadamard_entropy",
    "hadamard_product",
    "joint_entropy",
    "mutual_information",
    "total_correlation",
]


def joint_entropy(*grams: ArrayT, alpha: Order = 1.0) -> ArrayT:
    r"""Entropy of the Hadamard product of Gram matrices, in nats, within ``[0, log n]``.

    .. math:: S_\alpha(X_1, \dots, X_k) = S_\alpha(K_1 \circ \dots \circ K_k)

    For Grams of unit diagonal it is at least the entropy of each, at every order; it is at most their sum at orders 0
    and 1 only.

    Source: [giraldo2015]. Grams are n x n always: a product of covariances is not the same quantity.

    Args:
        *grams: one or more ``(..., n, n)`` of one shape, symmetric, positive semidefinite.
        alpha: order, from 0 to ``math.inf``.

    Returns:
        ``(...,)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError, ValueError: as :func:`gramian.matrix_entropy`; also shapes, kinds or devices that differ, or no Gram.

    Differentiation:
        As :func:`gramian.matrix_entropy`.

    Cost:
        ``n^3``; ``n^2`` at order 2.

    Example:
        >>> import numpy as np
        >>> ones = np.ones((4, 4))
        >>> float(np.exp(joint_entropy(ones, np.eye(4))).round(9))
        4.0
    """
    order, converted = _checked(grams, alpha, at_least=1)
    return converted.restore(hadamard_entropy(converted.tensors, order, eps=converted.eps))


def conditional_entropy(gram_x: ArrayT, gram_y: ArrayT, *, alpha: Order = 1.0) -> ArrayT:
    r"""Entropy that X adds to Y, in nats, within ``[0, log n]`` for Grams of unit diagonal.

    .. math:: S_\alpha(X \mid Y) = S_\alpha(X, Y) - S_\alpha(Y)

    Source: [giraldo2015].

    Args:
        gram_x: ``(..., n, n)``, symmetric, positive semidefinite.
        gram_y: the same shape; the condition.
        alpha: order, from 0 to ``math.inf``.

    Returns:
        ``(...,)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError, ValueError: as :func:`gramian.joint_entropy`.

    Differentiation:
        As :func:`gramian.matrix_entropy`.

    Cost:
        Two entropies.

    Example:
        >>> import numpy as np
        >>> float(np.exp(conditional_entropy(np.eye(4), np.ones((4, 4)))).round(9))
        4.0
    """
    order, converted = _checked((gram_x, gram_y), alpha, names=("gram_x", "gram_y"))
    joint = hadamard_entropy(converted.tensors, order, eps=converted.eps)
    given = gram_entropy(converted.tensors[1], order, name="gram_y", eps=converted.eps)
    return converted.restore(joint - given)


def mutual_information(gram_x: ArrayT, gram_y: ArrayT, *, alpha: Order = 1.0) -> ArrayT:
    r"""Matrix-based mutual information, in nats, at most ``min(S(X), S(Y))`` for Grams of unit diagonal.

    .. math:: I_\alpha(X; Y) = S_\alpha(X) + S_\alpha(Y) - S_\alpha(X, Y)

    Non-negative at orders 0 and 1 for Grams of unit diagonal. At other orders it can be negative: it is returned as it
    is, never clipped. It is not an estimate of Shannon's mutual information between the variables behind the samples.

    Source: [giraldo2015].

    Args:
        gram_x: ``(..., n, n)``, symmetric, positive semidefinite.
        gram_y: the same shape.
        alpha: order, from 0 to ``math.inf``.

    Returns:
        ``(...,)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError, ValueError: as :func:`gramian.joint_entropy`.

    Differentiation:
        As :func:`gramian.matrix_entropy`.

    Cost:
        Three entropies.

    Example:
        >>> import numpy as np
        >>> float(np.exp(mutual_information(np.eye(4), np.eye(4))).round(9))
        4.0
    """
    order, converted = _checked((gram_x, gram_y), alpha, names=("gram_x", "gram_y"))
    return converted.restore(_shared(converted, ("gram_x", "gram_y"), order))


def total_correlation(*grams: ArrayT, alpha: Order = 1.0) -> ArrayT:
    r"""Matrix-based total correlation, in nats; mutual information for two Grams.

    .. math:: T_\alpha(X_1, \dots, X_k) = \sum_i S_\alpha(X_i) - S_\alpha(X_1, \dots, X_k)

    Non-negative at orders 0 and 1 for Grams of unit diagonal. At other orders it can be negative: it is returned as it
    is, never clipped.

    Source: [yu2019].

    Args:
        *grams: two or more ``(..., n, n)`` of one shape, symmetric, positive semidefinite.
        alpha: order, from 0 to ``math.inf``.

    Returns:
        ``(...,)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError, ValueError: as :func:`gramian.joint_entropy`; also fewer than two Grams.

    Differentiation:
        As :func:`gramian.matrix_entropy`.

    Cost:
        One entropy more than there are Grams.

    Example:
        >>> import numpy as np
        >>> float(np.exp(total_correlation(np.eye(3), np.eye(3), np.eye(3))).round(9))
        9.0
    """
    order, converted = _checked(grams, alpha, at_least=2)
    names = [f"grams[{i}]" for i in range(len(grams))]
    return converted.restore(_shared(converted, names, order))


def hadamard_product(grams: Sequence[Tensor]) -> Float[Tensor, "*batch n n"]:
    """Entrywise product of checked Grams; raises where no sample has weight in all of them."""
    product = grams[0]
    for gram in grams[1:]:
        product = in_range(product * gram)
    check_trace(product.detach().diagonal(dim1=-2, dim2=-1).sum(-1))
    return product


def check_trace(trace: Tensor) -> None:
    """Raises where the trace of a Hadamard product is zero."""
    if bool((trace <= 0).any()):
        remedy = "No sample has a positive diagonal entry in every Gram, so their joint entropy is undefined."
        raise value_fault("grams", "a Hadamard product of positive trace", "a zero trace", remedy)


def hadamard_entropy(grams: Sequence[Tensor], alpha: float, *, eps: float) -> Float[Tensor, "*batch"]:
    """Joint entropy of checked Grams, in float64."""
    return gram_entropy(hadamard_product(grams), alpha, name="product of the grams", eps=eps)


def _checked(
    grams: Sequence[ArrayT], alpha: Order, *, names: Sequence[str] | None = None, at_least: int = 2
) -> tuple[float, Converted[ArrayT]]:
    if len(grams) < at_least:
        raise value_fault(
            "grams", f"at least {at_least} Gram matrices", len(grams), "Pass them as positional arguments."
        )
    return checked_order(alpha), checked_grams(names or [f"grams[{i}]" for i in range(len(grams))], grams)


def _shared(converted: Converted[ArrayT], names: Sequence[str], alpha: float) -> Tensor:
    joint = hadamard_entropy(converted.tensors, alpha, eps=converted.eps)
    total: Tensor = -joint
    for name, gram in zip(names, converted.tensors, strict=True):
        total = total + gram_entropy(gram, alpha, name=name, eps=converted.eps)
    return total
