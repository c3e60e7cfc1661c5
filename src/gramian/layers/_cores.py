"""Independent pieces of linear algebra on every core at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    # One thread of linear algebra inside each worker: with more, the libraries' own threads compete with ours and
    # batches of small matrices take three times as long. The setting is the worker's own, the caller's is untouched.
    return ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,), thread_name_prefix="gramian")


def map_on_cores(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`[function(item) for item in items]`, on as many threads as torch uses here; results in order, errors raised."""
    workers = torch.get_num_threads()
    if workers == 1:
        return [function(item) for item in items]
    return list(_pool(workers).map(function, items))
