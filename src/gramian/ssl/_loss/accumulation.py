"""Notices when gradients are accumulated over batches, which the FroSSL objective does not survive unchanged."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

__all__ = ["GradientAccumulationWarning", "watch_accumulation"]


class GradientAccumulationWarning(UserWarning):
    """Gradients of several batches are added up: that is not the objective on the larger batch."""


# The last layer's weight is one or two nodes behind a view; where a parameter is farther than this, nobody looks for it.
_NODES = 64


def watch_accumulation(loss: Tensor, views: Iterable[Tensor]) -> None:
    """Warns, when ``loss`` is differentiated, if the parameter nearest to a view still holds an earlier gradient.

    It costs no wait for the device where gradients are reset to None, torch's default; where they are reset to zeros,
    one look at one parameter a step. Nothing is watched while torch compiles, or for views that nothing has made.
    """
    if torch.compiler.is_compiling() or not loss.requires_grad:
        return
    made = next((view.grad_fn for view in views if view.grad_fn is not None), None)
    parameter = None if made is None else _nearest_parameter(made)
    if parameter is not None:
        loss.register_hook(lambda gradient: _warn_if_held(parameter))


def _nearest_parameter(node: Any) -> Tensor | None:
    queue, seen = deque([node]), {node}
    while queue and len(seen) <= _NODES:
        for following, _ in queue.popleft().next_functions:
            if following is None or following in seen:
                continue
            if hasattr(following, "variable"):
                found: Tensor = following.variable
                return found
            seen.add(following)
            queue.append(following)
    return None


def _warn_if_held(parameter: Tensor) -> None:
    held = parameter.grad
    if held is None or not bool(held.any()):
        return
    warnings.warn(
        f"gradients: expected none before the backward pass of FroSSL; got those of an earlier one (parameter of shape "
        f"{tuple(parameter.shape)}). Accumulated gradients are those of the mean loss of small batches, and the entropy "
        "of a small batch is not that of the large one: take a larger batch or more processes, or say "
        "warn_on_accumulation=False.",
        GradientAccumulationWarning,
        stacklevel=2,
    )
