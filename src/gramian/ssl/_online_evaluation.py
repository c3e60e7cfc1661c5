"""Which evaluations run beside pretraining, and on which images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from gramian.itl._errors import value_fault
from gramian.ssl._data import ImageSet, evaluation_loader, open_images
from gramian.ssl._evaluation import OnlineKNN, OnlineProbe, SplitReader
from gramian.ssl._methods import Pretraining
from gramian.ssl._recipes import Recipe

__all__ = ["EvaluationPlan", "evaluation_callbacks"]

# Evaluations in a run, where nobody says how many.
_EVALUATIONS = 50


@dataclass(frozen=True)
class EvaluationPlan:
    """How an encoder is judged while it is trained.

    Attributes:
        every: Epochs between evaluations; None for about 50 in the run. One comes before the first step, one after the last.
        neighbors: Numbers of nearest neighbours that vote; empty for none.
        probe: Whether a linear probe is trained beside.
        bank: Labelled training images that neighbours are sought among, at most.
        test: Test images, at most.
    """

    every: int | None = None
    neighbors: tuple[int, ...] = (20, 200)
    probe: bool = True
    bank: int = 50_000
    test: int = 10_000

    def __post_init__(self) -> None:
        for name, value in (("every", self.every), ("bank", self.bank), ("test", self.test)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise value_fault(name, "a whole number from 1", value, "Leave it out for the default.")

    def parameters(self) -> dict[str, Any]:
        """What the numbers depend on."""
        return {
            "every": self.every,
            "neighbors": list(self.neighbors),
            "probe": self.probe,
            "bank": self.bank,
            "test": self.test,
        }


def evaluation_callbacks(
    plan: EvaluationPlan | None,
    recipe: Recipe,
    images: ImageSet,
    *,
    root: str | Path | None,
    steps: int,
    module: Pretraining,
    workers: int = 0,
) -> Sequence[pl.Callback]:
    """The callbacks of a plan; none where the data have no labels or no test split.

    Neighbours are sought among the labelled images that are trained on, or where those have no labels, of the training split.

    Args:
        plan: None for no callbacks.
        recipe: Of the run.
        images: That are trained on.
        root: Of the data set.
        steps: An epoch.
        module: What is trained.
        workers: Processes that make views.
    """
    facts = images.facts
    if plan is None or facts.classes == 0 or "test" not in facts.splits or not (plan.probe or plan.neighbors):
        return ()
    bank = images if bool((images.labels >= 0).all()) else open_images(recipe.data, root=root, split="train")
    test = open_images(recipe.data, root=root, split="test")
    if not (bool((bank.labels >= 0).all()) and bool((test.labels >= 0).all())):
        return ()
    loaders = [
        evaluation_loader(
            part if len(part) <= most else part.subset(most, recipe.seed),
            workers=workers,
            channels_last=recipe.channels_last,
        )
        for part, most in ((bank, plan.bank), (test, plan.test))
    ]
    reader = SplitReader(*loaders)
    every = plan.every or max(1, recipe.epochs // _EVALUATIONS)
    found: list[pl.Callback] = []
    if plan.probe:
        found.append(
            OnlineProbe(
                reader,
                features=module.backbone.features,
                classes=facts.classes,
                lr=recipe.probe.online_lr,
                batch_size=recipe.batch_size,
                views=recipe.number_of_views,
                total_steps=steps * recipe.epochs,
                every=every,
            )
        )
    if plan.neighbors:
        found.append(OnlineKNN(reader, classes=facts.classes, neighbors=plan.neighbors, every=every))
    return found
