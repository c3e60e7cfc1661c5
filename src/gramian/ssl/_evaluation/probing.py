"""The evaluation after training: a linear probe by the papers' protocols, and nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from gramian.itl._errors import value_fault
from gramian.probes._intervals import accuracy_interval
from gramian.ssl._data import DataFacts, ImageSet, evaluation_loader, open_images, pretraining_loader
from gramian.ssl._evaluation.encoder import Encoder, load_encoder
from gramian.ssl._evaluation.features import Features, read_features
from gramian.ssl._evaluation.knn import weighted_knn
from gramian.ssl._evaluation.linear import Batches, feature_batches, fit_linear, view_batches
from gramian.ssl._recipes import ProbeRecipe
from gramian.ssl._views import evaluation_view, probe_views
from gramian.training import TrainingProgress

__all__ = ["EncoderProbe", "Protocol", "Share", "probe_encoder"]

Protocol = Literal["augmented", "features"]


@dataclass(frozen=True)
class Share:
    """A share of correct answers, with Wilson's 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class EncoderProbe:
    """How good an encoder is.

    Attributes:
        checkpoint: Which.
        method: What it was trained by.
        pretrained_on: What it was trained on.
        data: What it was probed on.
        epochs: How long it was trained.
        protocol: Of the linear probe.
        settings: Of the linear probe.
        linear: Its accuracy, None where it was not asked for.
        linear_top5: Share of test images whose class is among the five likeliest; None where there are no more than five classes.
        neighbors: Accuracy of the nearest neighbours, by their number.
        train: Labelled images the probe learned from.
        test: Images it was judged on.
        note: What a reader should know, None where there is nothing.
    """

    checkpoint: Path
    method: str
    pretrained_on: str
    data: str
    epochs: float
    protocol: Protocol
    settings: ProbeRecipe
    linear: Share | None
    linear_top5: Share | None
    neighbors: dict[int, Share]
    train: int
    test: int
    note: str | None = None


def probe_encoder(
    checkpoint: str | Path,
    data: str | Path | None = None,
    *,
    root: str | Path | None = None,
    protocol: Protocol = "augmented",
    linear: bool = True,
    neighbors: Sequence[int] = (20, 200),
    epochs: int | None = None,
    lr: float | None = None,
    batch_size: int | None = None,
    subset: int | None = None,
    test_subset: int | None = None,
    untrained: bool = False,
    half: bool = False,
    device: str | None = None,
    workers: int = 0,
    seed: int = 0,
    progress: Callable[[TrainingProgress], None] | None = None,
) -> EncoderProbe:
    """Probe a pretrained encoder, whose weights stay as they are.

    The linear probe is a linear layer on the features, trained on the labelled training split by the recipe in the checkpoint
    (section ``probe``) and judged on the test split after its last epoch: nothing is chosen on the test split. ``augmented`` is the
    papers' protocol: each epoch reads new crops and mirror images through the encoder. ``features`` reads each image once, as it
    is, and trains on the kept features: minutes instead of hours, and usually a point or two lower. Nearest neighbours always read
    images as they are.

    Args:
        checkpoint: A checkpoint of `pretrain`, or its run directory.
        data: A data set's name, or a folder or zip of images; None for the one it was trained on.
        root: The folder that holds a data set of a name.
        protocol: ``augmented`` or ``features``.
        linear: Whether to train the linear probe.
        neighbors: Numbers of nearest neighbours that vote; empty for none.
        epochs: Of the probe, instead of the recipe's; the steps of its learning rate move with it.
        lr: Instead of the recipe's.
        batch_size: Instead of the recipe's.
        subset: Training images at most, of every class in proportion.
        test_subset: Test images at most.
        untrained: Probe the weights that training began with.
        half: Read features in bfloat16.
        device: ``cpu``, ``cuda``; None for what there is.
        workers: Processes that make views.
        seed: Of the order and the crops, and of the subsets.
        progress: Called while features are read and the probe is trained.

    Raises:
        CheckpointFault: No checkpoint of ours.
        ValueError: A data set without labels, a class that the training split lacks, nothing to do, an argument out of range.
    """
    if protocol not in get_args(Protocol):
        raise value_fault("protocol", "augmented or features", repr(protocol), "Choose one of them.")
    if not linear and not neighbors:
        raise value_fault("neighbors", "some, or a linear probe", "neither", "Ask for one of the two.")
    encoder = load_encoder(checkpoint, untrained=untrained)
    train, test = _splits(encoder, data, root, subset=subset, test_subset=test_subset, seed=seed)
    facts, settings = train.facts, _settings(encoder.recipe.probe, epochs=epochs, lr=lr, batch_size=batch_size)
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    backbone = encoder.backbone.to(place)
    tell = progress or (lambda _: None)

    def encode(images: Tensor) -> Tensor:
        casting: AbstractContextManager[object] = torch.autocast(place, dtype=torch.bfloat16) if half else nullcontext()
        with torch.no_grad(), casting:
            found: Tensor = backbone(images.contiguous(memory_format=torch.channels_last))
        return found

    def features(images: ImageSet, what: str) -> Features:
        done = 0

        def after(count: int) -> None:
            nonlocal done
            done += count
            tell(TrainingProgress(what, done, len(images), "images"))

        loader = evaluation_loader(images, build=evaluation_view(facts), batch=256, workers=workers)
        return read_features(encode, loader, device=place, after_batch=after)

    bank = features(train, "Training images") if neighbors or protocol == "features" else None
    judged = features(test, "Test images")
    shares: dict[int, Share] = {}
    if bank is not None and neighbors:
        found = weighted_knn(bank, judged.vectors, classes=facts.classes, neighbors=neighbors)
        shares = {count: _share(predicted == judged.labels) for count, predicted in found.items()}
    first = top5 = None
    if linear:
        batches: Batches
        if protocol == "features" and bank is not None:
            batches = feature_batches(bank, batch=min(settings.batch_size, len(train)), seed=seed)
        else:
            loader = pretraining_loader(
                train, probe_views(facts), batch=min(settings.batch_size, len(train)), seed=seed, workers=workers, drop_last=False,
            )  # fmt: skip
            batches = view_batches(loader, encode, place)
        layer = fit_linear(
            batches, features=encoder.backbone.features, classes=facts.classes, settings=settings,
            after_epoch=lambda done: tell(TrainingProgress("Linear probe", done, settings.epochs, "epochs")),
        )  # fmt: skip
        logits = layer(judged.vectors)
        first = _share(logits.argmax(1) == judged.labels)
        if facts.classes > 5:
            top5 = _share((logits.topk(5, dim=1).indices == judged.labels[:, None]).any(1))
    return EncoderProbe(
        checkpoint=Path(checkpoint), method=encoder.recipe.method, pretrained_on=encoder.facts.name, data=facts.name,
        epochs=encoder.epochs, protocol=protocol, settings=settings, linear=first, linear_top5=top5, neighbors=shares,
        train=len(train), test=len(test), note=_size_note(encoder, facts),
    )  # fmt: skip


