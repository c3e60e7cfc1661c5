"""Files below one place, which is a folder or a zip of one: what images and folders there are, and their bytes."""

from __future__ import annotations

import os
import zipfile
from bisect import bisect_left
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from gramian.itl._errors import value_fault
from gramian.ssl._data.decoding import SUFFIXES, damaged

__all__ = ["FileTree", "FolderTree", "ZipTree", "open_tree"]

# A zip may promise anything: no photograph is this large.
LARGEST_FILE = 256 * 2**20
# Sizes of this many files go into a fingerprint; of a million files they would take longer than the names.
_SIZED_FILES = 1000


class FileTree(Protocol):
    """Names have slashes and are relative to the tree; what begins with a dot is not there."""

    @property
    def path(self) -> Path: ...

    def folders(self, under: str = "") -> list[str]:
        """Names of the folders right in a folder, sorted."""
        ...

    def images(self, under: str = "", *, below: bool = True) -> list[str]:
        """Full names of images in a folder, sorted; with ``below`` those in folders below it too."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is a file of a name."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        ...

    def fingerprint(self, names: Sequence[str]) -> str:
        """A hash of the names and of what is cheaply known of the contents."""
        ...


class FolderTree:
    """A folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def folders(self, under: str = "") -> list[str]:
        with os.scandir(self.path / under) as entries:
            return sorted(entry.name for entry in entries if _is_shown(entry.name) and entry.is_dir())

    def images(self, under: str = "", *, below: bool = True) -> list[str]:
        found: list[str] = []
        waiting = [under]
        while waiting:
            folder = waiting.pop()
            prefix = f"{folder}/" if folder else ""
            with os.scandir(self.path / folder) as entries:
                for entry in entries:
                    if not _is_shown(entry.name):
                        continue
                    if entry.name.lower().endswith(SUFFIXES):
                        if entry.is_file():
                            found.append(prefix + entry.name)
                    elif below and entry.is_dir():
                        waiting.append(prefix + entry.name)
        return sorted(found)

    def has(self, name: str) -> bool:
        return (self.path / name).is_file()

    def read(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise damaged(f"{name} in {self.path}", error) from error

    def fingerprint(self, names: Sequence[str]) -> str:
        digest = sha256("\n".join(names).encode())
        for position in range(0, len(names), max(1, len(names) // _SIZED_FILES)):
            digest.update(f"\0{(self.path / names[position]).stat().st_size}".encode())
        return digest.hexdigest()


class ZipTree:
    """A zip, read in place: nothing is unpacked to the disk.

    Raises:
        ValueError: It is damaged, or one of its names leads out of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: tuple[int, zipfile.ZipFile] | None = None
        self._images: list[str] = []
        self._files: set[str] = set()
        self._folders: dict[str, set[str]] = {"": set()}
        for entry in self._archive().infolist():
            parts = entry.filename.strip("/").split("/")
            if entry.filename.startswith("/") or "\\" in entry.filename or ".." in parts:
                got = f"{entry.filename!r} in {path}"
                remedy = "Do not use this file: it was made to write elsewhere."
                raise value_fault("data", "a zip whose names stay inside it", got, remedy)
            if not all(map(_is_shown, parts)):
                continue
            for depth in range(len(parts) if entry.is_dir() else len(parts) - 1):
                self._folders.setdefault("/".join(parts[:depth]), set()).add(parts[depth])
            if not entry.is_dir():
                self._files.add("/".join(parts))
        self._images = sorted(name for name in self._files if name.lower().endswith(SUFFIXES))

    def __reduce__(self) -> tuple[type[ZipTree], tuple[Path]]:
        # An open file cannot be sent to another process; the path can.
        return ZipTree, (self.path,)

    def folders(self, under: str = "") -> list[str]:
        return sorted(self._folders.get(under, ()))

    def images(self, under: str = "", *, below: bool = True) -> list[str]:
        prefix = f"{under}/" if under else ""
        first = bisect_left(self._images, prefix)
        # The character after "/" ends the run of names that begin with the prefix.
        last = bisect_left(self._images, f"{under}0") if under else len(self._images)
        inside = self._images[first:last]
        return inside if below else [name for name in inside if "/" not in name[len(prefix) :]]

    def has(self, name: str) -> bool:
        return name in self._files

    def read(self, name: str) -> bytes:
        archive = self._archive()
        size = archive.getinfo(name).file_size
        if size > LARGEST_FILE:
            rule = f"image files of at most {LARGEST_FILE:,} bytes"
            raise value_fault("data", rule, f"{size:,} in {name} of {self.path}", "Leave it out.")
        try:
            return archive.read(name)
        # RuntimeError: an encrypted entry; NotImplementedError: another compression.
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
            raise damaged(f"{name} in {self.path}", error) from error

    def fingerprint(self, names: Sequence[str]) -> str:
        archive = self._archive()
        digest = sha256()
        for name in names:
            digest.update(f"{name}\0{archive.getinfo(name).CRC:08x}\n".encode())
        return digest.hexdigest()

    def _archive(self) -> zipfile.ZipFile:
        # A process that was forked shares the position in its parent's file: it opens one of its own.
        if self._open is None or self._open[0] != os.getpid():
            try:
                self._open = (os.getpid(), zipfile.ZipFile(self.path))
            except (zipfile.BadZipFile, OSError) as error:
                got = f"a truncated or damaged one, {self.path} ({error})"
                raise value_fault("data", "a whole zip of images", got, "Copy it again.") from error
        return self._open[1]


def open_tree(path: str | Path) -> FileTree:
    """The folder or zip at a path.

    Raises:
        ValueError: There is neither.
    """
    place = Path(path).expanduser()
    if place.is_dir():
        return FolderTree(place)
    if place.is_file() and place.suffix.lower() == ".zip":
        return ZipTree(place)
    got = f"a file of another kind, {place}" if place.exists() else f"{place}, which does not exist"
    raise value_fault("data", "a folder of images or a .zip of one", got, "Check the path.")


def _is_shown(name: str) -> bool:
    """``__MACOSX`` holds a shadow of every file that macOS packs."""
    return not name.startswith(".") and name != "__MACOSX"
