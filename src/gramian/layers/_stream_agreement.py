"""Whether what the hooks saw is what a model reports of itself; shared by the checks of models of text and of images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gramian.layers._streams import run_hooked

__all__ = [
    "BLOCK_FIRST",
    "EMBEDDING_FIRST",
    "UNREPORTED",
    "agree",
    "collect_streams",
    "comparable",
    "mismatch",
    "require_finite",
    "tolerance_of",
]

EMBEDDING_FIRST = "embedding first"
BLOCK_FIRST = "block first"
UNREPORTED = "unreported"


def require_finite(residual: list[Tensor], family: str) -> None:
    """Raise ValueError where a state is infinite or undefined."""
    if not all(bool(torch.isfinite(states).all()) for states in residual):
        raise ValueError(
            f"model: expected finite hidden states; got infinite or undefined ones in family {family!r}. "
            "Load with dtype='bfloat16' or 'float32', which have the range that float16 lacks."
        )


def tolerance_of(backbone: nn.Module) -> float:
    """How far two computations of one state may lie apart, as a share of the largest number in it.

    Half precision keeps about three digits, and a batch rounds differently from a single row.
    """
    return 1e-4 if next(backbone.parameters()).dtype == torch.float32 else 0.05


def collect_streams(
    backbone: nn.Module, blocks: nn.ModuleList, batch: dict[str, Tensor], options: dict[str, bool]
) -> tuple[list[Tensor], Any]:
    """The residual stream at every layer, as `comparable` copies, and what the model returned."""
    residual: list[Tensor] = []

    def keep(layer: int, stream: str, states: Tensor) -> None:
        del layer, stream
        residual.append(comparable(states))

    outputs = run_hooked(backbone, blocks, None, batch, keep, **options)
    return residual, outputs


def comparable(states: Tensor) -> Tensor:
    """A copy on the CPU in float32."""
    return states.detach().to("cpu", torch.float32, copy=True)


def mismatch(family: str, what: str) -> ValueError:
    """The error of a model whose own hidden states are not our layers."""
    return ValueError(
        f"blocks: expected the model's own hidden states at the blocks' outputs; got family {family!r} where {what}. "
        "Pass blocks='path.to.list' if the wrong list was found; otherwise this architecture keeps its residual stream "
        "elsewhere and is not supported."
    )


def agree(ours: Tensor, theirs: Tensor, tolerance: float) -> bool:
    """Whether two states are equal to within a share of the largest number in ours."""
    theirs = comparable(theirs)
    if ours.shape != theirs.shape:
        return False
    return bool((ours - theirs).abs().max() <= tolerance * ours.abs().max())
