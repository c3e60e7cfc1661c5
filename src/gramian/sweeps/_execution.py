"""A plan from start to end: every cell measured, their tables together in one run directory."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from gramian.layers import Progress
from gramian.runs import RunDirectory, read_run
from gramian.sweeps._cell_runs import CellRun
from gramian.sweeps._cells import CELLS, cells_table, name_cells
from gramian.sweeps._executors import Executor, InProcess, Task
from gramian.sweeps._parents import known_cells, open_parent
from gramian.sweeps._plan import Plan, told_apart
from gramian.sweeps._tasks import settings_of

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SweepResult:
    """Where a sweep is, what it says of itself, and the run directories of its cells in the plan's order."""

    directory: Path
    manifest: dict[str, Any]
    cells: tuple[Path, ...]
    resumed: bool


def run_plan(
    plan: Plan,
    *,
    out: str | Path,
    executor: Executor | None = None,
    overwrite: bool = False,
    extend: bool = False,
    progress: Callable[[Progress], None] | None = None,
    command_line: str | None = None,
) -> SweepResult:
    """Measure every cell of a plan, and leave one run directory with the tables of all of them.

    Each cell is a run directory of its own under `cells/`, computed in shards. A plan that was stopped goes on where it was when it is
    run again, by whatever executor, and ends with the same tables.

    Args:
        plan: what to measure.
        out: the run directory.
        executor: where the work is done: `InProcess()`, which None stands for, or `OnRay(...)`. It changes no number.
        overwrite: start anew whatever run is there, its cells included.
        extend: take over the finished cells of the run that is there, if it differs from the plan in nothing but its cells.
        progress: called after every piece of work.
        command_line: what a user typed, for the manifests.

    Returns:
        The directory, its manifest, the cells' directories, and whether earlier work was used.

    Raises:
        ValueError: as `layers.measure`; a directory that holds a run of another plan; or cells whose rows could not be told apart.
    """
    started = time.monotonic()
    for cell in plan.cells:
        settings_of(plan, cell).plan()  # anything that can be refused is refused before a model loads
    folder = Path(out)
    names = name_cells(plan.cells, {} if overwrite else known_cells(folder))
    facts = {name: cell.parameters() for name, cell in zip(names, plan.cells, strict=True)}
    paths = tuple(folder / CELLS / name for name in names)
    with open_parent(folder, plan, facts, overwrite=overwrite, extend=extend) as run:
        if run.finished:
            return SweepResult(run.path, run.manifest, paths, resumed=True)
        token = run.manifest.get("token") or secrets.token_hex(8)
        run.update_manifest(token=token, **({"command_line": command_line} if command_line else {}))
        before = run.manifest.get("seconds", 0.0)
        cells = [
            CellRun(number, cell, plan, path, token=token, command_line=command_line)
            for number, (cell, path) in enumerate(zip(plan.cells, paths, strict=True))
        ]
        try:
            _Work(cells, names, list(facts.values()), executor or InProcess(), progress).do(plan.threads)
        finally:
            run.update_manifest(seconds=round(before + time.monotonic() - started, 1))
        _write_tables(run, plan, cells, names)
        run.finish()
        return SweepResult(run.path, run.manifest, paths, resumed=any(cell.resumed for cell in cells))


class _Work:
    """Everything that is still to be done, dealt out to an executor as there is room."""

    def __init__(
        self,
        cells: Sequence[CellRun],
        names: Sequence[str],
        facts: Sequence[Mapping[str, Any]],
        executor: Executor,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._cells = cells
        self._names = names
        self._facts = facts
        self._executor = executor
        self._progress = progress or (lambda _: None)
        self._seen: dict[tuple[str, ...], str] = {}
        self._finishing: list[Future[None]] = []

    def do(self, threads: int | None) -> None:
        for cell in self._cells:
            self._tell_apart(cell)
        if all(cell.finished for cell in self._cells):
            return
        with ExitStack() as stack:
            for cell in self._cells:
                stack.callback(cell.close)
            # Beside the workers, spectra of one cell are taken while others are read; in process there is nobody to wait for.
            pool = (
                stack.enter_context(ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(_threads(),)))
                if self._executor.beside
                else None
            )
            stack.callback(self._executor.stop)
            self._executor.start(threads=threads)
            while self._begin_more() or self._executor.busy:
                self._take(*self._executor.next(), pool)
            for done in self._finishing:
                done.result()

    def _begin_more(self) -> bool:
        begun = False
        while self._executor.room and (waiting := self._waiting()):
            self._cells[self._executor.begin(waiting).key[0]].begin()
            begun = True
        return begun

    def _waiting(self) -> list[Task]:
        """Shards before decisions: a cell that is decided on takes memory until it is finished."""
        tasks = [(cell.decided, task) for cell in self._cells if (task := cell.waiting()) is not None]
        return [task for decided, task in tasks if decided] or [task for _, task in tasks]

    def _take(self, task: Task, result: Any, pool: ThreadPoolExecutor | None) -> None:
        number, shard = task.key
        cell = self._cells[number]
        if shard is None:
            cell.decide(result, self._facts[number])
            self._tell_apart(cell)
        else:
            cell.take(shard, result)
        self._report()
        if cell.whole:
            logger.info("cell %d of %d: all of its prompts are read", number + 1, len(self._cells))
            if pool is None:
                cell.finish(lambda done, total: self._progress(Progress("spectra", done, total, "layers")))
            else:
                self._finishing.append(pool.submit(cell.finish, lambda done, total: None))
        for done in [one for one in self._finishing if one.done()]:
            done.result()
            self._finishing.remove(done)

    def _report(self) -> None:
        """Tokens, of cells that are not decided on as many as of the mean cell."""
        known = [counts for cell in self._cells if (counts := cell.tokens) is not None]
        total = sum(total for _, total in known)
        unknown = sum(not cell.decided and not cell.finished for cell in self._cells)
        expected = total + round(unknown * total / len(known))
        self._progress(Progress("model", sum(read for read, _ in known), expected, "tokens"))

    def _tell_apart(self, cell: CellRun) -> None:
        identity = cell.identity
        if identity is None:
            return
        key, name = tuple(identity.values()), self._names[cell.number]
        if self._seen.setdefault(key, name) != name:
            raise ValueError(told_apart(self._seen[key], name, key))


def _threads() -> int:
    return torch.get_num_threads()


def _write_tables(run: RunDirectory, plan: Plan, cells: Sequence[CellRun], names: Sequence[str]) -> None:
    records = [read_run(cell.path) for cell in cells]
    identities = [identity for cell in cells if (identity := cell.identity) is not None]

    def measures() -> Iterator[pa.Table]:
        for record in records:
            yield record.tables["measures"]

    run.write_table("measures", measures())
    run.write_table("cells", [cells_table(plan.cells, names, identities)])
    warnings = dict.fromkeys(warning for record in records for warning in record.manifest.get("warnings", []))
    run.update_manifest(warnings=list(warnings), tokens=sum(record.manifest["tokens"] for record in records))
