"""Difference of matrix-based entropies: dependence against shuffled pairs."""

from __future__ import annotations

import torch

from gramian.itl._counts import checked_count
from gramian.itl._dependence import hadamard_entropy
from gramian.itl._gram_checks import checked_grams
from gramian.itl._order import checked_order
from gramian.itl._randomness import as_generator
from gramian.itl._shapes import ArrayT, Count, Order, Seed

__all__ = ["dime"]


def dime(gram_x: ArrayT, gram_y: ArrayT, *, alpha: Order = 1.01, permutations: Count = 5, seed: Seed = None) -> ArrayT:
    r"""Difference of entropies DiME: how much lower the joint entropy is than under shuffled pairs, in nats.

    .. math:: \operatorname{DiME}_\alpha = \mathbb{E}_P\, S_\alpha(K_x \circ P K_y P^\top) - S_\alpha(K_x \circ K_y)

    Within ``[-log n, log n]``. About zero for independent samples; zero for a constant Gram, of which every shuffle is
    the same, and for the identity. Small samples can give slightly negative values, which are returned as they are.

    Source: [skean2023]. The expectation is a mean over sampled permutations, shared by the batch.

    Args:
        gram_x: ``(..., n, n)``, symmetric, positive semidefinite.
        gram_y: the same shape; row i of both describes the same sample.
        alpha: order, from 0 to ``math.inf``.
        permutations: number of sampled permutations, at least 1.
        seed: an integer, a ``torch.Generator`` or None; the global random state is left alone.

    Returns:
        ``(...,)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: as :func:`gramian.joint_entropy`; also ``permutations`` not an integer, ``seed`` of another kind.
        ValueError: as :func:`gramian.joint_entropy`; also ``permutations`` below 1.

    Differentiation:
        As :func:`gramian.matrix_entropy`, with the permutations held fixed.

    Cost:
        ``permutations + 1`` joint entropies: ``n^3`` each, ``n^2`` at order 2.

    Example:
        >>> import numpy as np
        >>> float(dime(np.eye(4), np.ones((4, 4)), seed=0))
        0.0
    """
    order = checked_order(alpha)
    count = checked_count("permutations", permutations, 1, "Five are the usual number.")
    generator = as_generator(seed)
    converted = checked_grams(["gram_x", "gram_y"], [gram_x, gram_y])
    left, right = converted.tensors
    paired = hadamard_entropy((left, right), order, eps=converted.eps)
    shuffled = torch.zeros_like(paired)
    for _ in range(count):
        draw = torch.randperm(left.shape[-1], generator=generator, device=generator.device).to(right.device)
        moved = right.index_select(-2, draw).index_select(-1, draw)
        shuffled = shuffled + hadamard_entropy((left, moved), order, eps=converted.eps)
    return converted.restore(shuffled / count - paired)
