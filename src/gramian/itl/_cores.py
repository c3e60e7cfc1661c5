"""Independent pieces of linear algebra on every core at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor

__all__ = ["batched_eigenvalues", "map_on_cores"]

Item = TypeVar("Item")
Result = TypeVar("Result")


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    # One thread of linear algebra inside each worker: with more, the libraries' own threads compete with ours and
    # batches of small matrices take three times as long. The setting is the worker's own, the caller's is untouched.
    return ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,), thread_name_prefix="gramian")


def map_on_cores(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`[function(item) for item in items]`, on as many threads as torch uses here, each with one thread of linear algebra.

    Args:
        function: called with each item, in several threads at once.
        items: any number of them.

    Returns:
        Results in the order of the items.

    Raises:
        Exception: what the function raises, for the first item that fails.

    Example:
        >>> map_on_cores(abs, [-1, 2])
        [1, 2]
    """
    workers = torch.get_num_threads()
    if workers == 1:
        return [function(item) for item in items]
    return list(_pool(workers).map(function, items))


# Beyond this size one matrix keeps several cores busy by itself.
_SMALL = 512


def batched_eigenvalues(matrices: Tensor) -> Tensor:
    """Eigenvalues of many symmetric matrices, `(..., n, n)` -> `(..., n)`, ascending, in the dtype given.

    LAPACK takes a batch one matrix after the other and a small one does not fill two cores, so small ones are dealt out to
    threads. Only the lower triangle is read. With gradients, or off the CPU, it is `torch.linalg.eigvalsh`.

    Args:
        matrices: `(..., n, n)`, symmetric, float32 or float64.

    Returns:
        `(..., n)`, ascending.

    Cost:
        ``n^3`` each, shared by as many threads as torch uses.

    Example:
        >>> batched_eigenvalues(torch.diag(torch.tensor([3.0, 1.0])).expand(2, 2, 2)).tolist()
        [[1.0, 3.0], [1.0, 3.0]]
    """
    count = matrices.shape[:-2].numel()
    recorded = torch.is_grad_enabled() and matrices.requires_grad
    if recorded or matrices.device.type != "cpu" or count < 2 or matrices.shape[-1] > _SMALL:
        eigenvalues: Tensor = torch.linalg.eigvalsh(matrices)
        return eigenvalues
    flat = matrices.reshape(-1, *matrices.shape[-2:])
    parts = map_on_cores(torch.linalg.eigvalsh, flat.chunk(torch.get_num_threads()))
    return torch.cat(parts).reshape(matrices.shape[:-1])
