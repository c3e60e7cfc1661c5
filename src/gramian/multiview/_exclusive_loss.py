"""What keeps exclusive codes from repeating the shared ones."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl import conditional_entropy, dime
from gramian.itl._shapes import Count, Seed
from gramian.multiview._codes import Rule, checked_codes, code_gram

__all__ = ["conditional_entropy_loss", "independence_loss"]

# Of the mean variance, added to each direction of the codes: a direction under it stays small instead of being blown up to noise.
_FLOOR = 1e-4


def conditional_entropy_loss(
    exclusive: Tensor,
    shared: Tensor,
    *,
    alpha: float = 1.01,
    kernel: str = "gaussian",
    bandwidth: Rule | float = "dimension",
) -> Tensor:
    r"""Minus the entropy that exclusive codes add to shared ones: minimise it to keep the two apart, in nats.

    .. math:: -S_\alpha(E \mid Z) = S_\alpha(K_z) - S_\alpha(K_e \circ K_z)

    Within ``[-log n, 0]`` for the kernels here. Exclusive codes that follow from the shared ones in steps the kernel does not see
    add nothing and have 0.

    Source: [skean2023], whose released code has the roles of the two arguments and of the text the other way round.

    Args:
        exclusive: ``(n, d)``, codes of one view that the others should not have.
        shared: ``(n, e)``, codes that all views share; row i of both describes the same sample. Detach it to leave it alone.
        alpha: order, from 0 to ``math.inf``.
        kernel: ``"gaussian"`` or ``"laplacian"``.
        bandwidth: ``"dimension"`` for :math:`\sqrt{d / 2}`, ``"median"`` of the batch, or a positive number.

    Returns:
        A scalar.

    Raises:
        TypeError, ValueError: as :class:`DiMELoss`.

    Cost:
        Two entropies: ``n^3``; ``n^2`` at order 2.

    Example:
        >>> import torch
        >>> shared = torch.tensor([[0.0], [9.0], [0.0], [9.0]])
        >>> added = conditional_entropy_loss(torch.tensor([[0.0], [0.0], [9.0], [9.0]]), shared)
        >>> round(float(added.exp()), 3)
        0.5
    """
    first, second = checked_codes([exclusive, shared])
    with torch.autocast(first.device.type, enabled=False):
        grams = [code_gram(code, kernel, bandwidth) for code in (first, second)]
        return -conditional_entropy(*grams, alpha=alpha)


def independence_loss(
    exclusive: Tensor,
    shared: Tensor,
    *,
    alpha: float = 1.01,
    kernel: str = "gaussian",
    bandwidth: Rule | float = "dimension",
    permutations: Count = 5,
    rank: Count | None = None,
    seed: Seed = None,
) -> Tensor:
    r"""DiME between exclusive and shared codes, or 0 where it is below: minimise it so that the first do not repeat the second, in nats.

    .. math:: \max\{0, \operatorname{DiME}_\alpha(K_{We}, K_z)\}

    Exclusive codes are whitened by the matrix ``W`` of the batch and compared at the bandwidth :math:`\sqrt{d / 2}`. Their
    scale thus is no way out, nor is a repetition in a direction of small variance: the value is the same for every invertible
    linear map of them. DiME below 0 is dependence too, of a kind that has neighbours in one code apart in the other; without
    the floor training goes there.

    Source: ours, on DiME of [skean2023]; its released code punishes the mutual information of the two Grams.

    Args:
        exclusive: ``(n, d)``, codes of one view.
        shared: ``(n, e)``, codes that all views share; row i of both describes the same sample. Detach it to leave it alone.
        alpha: order, from 0 to ``math.inf``.
        kernel: ``"gaussian"`` or ``"laplacian"``.
        bandwidth: of the shared codes: ``"dimension"`` for :math:`\sqrt{e / 2}`, ``"median"`` of the batch, or a positive number.
        permutations: as in :func:`gramian.dime`.
        rank: as in :func:`gramian.dime`.
        seed: as in :func:`gramian.dime`.

    Returns:
        A scalar, from 0 to ``log n``.

    Raises:
        TypeError, ValueError: as :class:`DiMELoss`.

    Differentiation:
        The gradient is 0 where DiME is below 0.

    Cost:
        ``permutations + 1`` joint entropies; see :func:`gramian.dime`.

    Example:
        >>> import torch
        >>> shared = torch.tensor([[0.0], [9.0], [0.0], [9.0]])
        >>> float(independence_loss(torch.tensor([[0.0], [0.0], [9.0], [9.0]]), shared, seed=0))
        0.0
    """
    first, second = checked_codes([exclusive, shared])
    with torch.autocast(first.device.type, enabled=False):
        grams = [code_gram(_whitened(first), kernel, "dimension"), code_gram(second, kernel, bandwidth)]
        return dime(*grams, alpha=alpha, permutations=permutations, rank=rank, seed=seed).clamp(min=0)


def _whitened(codes: Tensor) -> Tensor:
    centred = codes - codes.mean(0)
    covariance = centred.T @ centred / len(codes)
    floor = _FLOOR * covariance.diagonal().mean()
    factor = torch.linalg.cholesky(covariance + floor * torch.eye(len(covariance)).to(covariance))
    white: Tensor = torch.linalg.solve_triangular(factor, centred.T, upper=False).T
    return white
