"""Where the work of a plan is done: the protocol, and this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from gramian.sweeps._tasks import forget_model


@dataclass(frozen=True)
class Task:
    """One piece of work.

    Attributes:
        key: what the giver of the task calls it: the number of a cell, and of a shard or None.
        function: a function of a module, which another process can import.
        request: makes its argument, plain data, when the task begins.
        model: tasks of one model are best done by one worker, which then loads it once.
    """

    key: tuple[int, int | None]
    function: Callable[[Any], Any]
    request: Callable[[], Any]
    model: str


class Executor(Protocol):
    """Does tasks, some at a time, in any order. It changes no number: those depend on the task alone."""

    @property
    def room(self) -> bool:
        """Whether another task can be begun now."""
        ...

    @property
    def busy(self) -> int:
        """Tasks begun and not yet handed back."""
        ...

    @property
    def beside(self) -> bool:
        """Whether tasks go on while the caller does something else."""
        ...

    def start(self, *, threads: int | None) -> None:
        """Make ready; `threads` of linear algebra for each task, None for what the place gives."""
        ...

    def begin(self, waiting: Sequence[Task]) -> Task:
        """Begin one of the waiting tasks, the first unless another suits better; returns it."""
        ...

    def next(self) -> tuple[Task, Any]:
        """Wait for a task that is done: the task and what its function returned, or raise what it raised."""
        ...

    def stop(self) -> None:
        """Give back what `start` took; tasks that are not done are dropped."""
        ...


class InProcess:
    """This process, one task after the other."""

    beside = False

    def __init__(self) -> None:
        self._begun: list[Task] = []
        self._threads: int | None = None

    @property
    def room(self) -> bool:
        return not self._begun

    @property
    def busy(self) -> int:
        return len(self._begun)

    def start(self, *, threads: int | None) -> None:
        self._threads = threads

    def begin(self, waiting: Sequence[Task]) -> Task:
        self._begun.append(waiting[0])
        return waiting[0]

    def next(self) -> tuple[Task, Any]:
        task = self._begun.pop()
        with threads_of_linear_algebra(self._threads):
            return task, task.function(task.request())

    def stop(self) -> None:
        self._begun = []
        forget_model()


@contextmanager
def threads_of_linear_algebra(count: int | None) -> Iterator[None]:
    """So many threads inside the block, and as many as before after it; None changes nothing."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
