"""How many threads the linear algebra of a probe gets."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy.typing as npt

__all__ = ["threads_for"]

# Below this a fit takes milliseconds, and threads that wait for each other on a busy machine take fifty times that.
_SMALL = 10_000_000


def threads_for(x: npt.NDArray[Any], classes: int) -> AbstractContextManager[Any]:
    """One thread for ``(n, d)`` vectors of so few classes that a pass over them is short; else as many as there are."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1) if x.shape[0] * min(x.shape) * classes < _SMALL else nullcontext()
