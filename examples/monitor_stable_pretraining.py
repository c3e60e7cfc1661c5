"""Watch the spectrum while stable-pretraining trains SimCLR, whose modules are of `lightning.pytorch`.

    pip install stable-pretraining
    python examples/monitor_stable_pretraining.py --out runs/stable
    gramian report runs/stable

It trains on noise, which is enough to see that everything runs; give its loader a data set of yours. `projector` is called once for
each view of a step, so LiDAR has its views; the backbone is called with them in the same way.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import stable_pretraining as spt
import torch
import torchvision
from stable_pretraining.forward import simclr

from gramian.ssl import SpectrumMonitor


class NoisyViews(torch.utils.data.Dataset[dict[str, Any]]):
    """Two noisy copies of each of some random images, as stable-pretraining's multi-view transforms give them."""

    def __init__(self, count: int = 256) -> None:
        self.images = torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"views": [{"image": self.images[index] + 0.2 * torch.randn(3, 32, 32)} for _ in range(2)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/stable"))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=64)
    asked = parser.parse_args()

    backbone = torchvision.models.resnet18()
    backbone.fc = torch.nn.Identity()
    module = spt.Module(
        forward=simclr,
        backbone=backbone,
        projector=torch.nn.Sequential(torch.nn.Linear(512, 256), torch.nn.ReLU(), torch.nn.Linear(256, 64)),
        simclr_loss=spt.losses.NTXEntLoss(temperature=0.5),
        optim={"optimizer": {"type": "SGD", "lr": 0.05}, "scheduler": "CosineAnnealingLR"},
    )
    loader = torch.utils.data.DataLoader(NoisyViews(), batch_size=asked.batch_size, shuffle=True, drop_last=True)
    trainer = pl.Trainer(
        max_epochs=asked.epochs,
        callbacks=[SpectrumMonitor(["backbone", "projector"], out=asked.out, overwrite=True)],  # this line
        logger=False,
        enable_checkpointing=False,
    )
    trainer.fit(module, loader)


if __name__ == "__main__":
    main()
