"""A plan on Ray: workers that keep their model, a lost one replaced and its task done again."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from gramian.runs import versions
from gramian.sweeps._executors import Task

logger = logging.getLogger(__name__)

LOCAL = "local"
# Ray on one machine: bound to the loopback alone, without a token file in the home and without usage reports. Read when Ray is imported.
_LOOPBACK = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
}
# A result that is ready has at most to be copied from another machine.
_FETCH_SECONDS = 600
_WAIT_SECONDS = 30
_USER_ERRORS = (ValueError, TypeError, OSError, ImportError)


@dataclass(frozen=True)
class Refusal:
    """A user's mistake that a worker found, without the worker's traceback."""

    kind: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> Refusal:
        return cls(next(kind.__name__ for kind in _USER_ERRORS if isinstance(error, kind)), str(error))

    def error(self) -> Exception:
        kinds: dict[str, type[Exception]] = {kind.__name__: kind for kind in _USER_ERRORS}
        return kinds[self.kind](self.message)


class Worker:
    """What runs in a worker's process; its model is kept there from one task to the next."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)

    def hello(self) -> dict[str, Any]:
        """The process, its machine and its versions."""
        return {"pid": os.getpid(), "node": platform.node(), "versions": versions()}

    def work(self, function: Callable[[Any], Any], request: Any) -> Any:
        """What the function returns, or a refusal."""
        try:
            return function(request)
        except _USER_ERRORS as error:
            return Refusal.of(error)


@dataclass
class _Hand:
    """A worker as the driver sees it."""

    actor: Any
    hello: Any
    model: str | None = None
    greeted: bool = False


