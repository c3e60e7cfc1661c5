"""Samples in files of arrays: NumPy's, PyTorch's, safetensors, and saved hidden states of a model."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["SUFFIXES", "read_array"]

SUFFIXES = (".npy", ".npz", ".pt", ".pth", ".safetensors")
_ALONE = "Save one array of numbers, a point a row."


def read_array(path: Path, *, key: str | None, layer: int | None) -> np.ndarray:
    """The array of a file, ``(n, d)`` and floating; a single axis is ``n`` points of one number.

    Args:
        path: A ``.npy``, ``.npz``, ``.pt``, ``.pth`` or ``.safetensors`` file. Nothing is unpickled.
        key: Which array of a file of several.
        layer: Which layer of a file of hidden states, as `gramian measure` reads them; of views the first is taken.

    Raises:
        ValueError: A damaged or pickled file, an array that is not named or not there, another shape or kind.
        ImportError: safetensors is missing.
    """
    if layer is not None:
        return _layer(path, layer, key)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        if key is not None:
            raise ValueError(f"{path}: expected no name of an array; got :{key}. A .npy file holds one array.")
        return _points(_npy(path), str(path))
    arrays = {".npz": _npz, ".safetensors": _safetensors}.get(suffix, _torch)(path)
    name = _chosen(list(arrays), key, path)
    return _points(arrays[name], f"{path}:{name}" if name else str(path))


def _layer(path: Path, layer: int, key: str | None) -> np.ndarray:
    from gramian.layers import load_activations

    if key is not None:
        raise ValueError(f"{path}: expected --layer or :{key}; got both. Leave one out.")
    states = load_activations(path)
    if not 0 <= layer < states.layers:
        raise ValueError(f"--layer: expected a layer from 0 to {states.layers - 1} of {path}; got {layer}. Correct it.")
    points = states.layer(layer)
    return _points(points[:, 0] if points.ndim == 3 else points, f"{path}, layer {layer}")


def _npy(path: Path) -> np.ndarray:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise _damaged(path, error) from error


def _npz(path: Path) -> Mapping[str, Any]:
    try:
        archive = np.load(path, allow_pickle=False)
        # A file that only ends in .npz loads as one array.
        return {name: archive[name] for name in archive.files} if hasattr(archive, "files") else {"": archive}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from error


def _safetensors(path: Path) -> Mapping[str, Any]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError(
            f"{path}: expected the package safetensors; got none. Install it with: pip install 'gramian[layers]'"
        ) from error
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error


def _torch(path: Path) -> Mapping[str, Any]:
    import pickle

    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise _damaged(path, error) from error
    if isinstance(loaded, torch.Tensor):
        return {"": loaded}
    if isinstance(loaded, Mapping) and any(isinstance(value, torch.Tensor) for value in loaded.values()):
        return {str(name): value for name, value in loaded.items() if isinstance(value, torch.Tensor)}
    raise ValueError(f"{path}: expected a tensor, or tensors by name; got a {type(loaded).__name__}. {_ALONE}")


def _chosen(names: list[str], key: str | None, path: Path) -> str:
    if not names:
        raise ValueError(f"{path}: expected an array; got a file without any. {_ALONE}")
    if key is None:
        if len(names) > 1:
            raise ValueError(
                f"{path}: expected the name of one of its arrays ({', '.join(names)}); got none. Write {path}:{names[0]}"
            )
        return names[0]
    if key not in names:
        raise ValueError(f"{path}: expected one of its arrays ({', '.join(names)}); got {key!r}. Correct the name.")
    return key


def _points(array: Any, where: str) -> np.ndarray:
    """Numbers as float32 where they are no finer, else float64."""
    import torch

    if isinstance(array, torch.Tensor):
        if array.is_sparse or array.layout != torch.strided:
            raise ValueError(f"{where}: expected a dense tensor; got {array.layout}. Save tensor.to_dense().")
        coarse = array.dtype in (torch.float16, torch.bfloat16)
        array = (array.detach().float() if coarse else array.detach()).numpy()
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{where}: expected numbers; got {array.dtype}. {_ALONE}")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        hint = " Layers of hidden states are read with --layer." if array.ndim in (3, 4) else ""
        raise ValueError(
            f"{where}: expected points (n, d); got shape {tuple(array.shape)}. Reshape it to a point a row.{hint}"
        )
    # Long double is brought to float64 too: nothing computes in it.
    fine = array.dtype.newbyteorder("=") not in (np.float16, np.float32)
    return np.asarray(array, dtype=np.float64 if fine else np.float32)


def _damaged(path: Path, error: Exception) -> ValueError:
    reason = " ".join(str(error).split()) or type(error).__name__
    pickled = any(
        sign in reason for sign in ("allow_pickle", "Python objects", "Object arrays", "weights_only", "Weights only")
    )
    if pickled:
        return ValueError(
            f"{path}: expected arrays of numbers; got Python objects, which are never unpickled. {_ALONE}"
        )
    return ValueError(
        f"{path}: expected a whole {path.suffix} file; got a damaged one ({reason[:120]}). Copy it again."
    )
