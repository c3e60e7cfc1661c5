"""Watch the spectrum while a SimCLR made of lightly's parts learns: the callback is the only line that lightly does not know.

    python examples/monitor_lightly.py --images path/to/folder --out runs/lightly
    gramian report runs/lightly

Without a folder it trains on noise, which is enough to see that everything runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torchvision
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from lightly.transforms import SimCLRTransform

from gramian.ssl import SpectrumMonitor


class SimCLR(pl.LightningModule):
    """Two views, one encoder, one projection head."""

    def __init__(self) -> None:
        super().__init__()
        encoder = torchvision.models.resnet18()
        encoder.fc = torch.nn.Identity()
        self.encoder = encoder
        self.projection_head = SimCLRProjectionHead(512, 512, 128)
        self.criterion = NTXentLoss(temperature=0.2)

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        views, _ = batch
        loss: torch.Tensor = self.criterion(*(self.projection_head(self.encoder(view)) for view in views))
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.06, momentum=0.9, weight_decay=5e-4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="a folder with one folder a class")
    parser.add_argument("--out", type=Path, default=Path("runs/lightly"))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=128)
    asked = parser.parse_args()

    transform = SimCLRTransform(input_size=32, gaussian_blur=0.0)
    data: Any = (
        torchvision.datasets.FakeData(512, (3, 32, 32), 10, transform=transform)
        if asked.images is None
        else torchvision.datasets.ImageFolder(str(asked.images), transform=transform)
    )
    loader = torch.utils.data.DataLoader(data, batch_size=asked.batch_size, shuffle=True, drop_last=True)
    trainer = pl.Trainer(
        max_epochs=asked.epochs,
        callbacks=[SpectrumMonitor(["encoder", "projection_head"], out=asked.out, overwrite=True)],  # this line
        logger=False,
        enable_checkpointing=False,
    )
    trainer.fit(SimCLR(), loader)


if __name__ == "__main__":
    main()
