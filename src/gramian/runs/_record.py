"""A complete run, for reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramian.runs._errors import RunError, RunIncomplete
from gramian.runs._manifest import read_manifest
from gramian.runs._tables import check_parquet, read_parquet, table_path

if TYPE_CHECKING:
    import pyarrow as pa


class _Tables(Mapping[str, "pa.Table"]):
    """Tables by name, read when asked for: spectra of a large run do not fit beside everything else."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._paths = {name: table_path(folder, name) for name in names}

    def __getitem__(self, name: str) -> pa.Table:
        return read_parquet(self._paths[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


@dataclass(frozen=True)
class RunRecord:
    """A complete run.

    Attributes:
        path: Its directory.
        manifest: What was asked, on what, with which versions.
        tables: Its tables by name; each access reads the file, so keep what is used twice.
    """

    path: Path
    manifest: Mapping[str, Any]
    tables: Mapping[str, pa.Table]

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """One table, or some of its columns.

        Raises:
            RunError: the run has no such table, or it is damaged.
            ValueError: a column that is not there.
        """
        if name not in self.tables:
            names = ", ".join(self.tables) or "none"
            raise RunError(f"name: expected a table of this run ({names}); got {name!r}. Correct the name.")
        return read_parquet(table_path(self.path, name), columns)


def read_run(path: str | Path) -> RunRecord:
    """Opens a complete run for reading, without a lock: a complete run is never written again.

    Raises:
        RunError: no run there, or a damaged or newer one.
        RunIncomplete: the run has not finished; the message says how to go on with it.
    """
    folder = Path(path)
    if not folder.is_dir():
        got = "a file" if folder.exists() else "nothing there"
        raise RunError(f"{folder}: expected a run directory; got {got}. Give the directory that `--out` named.")
    manifest = read_manifest(folder)
    if manifest["state"] != "complete":
        again = manifest.get("command_line") or f"gramian {manifest['command']}"
        raise RunIncomplete(
            f"{folder}: expected a complete run; got one that has not finished. "
            f"Run `{again}` again with the same arguments: it goes on from its last chunk."
        )
    for name in manifest["tables"]:
        check_parquet(table_path(folder, name))
    return RunRecord(path=folder, manifest=manifest, tables=_Tables(folder, manifest["tables"]))
