"""What is known of a data set before it is opened: image size, classes, colour statistics, the stem the papers take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Literal

from gramian.itl._errors import value_fault

__all__ = ["DATA_FACTS", "SPLITS", "DataFacts", "Split", "Stem", "data_facts", "facts_of_folder"]

Split = Literal["train", "test", "unlabelled", "train+unlabelled"]
Stem = Literal["cifar", "imagenet"]
SPLITS: tuple[Split, ...] = ("train", "test", "unlabelled", "train+unlabelled")

_Triple = tuple[float, float, float]
_IMAGENET_MEAN: _Triple = (0.485, 0.456, 0.406)
_IMAGENET_STD: _Triple = (0.229, 0.224, 0.225)
_LABELLED: tuple[Split, ...] = ("train", "test")


@dataclass(frozen=True)
class DataFacts:
    """One data set.

    Attributes:
        name: As `open_images` and the command line take it; for a folder or zip, its name.
        size: Side of an image in pixels, as encoders see it.
        classes: Number of classes; 0 where there are none.
        mean: Mean of each channel, of values from 0 to 1.
        std: Standard deviation of each channel.
        stem: First layers of a ResNet: ``cifar`` is one 3 x 3 convolution, ``imagenet`` 7 x 7 with stride 2 and a pooling.
        splits: What `open_images` can open of it.
    """

    name: str
    size: int
    classes: int
    mean: _Triple
    std: _Triple
    stem: Stem
    splits: tuple[Split, ...] = _LABELLED

    @property
    def pretraining_split(self) -> Split:
        """What the papers pretrain on: the unlabelled images too, where there are some."""
        return "train+unlabelled" if "train+unlabelled" in self.splits else "train"


def _grey_padded(mean: float, std: float, inner: int, outer: int) -> tuple[_Triple, _Triple]:
    """Mean and standard deviation of grey images with a black border, from those without it."""
    share = (inner / outer) ** 2
    padded = share * mean
    spread = (share * (std**2 + mean**2) - padded**2) ** 0.5
    return (padded,) * 3, (spread,) * 3


# Of Fashion-MNIST at 28 pixels the mean is 0.2860 and the standard deviation 0.3530; ours are those of the padded image.
_FASHION_MEAN, _FASHION_STD = _grey_padded(0.2860, 0.3530, 28, 32)

# Means, deviations and stems are those of solo-learn and of FroSSL's fork of it: the 3 x 3 stem for CIFAR only, so that
# STL-10 (96) and Tiny-ImageNet (64) start with ImageNet's; Fashion-MNIST, which they do not have, is of CIFAR's size.
DATA_FACTS: Mapping[str, DataFacts] = MappingProxyType(
    {
        facts.name: facts
        for facts in (
            DataFacts("cifar10", 32, 10, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), "cifar"),
            DataFacts("cifar100", 32, 100, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762), "cifar"),
            DataFacts("stl10", 96, 10, (0.4914, 0.4823, 0.4466), (0.247, 0.243, 0.261), "imagenet", SPLITS),
            DataFacts("tiny-imagenet", 64, 200, _IMAGENET_MEAN, _IMAGENET_STD, "imagenet"),
            DataFacts("imagenet100", 224, 100, _IMAGENET_MEAN, _IMAGENET_STD, "imagenet"),
            DataFacts("imagenet", 224, 1000, _IMAGENET_MEAN, _IMAGENET_STD, "imagenet"),
            DataFacts("fashion-mnist", 32, 10, _FASHION_MEAN, _FASHION_STD, "cifar"),
        )
    }
)

# Sizes that recipes exist for; images of a folder are brought to the largest that they fill.
_SIZES = (224, 96, 64, 32)


def data_facts(name: str) -> DataFacts:
    """The facts of a data set of a name.

    Raises:
        ValueError: There is none of that name.

    Example:
        >>> data_facts("stl10").pretraining_split
        'train+unlabelled'
    """
    if name not in DATA_FACTS:
        near = get_close_matches(str(name).lower(), DATA_FACTS, n=1)
        hint = f"Did you mean {near[0]}?" if near else "Check the path."
        rule = f"one of {', '.join(DATA_FACTS)}, or the path of an image folder or a zip of one"
        raise value_fault("data", rule, repr(str(name)), hint)
    return DATA_FACTS[name]


def facts_of_folder(name: str, *, side: int, classes: int, splits: tuple[Split, ...]) -> DataFacts:
    """Facts of a folder or zip of images that has no entry of its own.

    Its size is the largest of 32, 64, 96 and 224 pixels that its images fill, its colour statistics are ImageNet's, and below
    64 pixels its stem is CIFAR's.

    Args:
        name: What to call it.
        side: Shorter side of its typical image.
        classes: Number of classes.
        splits: What there is.
    """
    size = next((size for size in _SIZES if size <= side), _SIZES[-1])
    stem: Stem = "cifar" if size < 64 else "imagenet"  # as the recipes for their size
    return DataFacts(name, size, classes, _IMAGENET_MEAN, _IMAGENET_STD, stem, splits)
