"""From what a module returned in one training step to views of embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gramian.itl._errors import type_fault, value_fault

__all__ = ["OutputHook", "embeddings_of", "views_of"]


def embeddings_of(output: Any) -> Tensor:
    """Embeddings ``(n, d)`` in what a module returned.

    A tensor ``(n, d)`` is taken as it is; of ``(n, tokens, d)`` the mean over tokens, padding included; of ``(n, d, h, w)``
    the mean over positions. Of a tuple, a list or a mapping (as transformers' models return) the first tensor is taken.

    Raises:
        TypeError: no floating tensor in it.
        ValueError: a tensor of another shape.
    """
    tensor = _first_tensor(output)
    if tensor is None or not tensor.is_floating_point():
        got = type(output).__name__ if tensor is None else tensor.dtype
        raise type_fault(
            "module", "a floating tensor as output", got, "Give read=, a function from the output to (n, d)."
        )
    found = tensor.detach()
    if found.ndim == 3:
        found = found.float().mean(1)
    elif found.ndim == 4:
        found = found.float().mean((2, 3))
    if found.ndim != 2:
        raise value_fault(
            "module",
            "an output (n, d), (n, tokens, d) or (n, d, h, w)",
            tuple(tensor.shape),
            "Give read=, a function from the output to (n, d).",
        )
    return found


def views_of(calls: Sequence[Tensor], *, views: int | None, interleaved: bool) -> tuple[Tensor, ...]:
    """The views of one batch, each ``(n, d)``, from the outputs of a module in the order of its calls.

    Args:
        calls: what every call of the step gave.
        views: how many views there are, in batches that hold all of them; None for a call each.
        interleaved: with ``views``: the views of a sample are neighbours, and not ``n`` rows apart.

    Returns:
        One tensor for each view; a single one of all rows where views cannot be told apart.

    Raises:
        ValueError: rows that are no multiple of ``views``.
    """
    if views is None:
        alike = all(call.shape == calls[0].shape for call in calls)
        return tuple(calls) if alike else (torch.cat(tuple(calls)),)
    rows = torch.cat(tuple(calls))
    if len(rows) % views:
        remedy = "Say how many views of a sample a training batch holds."
        raise value_fault("views", f"a batch of a multiple of {views} rows", len(rows), remedy)
    shape = (-1, views, rows.shape[1]) if interleaved else (views, -1, rows.shape[1])
    return rows.reshape(shape).unbind(1 if interleaved else 0)


@dataclass
class OutputHook:
    """Keeps what a module returns while told to listen; changes nothing of it."""

    module: nn.Module
    read: Callable[[Any], Tensor] = embeddings_of
    calls: list[Tensor] = field(default_factory=list)
    listening: bool = False

    def __post_init__(self) -> None:
        self._handle = self.module.register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, arguments: Any, output: Any) -> None:
        # Gradient checkpointing calls the module again in the backward pass: that is no further view.
        if self.listening and torch._C._current_graph_task_id() == -1:
            self.calls.append(self.read(output).detach())

    def taken(self) -> list[Tensor]:
        """What was kept since the last time, and stop listening."""
        self.listening = False
        calls, self.calls = self.calls, []
        return calls

    def remove(self) -> None:
        """Leave the module as it was."""
        self._handle.remove()


def _first_tensor(output: Any) -> Tensor | None:
    if isinstance(output, Tensor):
        return output
    parts = output.values() if isinstance(output, Mapping) else output if isinstance(output, list | tuple) else ()
    return next((found for part in parts if (found := _first_tensor(part)) is not None), None)
