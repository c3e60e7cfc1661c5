"""Scatter of views within prompts and of prompt means, for LiDAR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ._inputs import read
from ._moments import Moments
from ._statistic import Statistic, check_width


class ViewScatter(Statistic):
    """The d x d scatter of views about their prompt's mean, and the moments of the prompt means."""

    def __init__(self) -> None:
        self.means = Moments()
        self._views: int | None = None
        self._within = torch.zeros(0, 0, dtype=torch.float64)
        self._spectra: dict[float, Tensor] = {}

    @property
    def count(self) -> int:
        return self.means.count

    @property
    def views(self) -> int:
        """Views of each prompt; 0 before the first."""
        return self._views or 0

    @property
    def within(self) -> Tensor:
        """Mean over prompts and views of the outer product of deviations from the prompt mean, `(d, d)`."""
        return self._within / (self.count * self.views)

    def update(self, views: Any) -> None:
        """Add prompts with their views `(N, q, d)`, the same number of views for all."""
        (x,), _ = read(("views",), views, axes="N q d")
        if x.ndim != 3:
            raise ValueError(f"views: expected shape (N, q, d); got {tuple(x.shape)}. Add one sample at a time.")
        self._expect(x.shape[1], x.shape[2])
        precise = x.detach().cpu().double()
        means = precise.mean(1)
        deviations = (precise - means[:, None]).flatten(0, 1)
        self._within = self._within + deviations.mT @ deviations
        self.means.update(means)

    def merge(self, other: Self) -> None:
        if other.count == 0:
            return
        self._expect(other.views, other.means.width)
        self._within = self._within + other._within
        self.means.merge(other.means)

    def cached_spectrum(self, delta: float, compute: Any) -> Tensor:
        """The spectrum for this `delta`, computed once until more is seen."""
        if delta not in self._spectra:
            self._spectra[delta] = compute()
        return self._spectra[delta]

    def _expect(self, views: int, width: int) -> None:
        if self._views is None:
            self._views = views
            self._within = torch.zeros(width, width, dtype=torch.float64)
        if views != self._views:
            raise ValueError(
                f"views: expected {self._views} a prompt, as seen before; got {views}. Give every prompt as many."
            )
        check_width("views", self._within.shape[0], width)
        self._spectra = {}

    def state(self) -> dict[str, np.ndarray]:
        moments = {f"means.{name}": value for name, value in self.means.state().items()}
        return {"views": np.array(self.views), "within": self._within.numpy(), **moments}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Self:
        restored = cls()
        restored._views = int(state["views"]) or None
        restored._within = torch.from_numpy(np.array(state["within"]))
        prefix = "means."
        restored.means = Moments.from_state(
            {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        )
        return restored
