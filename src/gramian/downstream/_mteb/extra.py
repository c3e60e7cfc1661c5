"""MTEB, loaded when it is first needed and kept from disturbing its surroundings."""

from __future__ import annotations

import logging
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

__all__ = ["mteb_package", "undisturbed"]

# What these log at every evaluation: tasks that a newer version supersedes, prompts that a model lacks, retries.
_TALKATIVE = ("mteb", "huggingface_hub", "datasets", "httpx")


def mteb_package(what: str) -> Any:
    """The package `mteb`.

    Args:
        what: What it is needed for, for the message.

    Raises:
        ImportError: It is not installed.
    """
    if find_spec("mteb") is None:
        raise ImportError(f"tasks: expected mteb, for {what}; got none. Install it with: pip install 'gramian[mteb]'")
    with undisturbed():
        return import_module("mteb")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Global random state, log levels and warnings afterwards as they were before, and nothing printed meanwhile.

    Making an MTEB task seeds the generators of Python, NumPy and torch, which may be another's.
    """
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002, it is the state that MTEB seeds
    bars = not are_progress_bars_disabled()
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        disable_progress_bars()
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)  # noqa: NPY002
            if bars:
                enable_progress_bars()
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
