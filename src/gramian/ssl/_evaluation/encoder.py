"""The encoder in a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from gramian.itl._errors import value_fault
from gramian.ssl._backbones import Backbone, build_backbone
from gramian.ssl._data import DataFacts
from gramian.ssl._recipes import Recipe, parse_recipe
from gramian.training import CheckpointFault, read_checkpoint, seeded

__all__ = ["Encoder", "load_encoder"]


@dataclass(frozen=True)
class Encoder:
    """A pretrained encoder.

    Attributes:
        backbone: In evaluation mode, on the CPU.
        recipe: How it was trained.
        facts: Of the data it was trained on.
        epochs: How long, at the checkpoint; 0 where it has its first weights.
        source: The checkpoint.
    """

    backbone: Backbone
    recipe: Recipe
    facts: DataFacts
    epochs: float
    source: Path


def load_encoder(checkpoint: str | Path, *, untrained: bool = False) -> Encoder:
    """The encoder of a checkpoint that `pretrain` wrote; no code in the file is run.

    Args:
        checkpoint: The file, or the run directory, whose last checkpoint is meant.
        untrained: Take the weights that the run began with instead: what training has to beat.

    Raises:
        CheckpointFault: No such file, a damaged one, or one that `pretrain` did not write.
    """
    content = read_checkpoint(checkpoint)
    missing = [name for name in ("recipe", "facts", "state_dict") if name not in content]
    if missing:
        raise CheckpointFault(
            f"checkpoint: expected one of gramian pretrain; got {checkpoint}, which has no {missing[0]}. "
            "Give checkpoints/last.ckpt of such a run."
        )
    recipe, facts = parse_recipe(content["recipe"], source=str(checkpoint)), DataFacts(**content["facts"])
    weights = {
        name.removeprefix("backbone."): value
        for name, value in content["state_dict"].items()
        if name.startswith("backbone.")
    }
    shape = recipe.backbone
    with seeded(recipe.seed):
        backbone = build_backbone(shape.name, width=shape.width, stem=shape.stem)
    if not untrained:
        try:
            backbone.load_state_dict(weights)
        except RuntimeError as error:
            first = str(error).splitlines()[-1].strip()
            raise value_fault(
                "checkpoint", f"the weights of {shape.name}", f"others ({first})", "The file is damaged."
            ) from error
    if recipe.channels_last:
        backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    epochs = 0.0 if untrained else float(content["gramian"]["epochs"])
    return Encoder(backbone.eval(), recipe, facts, epochs, Path(checkpoint))