class OnRay:
    """A Ray cluster: one that is begun here, or one that is there.

    A worker that is lost (killed, out of memory, its machine gone) is replaced, and its task done again; nothing else is lost, because
    every result that came back is on disk. The tables are those of a run in process.

    Args:
        address: ``"local"`` for a cluster of this machine that ends with the run, ``"auto"`` for the one this machine belongs to,
            or ``host:port`` of a head node.
        workers: how many; None for as many as the cluster's cores (or graphics processors, where they are asked for) allow.
        gpus: graphics processors of each worker; 0 hides them from it, parts of one are shared.
        retries: how many workers a task may lose.

    Raises:
        ValueError: for a number out of range.
    """

    beside = True

    def __init__(
        self, address: str = LOCAL, *, workers: int | None = None, gpus: float = 0.0, retries: int = 3
    ) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"workers: expected at least 1; got {workers}. Leave it out for as many as fit")
        if gpus < 0:
            raise ValueError(f"gpus: expected at least 0; got {gpus}. 0.5 lets two workers share one")
        if retries < 0:
            raise ValueError(f"retries: expected at least 0; got {retries}. With 0 a lost worker ends the run")
        if not address:
            raise ValueError("address: expected 'local', 'auto' or host:port; got nothing. Give one of them")
        self.address = address
        self.workers = workers
        self.gpus = gpus
        self.retries = retries
        self._hands: list[_Hand] = []
        self._at_work: dict[Any, tuple[Task, _Hand]] = {}
        self._lost: dict[Any, int] = {}
        self._places = 0
        self._threads = 1
        self._began = False

    def start(self, *, threads: int | None) -> None:
        self._threads = threads or 1
        ray = _import_ray(local=self.address == LOCAL)
        if not ray.is_initialized():
            self._begin_or_join(ray)
            self._began = True
        self._places = self._check_resources(ray.cluster_resources())

    def _begin_or_join(self, ray: ModuleType) -> None:
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        if self.address == LOCAL:
            workers = self.workers or max(1, _cores() // self._threads)
            # A core for each thread is what the workers take; whether the machine has them is the user's choice.
            with _environment(_LOOPBACK):
                ray.init(num_cpus=workers * self._threads, include_dashboard=False, **quiet)
            return
        try:
            ray.init(address=self.address, **quiet)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise ValueError(
                f"ray: expected a cluster at {self.address!r} with this Python and this Ray; got {_last_line(error)}. "
                "Start one with `ray start --head`, or give `--ray local`"
            ) from error

    def _check_resources(self, there: Mapping[str, float]) -> int:
        """How many workers fit; raises where none does."""
        cores, gpus = int(there.get("CPU", 0)), there.get("GPU", 0.0)
        fit = cores // self._threads
        if self.gpus:
            fit = min(fit, int(gpus / self.gpus + 1e-9))
        if fit < 1:
            raise ValueError(
                f"ray: expected room for a worker of {self._threads} cores and {self.gpus:g} graphics processors; "
                f"got a cluster of {cores} and {gpus:g}. Ask for less, or add machines"
            )
        if self.workers is not None and self.workers > fit:
            logger.warning("ray: room for %d of %d workers; the others start when machines join", fit, self.workers)
        return self.workers or fit

    @property
    def room(self) -> bool:
        return self.busy < self._places

    @property
    def busy(self) -> int:
        return len(self._at_work)

    def begin(self, waiting: Sequence[Task]) -> Task:
        at_work = [hand for _, hand in self._at_work.values()]
        idle = [hand for hand in self._hands if not any(hand is other for other in at_work)]
        for task in waiting:
            for hand in idle:
                if hand.model == task.model:
                    self._give(task, hand)
                    return task
        # A new worker before one that would have to load another model.
        hand = self._hire() if len(self._hands) < self._places else idle[0]
        self._give(waiting[0], hand)
        return waiting[0]

    def _hire(self) -> _Hand:
        ray = _import_ray(local=False)
        remote = ray.remote(num_cpus=self._threads, num_gpus=self.gpus, max_restarts=0, max_task_retries=0)(Worker)
        actor = remote.remote(self._threads)
        hand = _Hand(actor, actor.hello.remote())
        self._hands.append(hand)
        return hand

    def _give(self, task: Task, hand: _Hand) -> None:
        hand.model = task.model
        self._at_work[hand.actor.work.remote(task.function, task.request())] = task, hand

    def next(self) -> tuple[Task, Any]:
        ray = _import_ray(local=False)
        while True:
            ready: list[Any] = []
            while not ready:
                ready, _ = ray.wait(list(self._at_work), num_returns=1, timeout=_WAIT_SECONDS)
            task, hand = self._at_work.pop(ready[0])
            try:
                self._greet(ray, hand)
                result = ray.get(ready[0], timeout=_FETCH_SECONDS)
            except _losses(ray) as error:
                self._replace(task, hand, error)
                continue
            if isinstance(result, Refusal):
                raise result.error()
            return task, result

    def _greet(self, ray: ModuleType, hand: _Hand) -> None:
        """Numbers of other versions are other numbers: refused before the first is taken."""
        if hand.greeted:
            return
        said = ray.get(hand.hello, timeout=_FETCH_SECONDS)
        logger.info("ray: worker %d on %s", said["pid"], said["node"])
        here, there = versions(), said["versions"]
        other = [
            f"{name} {there.get(name, 'absent')} there, {here.get(name, 'absent')} here"
            for name in sorted(here.keys() | there.keys())
            if here.get(name) != there.get(name)
        ]
        if other:
            raise ValueError(
                f"ray: expected the driver's versions on every worker; got {', '.join(other)} on {said['node']}. "
                "Install the same on all machines"
            )
        hand.greeted = True

    def _replace(self, task: Task, hand: _Hand, error: Exception) -> None:
        self._hands = [other for other in self._hands if other is not hand]
        lost = self._lost[task.key] = self._lost.get(task.key, 0) + 1
        reason = _last_line(error)
        if lost > self.retries:
            raise ValueError(
                f"ray: expected a worker that lives through one piece of the plan; got {lost} that did not ({reason}). "
                "If memory ran out, take fewer workers or smaller shard_tokens; the same command goes on"
            ) from error
        logger.warning("ray: worker lost (%s); its work is done again, %d of %d", reason, lost, self.retries)
        self._give(task, self._hire())

    def stop(self) -> None:
        if not self._hands and not self._began:
            return
        ray = _import_ray(local=False)
        for hand in self._hands:
            ray.kill(hand.actor, no_restart=True)
        self._hands, self._at_work, self._lost = [], {}, {}
        if self._began:
            ray.shutdown()
            self._began = False


def _import_ray(*, local: bool) -> ModuleType:
    try:
        with _environment(_LOOPBACK if local else {}):
            import ray
    except ImportError as error:
        raise ImportError("ray: expected the package ray; got none. Run `pip install 'gramian[ray]'`.") from error
    module: ModuleType = ray
    return module


def _losses(ray: ModuleType) -> tuple[type[Exception], ...]:
    """What Ray raises for work whose worker, machine or result is gone, and not for what the work itself raises."""
    errors = ray.exceptions
    return (
        errors.RayActorError,
        errors.WorkerCrashedError,
        errors.NodeDiedError,
        errors.OutOfMemoryError,
        errors.ObjectLostError,
    )


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables inside the block; those the user set stay."""
    added = [name for name in variables if name not in os.environ]
    os.environ.update({name: variables[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
