"""Views for evaluation: the image as it is, or cropped and mirrored for the linear probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gramian.ssl._views.building import ViewBuilder, build_views, normalization
from gramian.ssl._views.changes import as_tensor, resized_centre
from gramian.ssl._views.recipe import ViewRecipe

if TYPE_CHECKING:
    from PIL.Image import Image

    from gramian.ssl._data.facts import DataFacts

__all__ = ["EvaluationView", "evaluation_view", "probe_views"]


class EvaluationView:
    """The one view of an image that draws nothing; `evaluation_view` makes it."""

    def __init__(
        self, *, shorter: int, size: int, mean: tuple[float, float, float], std: tuple[float, float, float]
    ) -> None:
        self.shorter = shorter
        self.sizes = (size,)
        self._scale, self._shift = normalization(mean, std)

    def __call__(self, image: Image, *, seed: int | None = None) -> list[torch.Tensor]:
        """A list of one tensor, ``(3, size, size)`` float32; ``seed`` has no effect."""
        centre = resized_centre(image, shorter=self.shorter, size=self.sizes[0])
        return [as_tensor(centre, self._scale, self._shift)]


def evaluation_view(facts: DataFacts) -> EvaluationView:
    """The view that features are evaluated on.

    Images of 224 pixels are the centre of the image resized to 256, as on ImageNet everywhere; smaller ones the whole image
    (its centre, where it is not square) at the data set's size.

    Args:
        facts: Size, mean and standard deviation of the data set.

    Returns:
        A callable: a Pillow image in RGB to a list of one tensor ``(3, size, size)`` float32.
    """
    shorter = round(facts.size * 256 / 224) if facts.size >= 224 else facts.size
    return EvaluationView(shorter=shorter, size=facts.size, mean=facts.mean, std=facts.std)


def probe_views(facts: DataFacts) -> ViewBuilder:
    """The view that a linear probe is trained on in the papers: a crop of 8 % of the area or more, and mirrored half the time.

    Args:
        facts: Size, mean and standard deviation of the data set.

    Returns:
        A callable: a Pillow image in RGB (and ``seed=``) to a list of one tensor ``(3, size, size)`` float32.
    """
    recipe = ViewRecipe(jitter=0.0, grey=0.0, blur=0.0)
    return build_views(recipe, views=1, size=facts.size, mean=facts.mean, std=facts.std)
