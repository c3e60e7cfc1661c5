"""What keeps exclusive codes from repeating the shared ones."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl import conditional_entropy
from gramian.multiview._codes import Rule, checked_codes, code_gram

__all__ = ["conditional_entropy_loss"]


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
