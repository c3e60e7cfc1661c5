"""A run directory that is being written: create, go on, refuse, finish."""

from __future__ import annotations

import copy
import logging
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from gramian.runs._atomic import aside_of, sync_folder, write_error
from gramian.runs._chunks import ChunkStore
from gramian.runs._environment import versions
from gramian.runs._errors import RunError
from gramian.runs._lock import LOCK, take_lock
from gramian.runs._manifest import (
    MANIFEST,
    RESERVED,
    new_manifest,
    plain,
    read_manifest,
    refuse_other_run,
    write_manifest,
)
from gramian.runs._tables import read_parquet, table_path, write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

PROGRESS = "progress"
REPORT = "report.html"
_FOLDERS = "folders"
_FOLDER_NAME = re.compile(r"[a-z][a-z0-9_]*")


class RunDirectory:
    """One run on disk, open for writing by this process alone.

    Made by :meth:`open`; used as a context manager, or closed with :meth:`close`. A process killed at any moment
    leaves a directory that :meth:`open` continues from the last chunk that was saved.

    Attributes:
        path: The directory.
    """

    def __init__(self, path: Path, manifest: dict[str, Any], lock: IO[str]) -> None:
        self.path = path
        self._manifest = manifest
        self._lock = lock
        self._chunks = ChunkStore(path / PROGRESS)

    @classmethod
    def open(
        cls, path: str | Path, *, command: str, parameters: Mapping[str, Any], overwrite: bool = False
    ) -> RunDirectory:
        """Creates a run, or goes on with the run of equal command and parameters that is there.

        Args:
            path: The directory; made if it is absent, with its parents.
            command: What makes the run, such as ``"measure"``.
            parameters: Everything the numbers depend on, as text, numbers, lists and mappings. Number of workers,
                directories and other things that change no number do not belong here: they would make a run refuse to
                go on.
            overwrite: Remove what an earlier run wrote here (its tables, progress and report), and start anew. Other
                files in the directory are left alone.

        Returns:
            The open run, locked.

        Raises:
            RunMismatch: a run of other parameters is there; the message shows the difference.
            RunLocked: another process is writing it.
            RunError: the path is a file, a folder with other things in it, or a damaged or newer run.
            RunWriteError: the directory may not be written, or the disk is full.
        """
        folder = Path(path)
        wanted = plain(parameters)
        _refuse_foreign(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(error, folder) from error
        lock = take_lock(folder)
        ready = False
        try:
            # Sharing the folder with a second process ends here, so what is there is looked at only now.
            if not (folder / MANIFEST).exists():
                manifest = new_manifest(command, wanted)
                write_manifest(folder, manifest)
            else:
                manifest = read_manifest(folder)
                if overwrite:
                    _remove_run(folder, manifest)
                    manifest = new_manifest(command, wanted)
                    write_manifest(folder, manifest)
                else:
                    refuse_other_run(folder, manifest, command, wanted)
                    _note_resumption(folder, manifest)
            run = cls(folder, manifest, lock)
            run._tidy()
            ready = True
        except OSError as error:
            raise write_error(error, folder) from error
        finally:
            if not ready:
                lock.close()
        return run

    def _tidy(self) -> None:
        """Removes what a killed process left: files written aside, half-written chunks, progress of a finished run."""
        for name in (MANIFEST, *(f"{table}.parquet" for table in self._manifest["tables"])):
            aside_of(self.path / name).unlink(missing_ok=True)
        if self.finished:
            self._chunks.clear()
        else:
            self._chunks.repair()

    @property
    def manifest(self) -> dict[str, Any]:
        """A copy of the manifest."""
        return copy.deepcopy(self._manifest)

    @property
    def finished(self) -> bool:
        """Whether the run is complete."""
        return bool(self._manifest["state"] == "complete")

    def update_manifest(self, **more: Any) -> None:
        """Adds entries to the manifest, or replaces entries added before, in one step.

        Raises:
            ValueError: an entry that this class keeps itself.
            TypeError: a value that JSON cannot hold.
        """
        self._writable(finished_too=True)
        taken = sorted((RESERVED | {_FOLDERS}) & more.keys())
        if taken:
            raise ValueError(
                f"more: expected other names than {', '.join(sorted(RESERVED | {_FOLDERS}))}; got {', '.join(taken)}. "
                "Rename it."
            )
        self._change({key: plain(value, name=key) for key, value in more.items()})

    def _change(self, entries: Mapping[str, Any]) -> None:
        changed = {**self._manifest, **entries}
        write_manifest(self.path, changed)
        self._manifest = changed

    def _writable(self, *, finished_too: bool = False) -> None:
        if self._lock.closed:
            raise RunError(
                f"{self.path}: expected an open run; got one that was closed. Open it again with RunDirectory.open."
            )
        if self.finished and not finished_too:
            raise RunError(
                f"{self.path}: expected a run that is going on; got a complete one. Overwrite it to start anew."
            )

    def done(self) -> set[str]:
        """Keys of the chunks that are on disk, each of them whole."""
        return self._chunks.keys()

    def save_chunk(self, key: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Saves named arrays under a key, whole or not at all; an earlier chunk of that key is replaced.

        Raises:
            ValueError: an unusable key, or no arrays.
            TypeError: something other than arrays of numbers or truth values.
            RunError: the run is complete or closed.
            RunWriteError: the disk is full or the directory read-only; nothing partial is left.
        """
        self._writable()
        self._chunks.save(key, arrays)

    def load_chunk(self, key: str) -> Mapping[str, np.ndarray[Any, Any]]:
        """The arrays of one chunk: read-only, mapped into memory, read from disk on access.

        Raises:
            ValueError: no chunk has this key.
        """
        return self._chunks.load(key)

    def write_table(self, name: str, tables: Iterable[pa.Table]) -> int:
        """Streams tables of one schema into ``<name>.parquet``, whole or not at all; returns the number of rows.

        Raises:
            ValueError: an unusable name, no table, or tables whose columns differ.
            RunError: the run is complete or closed.
            RunWriteError: the disk is full or the directory read-only; nothing partial is left.
        """
        self._writable()
        path = table_path(self.path, name)
        if name not in self._manifest["tables"]:
            # Listed before it exists: overwriting removes what is listed, so a table must never be there unlisted.
            self._change({"tables": [*self._manifest["tables"], name]})
        return write_parquet(path, tables)

    def folder(self, name: str) -> Path:
        """A folder of this run for files in another's format, made if it is absent; overwriting the run removes it.

        Raises:
            ValueError: an unusable name, or that of the progress.
            RunError: the run is complete or closed.
            RunWriteError: the directory may not be written.
        """
        self._writable()
        path = _folder_path(self.path, name)
        known = self._manifest.get(_FOLDERS, [])
        if name not in known:
            # Listed before it exists, as tables are: what is not listed is never removed.
            self._change({_FOLDERS: [*known, name]})
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(error, path) from error
        return path

    def read_table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Reads a table of this run, or some of its columns.

        Raises:
            RunError: no such table, or a damaged one.
            ValueError: an unusable name, or a column that is not there.
        """
        return read_parquet(table_path(self.path, name), columns)

    def finish(self) -> None:
        """Marks the run complete, then removes its progress.

        Raises:
            RunError: a table that was begun is not there.
        """
        self._writable(finished_too=True)
        missing = [name for name in self._manifest["tables"] if not table_path(self.path, name).is_file()]
        if missing:
            raise RunError(
                f"{self.path}: expected the tables {', '.join(missing)}; got no such files. Write them first."
            )
        if not self.finished:
            self._change({"state": "complete", "completed": datetime.now(UTC).isoformat(timespec="seconds")})
        self._chunks.clear()

    def close(self) -> None:
        """Gives the lock back; closing twice does nothing."""
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _refuse_foreign(folder: Path) -> None:
    """A folder that is not empty and holds no run is somebody's: it is never written into, overwrite or not."""
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder}: expected a directory; got a file. Give another path.")
    if not folder.is_dir() or (folder / MANIFEST).exists():
        return
    leftovers = {LOCK, aside_of(Path(MANIFEST)).name}
    other = sorted(p.name for p in folder.iterdir() if p.name not in leftovers)
    if other:
        shown = ", ".join(other[:3]) + (", ..." if len(other) > 3 else "")
        raise RunError(
            f"{folder}: expected an empty directory or a run; got one with other files ({shown}). Give another path."
        )


def _folder_path(folder: Path, name: str) -> Path:
    if not isinstance(name, str) or not _FOLDER_NAME.fullmatch(name) or name == PROGRESS:
        raise ValueError(f"name: expected a lower-case word such as 'mteb'; got {name!r}. Rename the folder.")
    return folder / name


def _remove_run(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Removes what the run wrote; killed half-way it leaves an unfinished run of the old parameters."""
    write_manifest(folder, {**manifest, "state": "running"})
    for name in manifest["tables"]:
        path = table_path(folder, name)
        path.unlink(missing_ok=True)
        aside_of(path).unlink(missing_ok=True)
    for name in manifest.get(_FOLDERS, []):
        shutil.rmtree(_folder_path(folder, name), ignore_errors=True)
    ChunkStore(folder / PROGRESS).clear()
    (folder / REPORT).unlink(missing_ok=True)
    sync_folder(folder)


def _note_resumption(folder: Path, manifest: dict[str, Any]) -> None:
    """Records it when an unfinished run goes on under other versions: its numbers then come from both."""
    if manifest["state"] == "complete":
        return
    current = versions()
    known = [manifest.get("versions"), *(entry.get("versions") for entry in manifest.get("resumed", []))]
    if current not in known:
        before = manifest.get("versions") or {}
        changed = ", ".join(
            f"{name} {before.get(name, 'absent')} -> {current.get(name, 'absent')}"
            for name in sorted(before.keys() | current.keys())
            if before.get(name) != current.get(name)
        )
        logger.warning("%s: going on with other versions than it began with (%s)", folder, changed)
        entry = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "versions": current}
        manifest["resumed"] = [*manifest.get("resumed", []), entry]
        write_manifest(folder, manifest)
