"""GGUF files, dequantised once and kept as safetensors.

Transformers needs about 20 seconds to dequantise even a small GGUF file, at every start. The converted model is kept
under ``$XDG_CACHE_HOME/gramian/gguf`` (``~/.cache`` where that is not set), in a folder named after the file's sha256
and the version of transformers, since another version may convert differently.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

from gramian.layers._weights import file_hash

__all__ = ["cache_folder", "converted_folder"]

_LOGGER = logging.getLogger(__name__)
_MAGIC = b"GGUF"
_MANIFEST = "gramian.json"
_FORMAT = 1


def cache_folder() -> Path:
    """Folder of Gramian's cache; it may not exist yet."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored.
    return (Path(root) if Path(root).is_absolute() else Path.home() / ".cache") / "gramian"


@contextmanager
def converted_folder(file: Path, *, cache: bool) -> Iterator[Path]:
    """A folder of the transformers layout with the dequantised float32 weights, configuration and tokenizer.

    Args:
        file: The GGUF file.
        cache: Whether to keep the conversion and to use a kept one. A cache that cannot be written to is not an
            error, a damaged one is rebuilt.

    Yields:
        The folder; a temporary one, removed on exit, where nothing is kept.

    Raises:
        ValueError: The file is no GGUF file, is cut short, or holds an architecture that transformers cannot read.

    Cost: about 20 s for 135 million parameters the first time, then a checksum of the kept weights.
    """
    _check_magic(file)
    kept = _kept(file) if cache else None
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="gramian-gguf-") as aside:
        folder = Path(aside) / "model"
        folder.mkdir()
        _convert(file, folder)
        yield folder


def _kept(file: Path) -> Path | None:
    """The kept conversion, made now if need be; None where the cache cannot hold it."""
    from transformers import __version__ as version

    digest = file_hash(file)
    target = cache_folder() / "gguf" / f"{digest[:32]}-transformers-{version}"
    if _is_whole(target, digest):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".partial-", dir=target.parent))
    except OSError as error:
        _LOGGER.warning("the conversion of %s is not kept: %s", file.name, error)
        return None
    try:
        _convert(file, aside)
        _seal(aside, digest)
        _move_into_place(aside, target)
    except OSError as error:
        _LOGGER.warning("the conversion of %s is not kept: %s", file.name, error)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target if _is_whole(target, digest) else None


def _move_into_place(aside: Path, target: Path) -> None:
    if target.exists():
        stale = Path(tempfile.mkdtemp(prefix=".stale-", dir=target.parent))
        target.rename(stale / "model")
        shutil.rmtree(stale, ignore_errors=True)
    aside.chmod(0o755)
    aside.rename(target)


def _seal(folder: Path, digest: str) -> None:
    """Write the hashes of the folder's files, last: a folder without them is not whole."""
    hashes = {path.name: _flushed_hash(path) for path in sorted(folder.iterdir())}
    manifest = folder / _MANIFEST
    with manifest.open("w", encoding="utf-8") as stream:
        json.dump({"format": _FORMAT, "gguf": digest, "files": hashes}, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())


def _flushed_hash(path: Path) -> str:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_whole(folder: Path, digest: str) -> bool:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != _FORMAT or manifest["gguf"] != digest:
            return False
        return all(file_hash(folder / name) == expected for name, expected in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _check_magic(file: Path) -> None:
    try:
        with file.open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise ValueError(f"name: expected a readable GGUF file; got {file} ({error.strerror}).") from error
    if start != _MAGIC:
        raise ValueError(f"name: expected a GGUF file, which starts with 'GGUF'; got {file} starting with {start!r}.")


def _convert(file: Path, folder: Path) -> None:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer

    from gramian.layers._loading import quiet_loading

    def load(step: Callable[[], Any]) -> Any:
        try:
            return step()
        except (
            ValueError,
            IndexError,
            KeyError,
            TypeError,
            OSError,
            RuntimeError,
            AttributeError,
            OverflowError,
            struct.error,
        ) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"name: expected a whole GGUF file of an architecture that transformers reads; got {file} "
                f"({type(error).__name__}: {reason}). Download it again, or use the model's safetensors."
            ) from error

    location = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    # The conversion draws a progress bar of its own on stderr, which transformers' switch does not reach.
    with quiet_loading(), redirect_stderr(io.StringIO()):
        tokenizer = load(lambda: AutoTokenizer.from_pretrained(**location))
        model = load(lambda: AutoModel.from_pretrained(**location, dtype=torch.float32))
    # The weights are plain numbers now; left marked as GGUF, they would be refused for saving and expected on loading.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    try:
        with quiet_loading():
            tokenizer.save_pretrained(folder)
            model.save_pretrained(folder, max_shard_size="1000TB")
    except SafetensorError as error:
        # A full disk, reported by safetensors in its own way.
        raise OSError(f"{folder}: {error}") from error
