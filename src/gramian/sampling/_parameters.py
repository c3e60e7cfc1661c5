"""What both samplers take, and what they accept as data."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.utils._param_validation import Interval, StrOptions

from gramian.itl._errors import type_fault
from gramian.sampling._points import RULES

__all__ = ["CONSTRAINTS", "check_numeric", "dense"]

CONSTRAINTS: dict[str, list[Any]] = {
    "alpha": [Interval(Real, 0, None, closed="left")],
    "bandwidth": [StrOptions(set(RULES)), Interval(Real, 0, None, closed="neither")],
    "bandwidth_factor": [Interval(Real, 0, None, closed="neither")],
    "standardize": ["boolean"],
    "landmarks": [Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
}


def check_numeric(x: Any) -> None:
    """Raises TypeError naming the columns of a data frame that hold no numbers; anything else passes."""
    if not hasattr(x, "dtypes") or not hasattr(x, "columns"):
        return
    wrong = [str(name) for place, name in enumerate(x.columns) if not _holds_numbers(x.iloc[:, place])]
    if wrong:
        remedy = "Encode them, for example with OrdinalEncoder or OneHotEncoder, or leave them out."
        raise type_fault("X", "columns of numbers", f"others in {', '.join(map(repr, wrong[:5]))}", remedy)


def _holds_numbers(column: Any) -> bool:
    kind = getattr(column.dtype, "kind", "O")
    if kind != "O":
        return kind in "biuf"
    try:
        column.astype(float)
    except (TypeError, ValueError):
        return False
    return True


def dense(x: Any) -> npt.NDArray[Any]:
    """The array, a sparse one in full."""
    full: npt.NDArray[Any] = x.toarray() if sparse.issparse(x) else np.asarray(x)
    return full
