"""A run on disk: a manifest, tables, and the progress that lets a killed run go on."""

from gramian.runs._directory import RunDirectory
from gramian.runs._document import read_document, write_document
from gramian.runs._environment import hardware, versions
from gramian.runs._errors import RunError, RunIncomplete, RunLocked, RunMismatch, RunWriteError
from gramian.runs._record import RunRecord, read_run

__all__ = [
    "RunDirectory",
    "RunError",
    "RunIncomplete",
    "RunLocked",
    "RunMismatch",
    "RunRecord",
    "RunWriteError",
    "hardware",
    "read_document",
    "read_run",
    "versions",
    "write_document",
]
