"""Projectors and predictors, from lightly's blocks."""

from __future__ import annotations

from typing import Any

from lightly.models.modules.heads import ProjectionHead  # type: ignore[import-untyped]
from torch import nn

from gramian.ssl._recipes import HeadRecipe

__all__ = ["head"]


def head(inputs: int, shape: HeadRecipe, *, norm: bool = True, last_norm: bool = False) -> nn.Module:
    """Linear layers with ReLU between them.

    Args:
        inputs: features that come in.
        shape: their number and widths.
        norm: batch normalisation after all but the last; the layers before it have no bias.
        last_norm: batch normalisation without scale and shift after the last, which then has no bias.
    """
    blocks: list[Any] = []
    width = inputs
    for _ in range(shape.layers - 1):
        blocks.append((width, shape.hidden, nn.BatchNorm1d(shape.hidden) if norm else None, nn.ReLU()))
        width = shape.hidden
    blocks.append((width, shape.output, nn.BatchNorm1d(shape.output, affine=False) if last_norm else None, None))
    module: nn.Module = ProjectionHead(blocks)
    return module
