"""A backbone's weights as a safetensors file, under torchvision's names, which are timm's too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import torch

from gramian.itl._errors import value_fault
from gramian.runs._atomic import written_whole
from gramian.ssl._evaluation.encoder import load_encoder

__all__ = ["ExportedBackbone", "export_backbone"]


@dataclass(frozen=True)
class ExportedBackbone:
    """What was written.

    Attributes:
        path: The file.
        name: Name of the architecture in torchvision.
        width: Channels of the first stage; torchvision's ResNets have 64.
        stem: ``imagenet`` is torchvision's; of ``cifar`` the first convolution is another.
        features: Width of what the encoder returns.
        parameters: How many numbers the file holds.
        epochs: How long it was trained.
        method: By what.
        data: On what.
    """

    path: Path
    name: str
    width: int
    stem: str
    features: int
    parameters: int
    epochs: float
    method: str
    data: str

    @property
    def loads_as_is(self) -> bool:
        """Whether torchvision's and timm's model of that name takes the weights without a change to its layers."""
        return not re.fullmatch(r"resnet\d+", self.name) or (self.width == 64 and self.stem == "imagenet")


def export_backbone(checkpoint: str | Path, out: str | Path, *, overwrite: bool = False) -> ExportedBackbone:
    """Write the backbone of a checkpoint, without projector and head, for torchvision and timm.

    A ResNet of width 64 with ImageNet's stem loads into ``torchvision.models.resnet18()`` and ``timm.create_model("resnet18")`` with
    ``strict=False``: ``fc`` alone is missing. One for small images needs their first convolution replaced, as the file's
    metadata say.

    Args:
        checkpoint: The file, or the run directory.
        out: The file to write, ``.safetensors``.
        overwrite: Whether to replace a file that is there.

    Raises:
        CheckpointFault: No such checkpoint, or another program's.
        ValueError: A file of another ending, or one that is there.
        RunWriteError: The disk is full or the folder may not be written.
        ImportError: safetensors is not installed.
    """
    target = Path(out)
    if target.suffix != ".safetensors":
        raise value_fault("out", "a file that ends in .safetensors", str(target), "Change the name.")
    if target.exists() and not overwrite:
        raise value_fault("out", "a new file", f"{target}, which is there", "Overwrite it, or give another name.")
    if not target.absolute().parent.is_dir():
        raise value_fault("out", "a file in a folder that exists", str(target), "Make the folder first.")
    try:
        from safetensors.torch import save
    except ImportError as error:
        raise ImportError(
            'export: expected the package safetensors; got none. Install it with: pip install "gramian[ssl]"'
        ) from error
    encoder = load_encoder(checkpoint)
    weights = {name: tensor.contiguous() for name, tensor in encoder.backbone.torchvision_weights().items()}
    shape = encoder.recipe.backbone
    exported = ExportedBackbone(
        path=target,
        name=shape.name,
        width=shape.width,
        stem=shape.stem,
        features=encoder.backbone.features,
        parameters=sum(tensor.numel() for tensor in weights.values()),
        epochs=encoder.epochs,
        method=encoder.recipe.method,
        data=encoder.facts.name,
    )
    mean, std = (" ".join(f"{value:g}" for value in values) for values in (encoder.facts.mean, encoder.facts.std))
    about = {
        "format": "pt",
        "architecture": shape.name,
        "width": str(shape.width),
        "stem": shape.stem,
        "method": exported.method,
        "data": exported.data,
        "epochs": f"{encoder.epochs:g}",
        "image_size": str(encoder.facts.size),
        "mean": mean,
        "std": std,
    }
    if not exported.loads_as_is and shape.stem == "cifar":
        about["first_layers"] = (
            f"conv1 = Conv2d(3, {shape.width}, 3, stride=1, padding=1, bias=False); maxpool = Identity()"
        )
    with written_whole(target) as file, torch.no_grad():
        file.write(save(weights, metadata=about))
    return exported
