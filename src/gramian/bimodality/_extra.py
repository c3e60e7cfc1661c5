"""What this room needs beyond the core, asked for where it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def require_diptest() -> Any:
    """The package ``diptest``."""
    return _require("diptest")


def require_mixture() -> Any:
    """Scikit-learn's ``GaussianMixture``."""
    return _require("sklearn.mixture").GaussianMixture


def _require(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(
            f"bimodality: expected the package {package}; got none. Install it with pip install 'gramian[downstream]'."
        ) from error
