"""One process of a FroSSL training through Lightning; started by `test_two_processes.py`.

Arguments: number of processes, folder of images, folder for the results. The number of this one is in ``LOCAL_RANK``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
from torch import nn

from gramian.ssl import build_views, load_recipe, open_images, pretraining_loader
from gramian.ssl._methods import METHODS
from gramian.training import fit, seeded

# Samples a batch, width of the embeddings, views: taller than wide and wider than tall.
CASES = {"tall-2": (12, 5, 2), "tall-4": (12, 5, 4), "wide-2": (8, 20, 2), "wide-4": (8, 20, 4)}
STEPS = 3


def train(name, processes, images, out):
    """A few steps of the real loop, loader, loss and optimiser, on an encoder without norms, whose batches would be each process's own."""
    batch, width, views = CASES[name]
    recipe = load_recipe(
        "frossl", "cifar10",
        overrides=[f"batch_size={batch}", "epochs=1", f"number_of_views={views}", "precision=64-true", "optimizer.lr=5.0"],
    )  # fmt: skip
    train_images = open_images(images, split="train").subset(STEPS * batch, 0)
    facts = train_images.facts
    build = build_views(recipe.views, views=views, size=8, mean=facts.mean, std=facts.std)
    module = METHODS["frossl"](recipe, facts=facts, steps_per_epoch=STEPS)
    with seeded(5):
        module.backbone = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 36, 16))
        module.projector = nn.Sequential(nn.Tanh(), nn.Linear(16, width))
    first = {key: value.clone().double() for key, value in module.state_dict().items()}
    result = fit(
        module,
        lambda rank, ranks: pretraining_loader(train_images, build, batch=batch, seed=0, rank=rank, ranks=ranks),
        out=out / name, epochs=1, seed=0, precision="64-true", accelerator="cpu", devices=processes,
        strategy="ddp" if processes > 1 else "auto", log_every=1,
    )  # fmt: skip
    losses = [row.value for row in result.history if row.metric == "loss"]
    return {"losses": torch.tensor(losses), "weights": module.state_dict(), "first": first}


def main(processes, images, out):
    torch.set_num_threads(1)
    results = {name: train(name, processes, images, out / f"runs-{processes}") for name in CASES}
    if os.environ.get("LOCAL_RANK", "0") == "0":
        torch.save(results, out / f"{processes}.pt")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
