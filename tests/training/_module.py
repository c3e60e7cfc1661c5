"""A module small enough to be fitted hundreds of times, with everything that makes resuming hard: draws, moments, a schedule."""

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from gramian.training import fit, seeded

STEPS = 5  # an epoch
EPOCHS = 3


class Regression(pl.LightningModule):
    def __init__(self, lr=0.05):
        super().__init__()
        self.lr = lr
        self.net = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1)
        )

    def training_step(self, batch, index):
        samples, targets = batch
        loss = ((self.net(samples) - targets) ** 2).mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.9)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS * EPOCHS)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Stopped(Exception):
    pass


class StopAt(pl.Callback):
    """A program that ends in the middle of a step."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.step:
            raise Stopped


def regression(**options):
    with seeded(1):
        return Regression(**options)


def loader(samples=8 * STEPS, batch=8):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(samples, 4, generator=generator)
    return DataLoader(TensorDataset(features, features.sum(1, keepdim=True)), batch_size=batch, shuffle=True)


def fitted(out, *, module=None, batches=None, **options):
    """The module and the result of a fit on the processor."""
    module = regression() if module is None else module
    options = {"epochs": EPOCHS, "seed": 3, "log_every": 1, **options}
    return module, fit(module, loader() if batches is None else batches, out=out, accelerator="cpu", **options)


def weights(module):
    return torch.cat([value.detach().double().flatten() for value in module.state_dict().values()])


def values(result):
    """The history without its times."""
    return [(row.step, row.metric, row.value) for row in result.history]
