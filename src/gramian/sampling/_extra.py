"""What this room needs beyond the core."""

from __future__ import annotations

from importlib import import_module


def require_imblearn() -> None:
    """Raises an ImportError of one clear line where imbalanced-learn, or what it needs, is missing."""
    try:
        import_module("imblearn.under_sampling")
    except ImportError as error:
        raise ImportError(
            "sampling: expected the package imbalanced-learn; got none."
            " Install it with pip install 'gramian[sampling]'."
        ) from error
