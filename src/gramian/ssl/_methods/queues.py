"""Queues of earlier embeddings."""

from __future__ import annotations

from torch import nn

__all__ = ["persistent"]


def persistent(bank: nn.Module) -> nn.Module:
    """The bank, with its contents in checkpoints: lightly leaves them out, and a resumed run would start with random ones."""
    for name, buffer in list(bank.named_buffers(recurse=False)):
        bank.register_buffer(name, buffer, persistent=True)
    return bank
