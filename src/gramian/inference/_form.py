"""Which divergence of a labelling is computed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Form"]


@dataclass(frozen=True)
class Form:
    """What is computed of a labelling.

    Attributes:
        alpha: order.
        balanced: whether every group counts the same, whatever its size.
        eps: precision of the caller's numbers, which orders below 1 need.
    """

    alpha: float
    balanced: bool
    eps: float
