"""Small trainings in every framework the monitor knows, with what its module gave kept beside."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

SAMPLES, BATCH, INPUTS, WIDTH = 48, 8, 12, 5
BATCHES = SAMPLES // BATCH
DATA = torch.randn(SAMPLES, INPUTS, generator=torch.Generator().manual_seed(1))
NAMESPACES = ("pytorch_lightning", "lightning.pytorch")


@dataclass
class Kept:
    """What a method of gramian keeps of a step."""

    features: list[torch.Tensor]
    embeddings: list[torch.Tensor]


@dataclass
class Diary:
    """The views of every step, as the module gave them."""

    steps: list[list[torch.Tensor]] = field(default_factory=list)


def namespace(name: str) -> Any:
    return pytest.importorskip(name, reason=f"needs {name.split('.')[0]}")


def encoder() -> nn.ModuleDict:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = nn.Sequential(nn.Linear(INPUTS, 16), nn.ReLU())
        return nn.ModuleDict({"backbone": backbone, "projector": nn.Linear(16, WIDTH)})


def siamese(pl: Any, *, keeps: bool = False, joined: bool = False, recomputed: bool = False, repel: float = 1.0) -> Any:
    """A module of two views whose loss pulls them together and, by `repel`, their covariance apart."""

    class Siamese(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = encoder()
            self.diary = Diary()

        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            # By the number of the batch: Lightning resumes in mid-epoch with the data of its beginning.
            x = DATA[batch_idx * BATCH : (batch_idx + 1) * BATCH]
            views = [x, x + 0.3 * torch.sin(7 * x)]
            project = self.net["projector"]
            if joined:
                z = project(self.net["backbone"](torch.cat(views))).chunk(2)
            elif recomputed:
                z = [checkpoint(lambda v: project(self.net["backbone"](v)), v, use_reentrant=False) for v in views]
            else:
                features = [self.net["backbone"](view) for view in views]
                z = [project(each) for each in features]
                if keeps:
                    self.outputs = Kept([f.detach() for f in features], [each.detach() for each in z])
            self.diary.steps.append([each.detach().clone() for each in z])
            spread = sum(each.var(0).clamp_max(1.0).sum() for each in z)
            return (z[0] - z[1]).square().sum(1).mean() - repel * spread

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.05)

    return Siamese()


def loader() -> Any:
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(DATA), batch_size=BATCH)


def fitted(pl: Any, module: Any, *callbacks: Any, root: Any, resume: Any = None, **options: Any) -> Any:
    """The trainer after training `module`."""
    settings = {"max_epochs": 2, "logger": False, "enable_checkpointing": False} | options
    trainer = pl.Trainer(
        callbacks=list(callbacks),
        accelerator="cpu",
        devices=1,
        default_root_dir=root,
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="pytorch_lightning|lightning")
        trainer.fit(module, loader(), ckpt_path=resume)
    return trainer
