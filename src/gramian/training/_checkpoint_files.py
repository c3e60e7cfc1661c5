"""Checkpoint files: written whole or not at all, read without running code."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from gramian.runs._atomic import aside_of, sync_folder, write_error, written_whole

__all__ = ["CheckpointFault", "WholeCheckpoints", "keep_copy", "read_checkpoint"]

NOTE = "gramian"
_FORMAT = "gramian-checkpoint"
_VERSION = 1


class CheckpointFault(ValueError):
    """A file that is no checkpoint of this library, or a damaged one."""


def note_of(description: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of itself."""
    return {"format": _FORMAT, "version": _VERSION, **description}


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A checkpoint of this library, in main memory.

    Args:
        path: The file, or a run directory, whose last checkpoint is meant.

    Returns:
        Lightning's dictionary, with what was told to `fit` as ``description`` under ``"gramian"``.

    Raises:
        CheckpointFault: Nothing there, a damaged file, one that would run code, or somebody else's.
    """
    given = Path(path)
    file = given / "checkpoints" / "last.ckpt" if given.is_dir() else given
    if not file.is_file():
        rule = "a checkpoint, or a run directory that has one"
        raise CheckpointFault(
            f"checkpoint: expected {rule}; got {given}, where none is. Give a file such as last.ckpt."
        )
    try:
        if not zipfile.is_zipfile(file):
            raise ValueError("no archive of torch.save")
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a reader of pickles says of bytes that are none, and of code it will not run
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointFault(
            f"checkpoint: expected a whole checkpoint of gramian; got {file}, which cannot be read ({reason[:120]}). "
            "Give another file."
        ) from error
    note = content.get(NOTE) if isinstance(content, dict) else None
    if not isinstance(note, dict) or note.get("format") != _FORMAT:
        raise CheckpointFault(
            f"checkpoint: expected one that gramian wrote; got {file}, of another program. Give checkpoints/last.ckpt of a run."
        )
    if note.get("version") != _VERSION:
        raise CheckpointFault(
            f"checkpoint: expected format version {_VERSION}; got {note.get('version')!r} in {file}. Upgrade Gramian to read it."
        )
    found: dict[str, Any] = content
    return found


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's way to files, with ours at its end: aside, synced, renamed; and read with ``weights_only``."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write it whole, or leave what was there.

        Raises:
            RunWriteError: The disk is full or the folder may not be written.
        """
        target = Path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(error, target.parent) from error
        with written_whole(target) as file:
            try:
                torch.save(checkpoint, file)
            except RuntimeError as error:
                # The writer of torch's archive hides the error of the system behind one of its own.
                cause = next((one for one in _causes(error) if isinstance(one, OSError)), None)
                if cause is None:
                    raise
                raise cause from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read it; never with anything that could run code."""
        return read_checkpoint(path)


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def keep_copy(file: Path, name: str) -> Path:
    """The checkpoint under a second name, without a second copy where the file system can: the first name is replaced, not written over."""
    target = file.with_name(name)
    aside = aside_of(target)
    try:
        aside.unlink(missing_ok=True)
        try:
            os.link(file, aside)
        except OSError:
            shutil.copyfile(file, aside)
        aside.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise write_error(error, target) from error
    return target
