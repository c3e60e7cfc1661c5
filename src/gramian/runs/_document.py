"""JSON documents beside a run's tables: what was concluded from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gramian.runs._atomic import written_whole
from gramian.runs._errors import RunError


def write_document(path: str | Path, document: Mapping[str, Any]) -> Path:
    """Write a document as JSON, whole or not at all; NaN and infinity become null.

    Args:
        path: The file; its directory must exist.
        document: Text, numbers, truth values, None, lists and mappings.

    Returns:
        The path.

    Raises:
        RunWriteError: the disk is full or the directory may not be written.
        TypeError: a value that JSON cannot hold.
    """
    target = Path(path)
    text = json.dumps(_finite(document), ensure_ascii=False, allow_nan=False, indent=1)
    with written_whole(target) as file:
        file.write(text.encode() + b"\n")
    return target


def read_document(path: str | Path, *, format: str) -> dict[str, Any] | None:
    """Read a document, or None where there is none.

    Args:
        path: The file.
        format: What its entry ``format`` must say.

    Raises:
        RunError: the file is no such document.
    """
    source = Path(path)
    if not source.is_file():
        return None
    try:
        document = json.loads(source.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{source}: expected JSON; got {error}. Remove the file and write it again.") from error
    if not isinstance(document, dict) or document.get("format") != format or document.get("version") != 1:
        raise RunError(f"{source}: expected {format} version 1; got something else. Remove it and write it again.")
    return document


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