def _settings(recipe: ProbeRecipe, *, epochs: int | None, lr: float | None, batch_size: int | None) -> ProbeRecipe:
    changed = recipe
    if epochs is not None:
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise value_fault("epochs", "a whole number from 1", epochs, "Leave it out for the recipe's.")
        steps = tuple(sorted({max(1, round(step * epochs / recipe.epochs)) for step in recipe.decay_epochs}))
        changed = replace(changed, epochs=epochs, decay_epochs=tuple(step for step in steps if step < epochs))
    if lr is not None:
        changed = replace(changed, lr=lr)
    return changed if batch_size is None else replace(changed, batch_size=batch_size)


def _splits(
    encoder: Encoder,
    data: str | Path | None,
    root: str | Path | None,
    *,
    subset: int | None,
    test_subset: int | None,
    seed: int,
) -> tuple[ImageSet, ImageSet]:
    source = encoder.recipe.data if data is None else data
    train, test = open_images(source, root=root, split="train"), open_images(source, root=root, split="test")
    for name, images in (("training", train), ("test", test)):
        if bool((images.labels < 0).any()):
            got = f"images without in the {name} split"
            raise value_fault("data", f"labels for all of {images.facts.name}", got, "Put them into a folder a class.")
    if subset is not None:
        train = train.subset(min(subset, len(train)), seed)
    if test_subset is not None:
        test = test.subset(min(test_subset, len(test)), seed)
    lacking = np.setdiff1d(test.labels, train.labels)
    if len(lacking):
        names = ", ".join(test.classes[label] for label in lacking[:3]) + (", ..." if len(lacking) > 3 else "")
        got = f"none of {len(lacking)} of them ({names})"
        raise value_fault(
            "data", "training images of every class of the test split", got, "Take more, or another split."
        )
    return train, test


def _size_note(encoder: Encoder, facts: DataFacts) -> str | None:
    if encoder.facts.size == facts.size:
        return None
    there, here = encoder.facts.size, facts.size
    return f"The encoder was trained on images of {there} pixels; those of {facts.name} are read at {here}."


def _share(correct: Tensor) -> Share:
    answers = correct.numpy()
    _, low, high = accuracy_interval(answers, np.arange(len(answers)))
    return Share(float(answers.mean()), low, high)
