"""A network trained without Lightning, and what every training leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gramian.multiview._network import MultiViewNetwork

__all__ = ["Start", "finished", "fit_plainly"]


@dataclass(frozen=True)
class Start:
    """One training: its network on the CPU, in evaluation; the metrics of all steps; the mean loss of the last epoch."""

    network: MultiViewNetwork
    history: dict[str, npt.NDArray[np.float64]]
    last_loss: float
    resumed: bool


def finished(network: MultiViewNetwork, history: Mapping[str, Sequence[float]], *, steps: int, resumed: bool) -> Start:
    """``steps`` are those of an epoch."""
    return Start(
        network.cpu().eval(),
        {name: np.array(values) for name, values in history.items()},
        float(np.mean(history["loss"][-steps:])),
        resumed,
    )


def fit_plainly(network: MultiViewNetwork, loader: Any, *, lr: float, epochs: int, device: torch.device) -> Start:
    """The same steps as through Lightning, without it."""
    network.to(device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    history: dict[str, list[float]] = {}
    for epoch in range(epochs):
        loader.batch_sampler.set_epoch(epoch)
        for batch in loader:
            terms = network([view.to(device) for view in batch])
            optimizer.zero_grad()
            terms["loss"].backward()
            optimizer.step()
            for name, value in terms.items():
                history.setdefault(name, []).append(float(value.detach()))
    return finished(network, history, steps=len(loader), resumed=False)
