"""Two views that share a class and nothing else: an image rotated, and another image of its class under noise.

As the pairs of MNIST in [skean2023], after Wang et al. (2015): view 1 is turned by up to 45 degrees; view 2 is a different image of
the same class plus noise, uniform on [0, 1], clamped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

_TEST_DIGITS, _SPLIT_SEED = 500, 0


@dataclass(frozen=True)
class Images:
    """Grey images ``(n, 1, height, width)`` in [0, 1] and their classes ``(n,)``."""

    pixels: Tensor
    labels: Tensor

    def rows(self, chosen: Tensor) -> Images:
        """Some of them."""
        return Images(self.pixels[chosen], self.labels[chosen])


@dataclass(frozen=True)
class Pairs:
    """Row i of both views has the class ``labels[i]``."""

    views: tuple[Tensor, Tensor]
    labels: Tensor


def rotated(pixels: Tensor, degrees: Tensor) -> Tensor:
    """Each image turned about its centre by its own angle, counterclockwise, with black beyond its border."""
    angle = torch.deg2rad(degrees)
    cos, sin = angle.cos(), angle.sin()
    # grid_sample asks where each pixel of the result comes from; its second axis points down.
    turns = torch.stack([cos, -sin, torch.zeros_like(cos), sin, cos, torch.zeros_like(cos)], 1).view(-1, 2, 3)
    grid = torch.nn.functional.affine_grid(turns, list(pixels.shape), align_corners=False)
    return torch.nn.functional.grid_sample(pixels, grid, align_corners=False)


def noisy(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Plus noise, uniform on [0, 1], clamped."""
    return (pixels + torch.rand(pixels.shape, generator=generator)).clamp(max=1.0)


def others_of_the_class(labels: Tensor, generator: torch.Generator) -> Tensor:
    """For each row a row of its class, never itself, every one but it equally often."""
    found = torch.empty_like(labels)
    for label in labels.unique():
        rows = (labels == label).nonzero()[:, 0]
        shuffled = rows[torch.randperm(len(rows), generator=generator)]
        found[shuffled] = shuffled.roll(1)
    return found


def paired(images: Images, *, seed: int, copies: int = 1) -> Pairs:
    """``copies`` pairs an image, each with an angle, a partner and a noise of its own."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.arange(len(images.labels))
    drawn = [_drawn(images, rows, others_of_the_class(images.labels, generator), generator) for _ in range(copies)]
    return Pairs(
        (torch.cat([one.views[0] for one in drawn]), torch.cat([one.views[1] for one in drawn])),
        torch.cat([one.labels for one in drawn]),
    )


def batches(images: Images, *, size: int, steps: int, seed: int) -> Iterator[Pairs]:
    """``steps`` full batches; every pass over the images draws order, angles, partners and noise anew."""
    generator = torch.Generator().manual_seed(seed)
    left = steps
    while left:
        order = torch.randperm(len(images.labels), generator=generator)
        partners = others_of_the_class(images.labels, generator)
        for first in range(0, len(order) - size + 1, size)[:left]:
            rows = order[first : first + size]
            yield _drawn(images, rows, partners[rows], generator)
            left -= 1


def _drawn(images: Images, rows: Tensor, partners: Tensor, generator: torch.Generator) -> Pairs:
    degrees = 90 * torch.rand(len(rows), generator=generator) - 45
    views = rotated(images.pixels[rows], degrees), noisy(images.pixels[partners], generator)
    return Pairs(views, images.labels[rows])


@cache
def digits() -> tuple[Images, Images]:
    """scikit-learn's 1,797 digits of 8 x 8 pixels: 1,297 to learn from and 500 to test on, always the same."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = Images(torch.from_numpy(found.images).float()[:, None] / 16, torch.from_numpy(found.target))
    return _split(images, _TEST_DIGITS)


@cache
def fashion(training: int, testing: int) -> tuple[Images, Images]:
    """The first images of both parts of Fashion-MNIST, 28 x 28 pixels, from ``$GRAMIAN_TEST_DATA/FashionMNIST/raw``."""
    from torchvision.datasets import FashionMNIST

    root = Path(os.environ["GRAMIAN_TEST_DATA"])
    parts = [FashionMNIST(root, train=train) for train in (True, False)]
    learn, test = (Images(part.data[:, None].float() / 255, part.targets) for part in parts)
    return learn.rows(torch.arange(training)), test.rows(torch.arange(testing))


def held_out(images: Images, count: int) -> tuple[Images, Images]:
    """All but ``count`` and, to choose settings on, those."""
    return _split(images, count)


def _split(images: Images, count: int) -> tuple[Images, Images]:
    order = torch.randperm(len(images.labels), generator=torch.Generator().manual_seed(_SPLIT_SEED))
    return images.rows(order[count:].sort()[0]), images.rows(order[:count].sort()[0])
