"""One cell on its way: decided on, its shards computed, merged into the tables of its run directory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gramian.layers._job import Job, write_results
from gramian.layers._merged_shards import ShardStore
from gramian.layers._shards import Shard, plan_shards, shard_work
from gramian.runs import RunDirectory, read_run
from gramian.runs._manifest import read_manifest
from gramian.sweeps._executors import Task
from gramian.sweeps._plan import Cell, Plan
from gramian.sweeps._tasks import ShardRequest, cell_request, compute_cell_shard, decide_cell

IDENTITY = ("model", "revision", "corpus", "condition")


class CellRun:
    """The run of one cell.

    Args:
        number: of the cell in its plan.
        cell: what to measure.
        plan: what it belongs to.
        path: its run directory.
        token: of the sweep: a directory that another sweep wrote is written anew.
        command_line: what a user typed, for the manifest.
    """

    def __init__(
        self, number: int, cell: Cell, plan: Plan, path: Path, *, token: str, command_line: str | None
    ) -> None:
        self.number = number
        self.path = path
        self._cell = cell
        self._plan = plan
        self._token = token
        self._command_line = command_line
        self._request = cell_request(plan, cell)
        self._job: Job | None = None
        self._run: RunDirectory | None = None
        self._store: ShardStore | None = None
        self._queue: deque[Shard] = deque()
        self._tokens: tuple[int, int] | None = None
        self._deciding = False
        self._started = 0.0
        self.identity: dict[str, str] | None = None
        self.resumed = self.finished = self._is_finished()

    def _is_finished(self) -> bool:
        """Whether this sweep has finished the cell before; the model is then not looked at again."""
        if not (self.path / "manifest.json").is_file():
            return False
        manifest = read_manifest(self.path)
        if manifest["state"] != "complete" or manifest["parameters"].get("sweep") != self._token:
            return False
        first = read_run(self.path).table("measures", IDENTITY).slice(0, 1).to_pylist()[0]
        self.identity = {name: str(value) for name, value in first.items()}
        return True

    @property
    def decided(self) -> bool:
        """Whether its prompts and parameters are known."""
        return self._tokens is not None

    @property
    def tokens(self) -> tuple[int, int] | None:
        """Tokens read and tokens in all, views included; None where it was not decided on in this session."""
        return self._tokens

    @property
    def whole(self) -> bool:
        """Whether every shard is on disk, and the tables can be written."""
        return self._store is not None and self._store.whole

    def waiting(self) -> Task | None:
        """What can be begun next: the decision, or a shard."""
        model = self._request.model
        if self._queue:
            shard = self._queue[0]
            return Task((self.number, shard.number), compute_cell_shard, self._shard_request(shard), model.key)
        if self.finished or self._deciding or self.decided:
            return None
        return Task((self.number, None), decide_cell, lambda: self._request, model.key)

    def _shard_request(self, shard: Shard) -> Callable[[], ShardRequest]:
        job, store = self._working()

        def request() -> ShardRequest:
            weights = str(job.parameters["model"]["weights_hash"])
            return ShardRequest(self._request.model, weights, shard_work(job, store.shards, shard))

        return request

    def _working(self) -> tuple[Job, ShardStore]:
        if self._job is None or self._store is None:
            raise RuntimeError(f"cell {self.number}: its shards were asked for before it was decided on")
        return self._job, self._store

    def begin(self) -> None:
        """Note that what was waiting is under way."""
        if self._queue:
            self._queue.popleft()
        else:
            self._deciding = True

    def decide(self, job: Job, facts: Mapping[str, Any]) -> None:
        """Open the run directory, and find out which shards are there.

        Raises:
            ValueError: the directory holds a run of this sweep with other parameters: the model's files have changed.
        """
        self._started = time.monotonic()
        shards = plan_shards(job, tokens=self._plan.shard_tokens, form=self._plan.accumulators)
        parameters = {
            **job.parameters,
            "shards": shards.parameters,
            "threads": self._plan.threads,
            "cell": facts,
            "sweep": self._token,
        }
        self._run = RunDirectory.open(
            self.path, command="measure", parameters=parameters, overwrite=self._belongs_to_another()
        )
        if self._command_line:
            self._run.update_manifest(command_line=self._command_line)
        self._job, self._store = job, ShardStore(self._run, job, shards)
        self._queue = deque(self._store.missing)
        self._deciding = False
        self.identity = {name: getattr(job.identity, name) for name in IDENTITY}
        self.resumed = bool(self._store.done)
        read = sum(job.cost(shards.parts[number].indices) for number in self._store.done)
        self._tokens = read, job.cost(range(len(job.lengths)))

    def _belongs_to_another(self) -> bool:
        if not (self.path / "manifest.json").is_file():
            return False
        return bool(read_manifest(self.path)["parameters"].get("sweep") != self._token)

    def take(self, shard: int, arrays: dict[str, np.ndarray]) -> None:
        """Keep a shard that came back."""
        job, store = self._working()
        store.save(store.shards.parts[shard], arrays)
        read, total = self._tokens or (0, 0)
        self._tokens = read + job.cost(store.shards.parts[shard].indices), total

    def finish(self, report: Callable[[int, int], None]) -> None:
        """Merge the shards, write the tables, and close the run."""
        job, store = self._working()
        write_results(store.run, job, store.chunks(), store.statistics(), report=report)
        before = store.run.manifest.get("seconds", 0.0)
        store.run.update_manifest(seconds=round(before + time.monotonic() - self._started, 1))
        store.run.finish()
        self.finished = True
        self.close()

    def close(self) -> None:
        """Let go of the run directory."""
        if self._run is not None:
            self._run.close()
        self._run = self._store = self._job = None
