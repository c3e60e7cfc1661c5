"""A trained encoder as a folder that runs no code when it is read: settings in JSON, weights in safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from gramian.itl._errors import type_fault, value_fault
from gramian.multiview._estimator import DiMEEncoder
from gramian.runs import RunError, read_document, write_document
from gramian.runs._atomic import written_whole

__all__ = ["load_encoder", "save_encoder"]

_FORMAT = "gramian-multiview-encoder"
_SETTINGS, _WEIGHTS = "settings.json", "weights.safetensors"
# What encoders had that were saved before the parameter was there.
_BEFORE = {"independence": 0.0, "n_init": 1}


def save_encoder(encoder: DiMEEncoder, folder: str | Path) -> Path:
    """Write a fitted encoder.

    Args:
        encoder: fitted, its encoders given by name; one of own modules is for `pickle`.
        folder: made if it is absent; an encoder in it is written over.

    Returns:
        The folder.

    Raises:
        TypeError: encoders that are modules of the caller's.
        NotFittedError: not fitted.
        RunWriteError: the folder may not be written.
    """
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(encoder, "network_")
    if not isinstance(encoder.encoders, str):
        rule = "encoders by name, such as mlp"
        raise type_fault("encoder", rule, "modules of your own", "Pickle it, or save their state_dict.")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    weights = {name: value.contiguous() for name, value in encoder.network_.state_dict().items()}
    with written_whole(target / _WEIGHTS) as file:
        file.write(save(weights))
    parameters = {**encoder.get_params(deep=False), "out": None}
    shapes = [list(shape) for shape in encoder.shapes_]
    write_document(target / _SETTINGS, {"format": _FORMAT, "version": 1, "parameters": parameters, "shapes": shapes})
    return target


def load_encoder(folder: str | Path) -> DiMEEncoder:
    """An encoder that `save_encoder` or `gramian multiview` wrote, ready to transform.

    Args:
        folder: that of the encoder.

    Returns:
        The fitted estimator, without the history of its training.

    Raises:
        ValueError: no encoder there, or a damaged one.
    """
    source = Path(folder)
    remedy = "Give the folder encoder/ of a run of gramian multiview."
    document = read_document(source / _SETTINGS, format=_FORMAT)
    if document is None or not (source / _WEIGHTS).is_file():
        raise value_fault("folder", "a saved encoder", f"{source}, where none is", remedy)
    try:
        encoder = DiMEEncoder(**{**_BEFORE, **document["parameters"]})
        shapes = [tuple(shape) for shape in document["shapes"]]
        with torch.random.fork_rng(devices=[]):
            network = encoder._untrained([torch.zeros(2, *shape) for shape in shapes])
        network.load_state_dict(load_file(source / _WEIGHTS))
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise RunError(
            f"folder: expected a whole encoder; got {source}, which cannot be read ({reason}). {remedy}"
        ) from error
    fitted: Any = encoder
    fitted.network_, fitted.shapes_, fitted.history_, fitted.resumed_ = network.eval(), shapes, {}, False
    fitted.start_losses_ = np.array([])
    return encoder
