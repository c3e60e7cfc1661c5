"""The order of an entropy: any number from 0 to infinity."""

from __future__ import annotations

import math
import numbers

import numpy as np
from torch import Tensor

from gramian.itl._errors import type_fault, value_fault
from gramian.itl._shapes import Order

__all__ = ["checked_order", "rank_cutoff"]


def checked_order(alpha: Order) -> float:
    """The order as a float in ``[0, inf]``; an array or tensor without axes is a number.

    Raises:
        TypeError: not a number.
        ValueError: negative or NaN.
    """
    if isinstance(alpha, np.ndarray | Tensor) and alpha.ndim == 0:
        alpha = alpha.item()
    if isinstance(alpha, bool) or not isinstance(alpha, numbers.Real):
        raise type_fault("alpha", "a number", type(alpha).__name__, "Orders are floats from 0 to math.inf.")
    order = float(alpha)
    if math.isnan(order) or order < 0:
        raise value_fault("alpha", "an order from 0 to infinity", order, "Order 1 is Shannon's, order 2 the cheapest.")
    return order


def rank_cutoff(alpha: float, size: int, eps: float) -> float:
    """Eigenvalues at or below this fraction of the largest count as zero: ``size * eps`` below order 1, else 0.

    Orders below 1 amplify rounding noise (at order 0 a noise eigenvalue counts as much as any other); at orders from 1
    the cut would remove flat tails that are real.

    Raises:
        ValueError: the fraction reaches 1, so that nothing can be told from noise (half precision, many samples).
    """
    if alpha >= 1:
        return 0.0
    if size * eps >= 1:
        remedy = "Use float32 or float64 input, or an order of at least 1."
        got = f"order {alpha} on {size} eigenvalues with relative rounding {eps:.2g}"
        raise value_fault("alpha", "an order of at least 1 where rounding hides the rank", got, remedy)
    return size * eps
