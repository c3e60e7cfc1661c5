"""A folder of coloured squares, and a recipe that trains on it in a second."""

import numpy as np
import torch
from PIL import Image

from gramian.ssl import pretrain

CLASSES = ("amber", "blue", "cyan")
TRAIN, TEST = 16, 6  # of each class
STEPS, EPOCHS = 6, 3  # batches of 8
SMALL = (
    f"epochs={EPOCHS}", "batch_size=8", "backbone.width=2", "projector.hidden=8", "projector.output=4", "projector.layers=2",
    "optimizer.lr=0.5", "schedule.warmup_epochs=0", "probe.online_lr=3.2",
    "probe.optimizer=sgd", "probe.lr=0.5", "views.jitter=0.0", "views.grey=0.0",
)  # fmt: skip


def write_images(folder, *, train=TRAIN, test=TEST, classes=CLASSES, size=8):
    """`folder`, with a split folder of class folders each."""
    generator = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for number, name in enumerate(classes):
            place = folder / split / name
            place.mkdir(parents=True)
            for index in range(count):
                colour = np.zeros(3) + 60
                colour[number] = 200
                pixels = np.clip(colour + generator.normal(0, 40, (size, size, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(place / f"{index:02d}.png")
    return folder


def small_run(data, out, *, method="frossl", overrides=(), **options):
    """A pretraining run on one processor."""
    torch.set_num_threads(1)
    options = {"accelerator": "cpu", "log_every": 1, **options}
    return pretrain(method, data, out=out, overrides=[*SMALL, *overrides], **options)


def weights_of(checkpoint):
    from gramian.training import read_checkpoint

    return read_checkpoint(checkpoint)["state_dict"]


def same_weights(first, second):
    one, other = weights_of(first), weights_of(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
