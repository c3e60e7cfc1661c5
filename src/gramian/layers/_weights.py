"""Hashes that name a set of weights."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

__all__ = ["config_hash", "file_hash", "module_hash", "weight_files", "weight_files_hash"]

_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_SINGLES = ("model.safetensors", "pytorch_model.bin")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes, in hexadecimal.

    A file in the hub's cache is a link to a blob that the hub names by this very hash; its name is trusted, since
    reading tens of gigabytes at every start would cost more than loading them.
    """
    real = path.resolve()
    if real.parent.name == "blobs" and _SHA256.fullmatch(real.name):
        return real.name
    with real.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """The weight files that loading reads from a model folder, in name order; safetensors before pickled ones.

    Returns:
        Paths, empty where the folder holds no weights.

    Raises:
        ValueError: An index names a shard that is not there, or is no index.
    """
    for single, index in zip(_SINGLES, _INDEXES, strict=True):
        if (folder / single).is_file():
            return [folder / single]
        if (folder / index).is_file():
            return _shards(folder / index)
    return []


def weight_files_hash(files: list[Path]) -> str:
    """One hash for a model: the weight file's own sha256, or for shards the sha256 over their names and hashes."""
    if len(files) == 1:
        return file_hash(files[0])
    lines = "".join(f"{file_hash(path)}  {path.name}\n" for path in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def config_hash(config: Mapping[str, Any], *, seed: int) -> str:
    """Hash of a configuration, less what changes neither weights nor states; with the seed it names an untrained model."""
    skipped = {"_name_or_path", "transformers_version", "dtype", "torch_dtype"}
    kept = {key: value for key, value in config.items() if key not in skipped}
    text = json.dumps({"config": kept, "seed": seed}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def module_hash(module: nn.Module) -> str:
    """Hash of weights in memory: names, dtypes, shapes and bytes of every parameter and saved buffer."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _shards(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"name: expected an index of weight files; got {index.name} with {error}.") from error
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise ValueError(
            f"name: expected all {len(names)} weight files of {index.name}; got no {missing[0]}. Finish the download."
        )
    return [index.parent / name for name in names]
