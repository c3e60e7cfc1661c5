"""Files that appear whole or not at all: written aside, synced, renamed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gramian.runs._errors import RunWriteError

ASIDE = ".aside"

_REMEDIES = {
    errno.ENOSPC: "The disk is full. Free some space and run the same command again: it goes on from its last chunk.",
    errno.EDQUOT: "The disk quota is used up. Free some space and run the same command again: it goes on.",
    errno.EFBIG: "The file would pass the size limit of this process. Raise the limit and run the same command again.",
    errno.EROFS: "The file system is read-only. Choose a directory that can be written.",
    errno.EACCES: "The directory may not be written by this user. Choose another or change its rights.",
    errno.EPERM: "The directory may not be written by this user. Choose another or change its rights.",
}


def write_error(error: OSError, path: Path) -> OSError:
    """The clear form of an error of the operating system, or the error itself when it is not about writing."""
    remedy = _REMEDIES.get(error.errno or 0)
    if remedy is None or isinstance(error, RunWriteError):
        return error
    clear = RunWriteError(f"{path}: expected to be able to write it; got {error.strerror}. {remedy}")
    clear.errno = error.errno
    return clear


def aside_of(path: Path) -> Path:
    """Where ``path`` is written before it is renamed: the same folder, since a rename is atomic only within one."""
    return path.with_name(f".{path.name}{ASIDE}")


def sync_folder(folder: Path) -> None:
    """Makes renames and removals in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the name ``path`` only when the block ends without an error.

    Whatever had that name before stays until then. A process killed at any moment leaves either the old file or the
    new one.

    Raises:
        RunWriteError: the disk is full or the folder may not be written; nothing partial is left.
    """
    aside = aside_of(path)
    renamed = False
    try:
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        renamed = True
        sync_folder(path.parent)
    except OSError as error:
        raise write_error(error, path) from error
    finally:
        if not renamed:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
