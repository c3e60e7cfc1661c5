"""One writer a run directory."""

from __future__ import annotations

import errno
import fcntl
import logging
from pathlib import Path
from typing import IO

from gramian.runs._atomic import write_error
from gramian.runs._errors import RunLocked

logger = logging.getLogger(__name__)

LOCK = ".lock"


def take_lock(folder: Path) -> IO[str]:
    """Takes the folder's lock; closing the returned file gives it back.

    The kernel holds the lock for the open file, so a killed process leaves none behind and the file itself, which
    stays, says nothing about whether somebody is writing. A file in the folder rather than the folder itself is locked
    because network file systems refuse an exclusive lock on something that is not open for writing.

    Raises:
        RunLocked: another process, or another ``RunDirectory`` of this one, has it.
        RunWriteError: the folder may not be written.
    """
    path = folder / LOCK
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise write_error(error, path) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            file.close()
            raise RunLocked(
                f"{folder}: expected a run that nobody is writing; got one that another process is writing. "
                "Wait until it ends, or give another directory."
            ) from error
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            file.close()
            raise
        logger.warning("%s: this file system has no locks; do not start the same run twice", folder)
    return file
