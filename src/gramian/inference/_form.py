"""Which divergence of a labelling is computed."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from gramian.itl._errors import value_fault

__all__ = ["Form", "check_masses"]


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


def check_masses(masses: Tensor) -> None:
    """Raises ValueError where a group could not be balanced: its vectors, under some labelling, are all zero."""
    if not bool(masses.amin() > 0):
        remedy = "Leave zero vectors out, or pass balanced=False."
        raise value_fault(
            "gram", "a positive trace in every group, however labelled", "a group with zero trace", remedy
        )
