"""What this room needs beyond the core."""

from __future__ import annotations

from importlib import import_module


def require_lightning() -> None:
    """Raises an ImportError of one clear line where PyTorch Lightning is missing."""
    try:
        import_module("pytorch_lightning")
    except ImportError as error:
        raise ImportError(
            'training: expected the package pytorch-lightning; got none. Install it with: pip install "gramian[ssl]"'
        ) from error
