"""What can go wrong with a run directory, as types a caller can tell apart."""

from __future__ import annotations


class RunError(ValueError):
    """A run directory that cannot be used as asked: no run, damaged, or of another format."""


class RunMismatch(RunError):
    """The directory holds a run made by another command or with other parameters."""


class RunLocked(RunError):
    """Another process is writing this run directory."""


class RunIncomplete(RunError):
    """The run has not finished, so its tables are not there to be read."""


class RunWriteError(OSError, ValueError):
    """The operating system refused a write: full disk, quota, read-only folder.

    An ``OSError`` with its ``errno``, so that a caller can tell a full disk from a missing right, and a
    ``ValueError``, so that the command line prints it as one line like every other fault of the user's set-up.
    """
