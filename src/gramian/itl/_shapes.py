"""Annotations of the room: checked shapes inside, permissive kinds at its doors.

Inner functions carry jaxtyping shapes. They are real only for a type checker, or where jaxtyping is already loaded (the
tests load it first); everywhere else they are inert, so that ``import gramian`` loads torch and numpy only.

Public functions are annotated with the aliases below, which say nothing at run time: bad input then reaches our own
checks, and gets our own messages, whether or not shapes are being enforced.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["Array", "ArrayT", "Bandwidth", "Bool", "Count", "Float", "Int", "Kernel", "Name", "Order", "Seed"]

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import torch
    from jaxtyping import Bool, Float, Int
    from numpy.typing import NDArray

    Array = NDArray[Any] | torch.Tensor
    ArrayT = TypeVar("ArrayT", NDArray[Any], torch.Tensor)
    Bandwidth = str | float | np.generic | NDArray[Any] | torch.Tensor
    Count = int
    Kernel = str | Callable[[Any], Any]
    Name = str
    Order = float
    Seed = int | torch.Generator | None
else:
    ArrayT = TypeVar("ArrayT")
    Array = Bandwidth = Count = Kernel = Name = Order = Seed = Any

    if "jaxtyping" in sys.modules:
        from jaxtyping import Bool, Float, Int
    else:

        class _Inert:
            """Stands where jaxtyping's types would: ``Float[Tensor, "n"]`` is ``Tensor``."""

            def __class_getitem__(cls, item: tuple[Any, str]) -> Any:
                return item[0]

        Bool = Float = Int = _Inert
