"""Encoders: ResNets of any width from torchvision's blocks under torchvision's names, and its other models without their heads."""

from __future__ import annotations

import difflib
from typing import Any, Literal, get_args

from torch import Tensor, nn

from gramian.itl._errors import type_fault, value_fault

__all__ = ["Backbone", "Stem", "build_backbone"]

Stem = Literal["cifar", "imagenet"]

_DEPTHS: dict[str, tuple[str, tuple[int, int, int, int]]] = {
    "resnet18": ("BasicBlock", (2, 2, 2, 2)),
    "resnet34": ("BasicBlock", (3, 4, 6, 3)),
    "resnet50": ("Bottleneck", (3, 4, 6, 3)),
    "resnet101": ("Bottleneck", (3, 4, 23, 3)),
    "resnet152": ("Bottleneck", (3, 8, 36, 3)),
}


class Backbone(nn.Module):
    """An encoder of images: ``(N, 3, H, W)`` to ``(N, features)``.

    Attributes:
        name: as given to :func:`build_backbone`.
        features: the width of what it returns.
    """

    name: str
    features: int

    def torchvision_weights(self) -> dict[str, Tensor]:
        """Its weights under torchvision's names, contiguous, without a head."""
        return {name: tensor.contiguous() for name, tensor in self.state_dict().items()}


class _ResNet(Backbone):
    """A residual network whose first stage has ``width`` channels; at 64 it is torchvision's without ``fc``."""

    def __init__(self, name: str, width: int, stem: Stem) -> None:
        super().__init__()
        from torchvision.models import resnet

        kind, depths = _DEPTHS[name]
        block: Any = getattr(resnet, kind)
        self.name = name
        small = stem == "cifar"
        self.conv1 = nn.Conv2d(
            3, width, 3 if small else 7, stride=1 if small else 2, padding=1 if small else 3, bias=False
        )
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, stride=2, padding=1)
        channels = width
        for stage, depth in enumerate(depths):
            planes = width * 2**stage
            self.add_module(f"layer{stage + 1}", _stage(block, channels, planes, depth, stride=1 if stage == 0 else 2))
            channels = planes * block.expansion
        self.features = channels
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
        features: Tensor = x.mean((2, 3))
        return features


class _Headless(Backbone):
    """Another classifier of torchvision whose last linear layer is left out."""

    def __init__(self, name: str, network: nn.Module, features: int) -> None:
        super().__init__()
        self.name = name
        self.network = network
        self.features = features

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network(images)
        return features

    def torchvision_weights(self) -> dict[str, Tensor]:
        return {name: tensor.contiguous() for name, tensor in self.network.state_dict().items()}


def build_backbone(name: str = "resnet18", *, width: int = 64, stem: Stem = "imagenet") -> Backbone:
    """A freshly initialised encoder of images.

    ResNets (18, 34, 50, 101, 152) take any width, the channels of their first stage, and one of two stems: ``"imagenet"``, a
    7x7 convolution of stride 2 and a pooling, or ``"cifar"`` for images of 32 pixels, a 3x3 convolution of stride 1 and no
    pooling. Other classifiers of torchvision come as they are, without their last linear layer.

    Differs from the released code of FroSSL and of solo-learn in the padding of the small stem: 1, which keeps 32 pixels at
    32, where theirs is 2.

    Args:
        name: a name of ``torchvision.models.list_models(module=torchvision.models)``.
        width: channels of the first stage of a ResNet; 64 is torchvision's.
        stem: see above.

    Returns:
        The encoder, in training mode; weights drawn from torch's global generator.

    Raises:
        TypeError: a width that is not an integer.
        ValueError: an unknown name or stem, a width below 1; a width or stem for a model that is no such ResNet; a model
            whose last layer is not linear.

    Example:
        >>> import torch
        >>> encoder = build_backbone("resnet18", width=4, stem="cifar")
        >>> encoder.features, tuple(encoder(torch.zeros(2, 3, 32, 32)).shape)
        (32, (2, 32))
    """
    if isinstance(width, bool) or not isinstance(width, int):
        raise type_fault(
            "width", "an integer", type(width).__name__, "It is the number of channels of the first stage."
        )
    if width < 1:
        raise value_fault("width", "at least 1", width, "It is the number of channels of the first stage; 64 is usual.")
    if stem not in get_args(Stem):
        raise value_fault("stem", "'cifar' or 'imagenet'", repr(stem), "'cifar' is for images of 32 pixels.")
    if name in _DEPTHS:
        return _ResNet(name, width, stem)
    return _headless(name, width, stem)


def _headless(name: str, width: int, stem: Stem) -> Backbone:
    import torchvision

    known: list[str] = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else "See torchvision.models.list_models()."
        raise value_fault("backbone", "a classifier of torchvision", repr(name), remedy)
    if width != 64:
        remedy = f"Only {', '.join(_DEPTHS)} take a width; leave it at 64."
        raise value_fault("width", f"64 for {name}", width, remedy)
    if stem != "imagenet":
        remedy = f"Only {', '.join(_DEPTHS)} have a stem for small images: set backbone.stem=imagenet."
        raise value_fault("stem", f"'imagenet' for {name}", repr(stem), remedy)
    network = torchvision.models.get_model(name, weights=None, **_WITHOUT_AUXILIARY.get(name, {}))
    linear = [(path, module) for path, module in network.named_modules() if isinstance(module, nn.Linear)]
    path, last = linear[-1] if linear else ("", None)
    if last is None or last.out_features != 1000:
        remedy = f"Take one that ends in a linear layer, such as {', '.join(_DEPTHS)}."
        raise value_fault("backbone", "a classifier that ends in a linear layer", repr(name), remedy)
    parent, _, child = path.rpartition(".")
    setattr(network.get_submodule(parent), child, nn.Identity())
    return _Headless(name, network, last.in_features)


# Their auxiliary classifiers would make them return several tensors in training mode.
_WITHOUT_AUXILIARY = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}


def _stage(block: Any, channels: int, planes: int, depth: int, *, stride: int) -> nn.Sequential:
    wide = planes * block.expansion
    shortcut = None
    if stride != 1 or channels != wide:
        shortcut = nn.Sequential(nn.Conv2d(channels, wide, 1, stride=stride, bias=False), nn.BatchNorm2d(wide))
    first = block(channels, planes, stride, shortcut)
    return nn.Sequential(first, *(block(wide, planes) for _ in range(depth - 1)))
