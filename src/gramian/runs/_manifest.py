"""The manifest of a run: what was asked, on what, and how far it got."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gramian.runs._atomic import written_whole
from gramian.runs._environment import hardware, versions
from gramian.runs._errors import RunError, RunMismatch

MANIFEST = "manifest.json"
FORMAT = "gramian-run"
FORMAT_VERSION = 1
RESERVED = frozenset({"format", "format_version", "command", "parameters", "state", "created", "tables"})
_SHOWN = 12


def plain(value: Any, *, name: str = "parameters") -> Any:
    """``value`` as JSON holds it, so that what is compared is what was written.

    Tuples become lists, paths text, NumPy scalars Python numbers and infinities the text ``inf`` or ``-inf``, because
    JSON has no infinity and order infinity is a legitimate parameter.

    Raises:
        TypeError: something JSON has no form for.
        ValueError: a number that is not one (NaN), which would never equal itself on resuming.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            raise ValueError(f"{name}: expected a number; got nan. A run with it could never be continued.")
        return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{name}: expected text as keys; got {key!r}. Convert the key.")
        return {key: plain(item, name=f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, name=f"{name}[{index}]") for index, item in enumerate(value)]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return plain(value.item(), name=name)
    raise TypeError(
        f"{name}: expected text, numbers, true, false, none, lists and mappings; got {type(value).__name__}. "
        "Give the manifest a plain description of it."
    )


def new_manifest(command: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of a run that starts now; ``parameters`` are plain already."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "command": command,
        "parameters": dict(parameters),
        "state": "running",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "hardware": hardware(),
        "tables": [],
    }


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Replaces the manifest in one step."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with written_whole(folder / MANIFEST) as file:
        file.write(text.encode())


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest in ``folder``, checked.

    Raises:
        RunError: none there, damaged, not ours, or of a newer format.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise RunError(
            f"{folder}: expected a run directory; got no {MANIFEST} in it. Give the directory that `--out` named."
        )
    try:
        manifest = json.loads(path.read_bytes())
    except ValueError as error:
        raise RunError(
            f"{path}: expected JSON; got something damaged ({error}). The run cannot be continued: "
            "move the directory away and start again."
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise RunError(
            f"{path}: expected the manifest of a Gramian run; got another file of that name. Give another directory."
        )
    version = manifest.get("format_version")
    if not isinstance(version, int) or version < 1:
        raise RunError(
            f"{path}: expected a format version from 1 on; got {version!r}. Move the directory away and start again."
        )
    if version > FORMAT_VERSION:
        raise RunError(
            f"{path}: expected format version {FORMAT_VERSION} or older; got {version}, which a newer Gramian wrote. "
            "Upgrade Gramian to read it."
        )
    missing = [key for key in sorted(RESERVED) if key not in manifest]
    wrong = not missing and (
        not isinstance(manifest["parameters"], dict)
        or not isinstance(manifest["tables"], list)
        or manifest["state"] not in ("running", "complete")
    )
    if missing or wrong:
        got = f"one without {', '.join(missing)}" if missing else "one whose entries have the wrong types"
        raise RunError(f"{path}: expected a whole manifest; got {got}. Move the directory away and start again.")
    return manifest


def _leaves(value: Any, prefix: str) -> dict[str, Any]:
    if isinstance(value, dict) and value:
        merged: dict[str, Any] = {}
        for key, item in value.items():
            merged |= _leaves(item, f"{prefix}.{key}" if prefix else key)
        return merged
    return {prefix: value}


def differences(there: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two sets of plain parameters, one line each, such as ``alpha: 1.0 there, 2.0 now``."""
    old, new = _leaves(dict(there), ""), _leaves(dict(now), "")
    lines = []
    for key in sorted((old.keys() | new.keys()) - {""}):
        if key not in new:
            lines.append(f"{key}: {json.dumps(old[key])} there, not given now")
        elif key not in old:
            lines.append(f"{key}: not given there, {json.dumps(new[key])} now")
        elif json.dumps(old[key]) != json.dumps(new[key]) and old[key] != new[key]:
            lines.append(f"{key}: {json.dumps(old[key])} there, {json.dumps(new[key])} now")
    return lines


def refuse_other_run(folder: Path, manifest: Mapping[str, Any], command: str, parameters: Mapping[str, Any]) -> None:
    """Raises RunMismatch, with the difference, unless the manifest is of this command with these parameters."""
    lines = differences(manifest["parameters"], parameters)
    if manifest["command"] != command:
        lines.insert(0, f"command: {json.dumps(manifest['command'])} there, {json.dumps(command)} now")
    if lines:
        more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
        shown = "; ".join(lines[:_SHOWN] + more)
        raise RunMismatch(
            f"{folder}: expected a run with the same parameters; got {shown}. "
            "Give another directory, or overwrite to start anew."
        )
