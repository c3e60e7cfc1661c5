"""A network fitted through Lightning, with checkpoints and a run that goes on after a kill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from gramian.itl._errors import value_fault
from gramian.multiview._network import MultiViewNetwork
from gramian.multiview._training import Start, finished
from gramian.training import TrainingProgress, fit, read_checkpoint

__all__ = ["fit_through_lightning"]


class MultiViewTraining(pl.LightningModule):
    """The network as Lightning sees it."""

    def __init__(self, network: MultiViewNetwork, lr: float) -> None:
        super().__init__()
        self.network, self.lr = network, lr

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """One batch."""
        terms: dict[str, Tensor] = self.network(batch)
        for name, value in terms.items():
            self.log(name, value)
        return terms["loss"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam at one rate, so that more epochs go on from fewer."""
        return torch.optim.Adam(self.network.parameters(), lr=self.lr)


def fit_through_lightning(
    network: MultiViewNetwork,
    loader: Any,
    *,
    lr: float,
    epochs: int,
    seed: int,
    out: Path,
    device: torch.device,
    settings: Mapping[str, Any],
    progress: Callable[[TrainingProgress], None] | None,
) -> Start:
    """Fits in place.

    Raises:
        ValueError: a checkpoint of other settings or other views is there.
    """
    last = out / "checkpoints" / "last.ckpt"
    if last.is_file():
        _refuse_others(read_checkpoint(last)["gramian"].get("multiview"), settings, out)
    result = fit(
        MultiViewTraining(network, lr),
        loader,
        out=out,
        epochs=epochs,
        seed=seed,
        accelerator="gpu" if device.type == "cuda" else device.type,
        devices=1 if device.index is None else [device.index],
        log_every=1,
        description={"multiview": dict(settings)},
        progress=progress,
    )
    history: dict[str, list[float]] = {}
    for row in result.history:
        history.setdefault(row.metric, []).append(row.value)
    return finished(network, history, steps=len(loader), resumed=result.resumed)


def _refuse_others(there: Mapping[str, Any] | None, settings: Mapping[str, Any], out: Path) -> None:
    remedy = "Give another directory, or the settings and views of before."
    if there is None:
        raise value_fault("out", "a directory of a fit of DiMEEncoder", f"another run in {out}", remedy)
    # Runs from before the parameter was there had none of it.
    there = {"independence": "0.0", **there}
    other = [name for name in settings if there.get(name) != settings[name]]
    if other:
        rule = f"a directory of a fit with {', '.join(f'{name}={settings[name]}' for name in other)}"
        raise value_fault("out", rule, f"{', '.join(str(there.get(name)) for name in other)} in {out}", remedy)
