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
    """Views while there are fewer in all than dimensions; then their d x d scatter about each prompt's mean, and the means' moments."""

    def __init__(self) -> None:
        self._count = 0
        self._shape: tuple[int, int] | None = None
        self._rows: list[Tensor] | None = []
        self._means = Moments()
        self._within = torch.zeros(0, 0, dtype=torch.float64)
        self._spectra: dict[float, Tensor] = {}

    @property
    def count(self) -> int:
        return self._count

    @property
    def views(self) -> int:
        """Views of each prompt; 0 before the first."""
        return self._shape[0] if self._shape else 0

    @property
    def width(self) -> int:
        """Dimensions of the views; 0 before the first."""
        return self._shape[1] if self._shape else 0

    @property
    def folded(self) -> bool:
        """Whether the views have given way to the scatter matrices."""
        return self._rows is None

    def rows(self) -> Tensor:
        """The views `(N, q, d)`, while they are fewer in all than their dimensions."""
        if self._rows is None:
            raise ValueError(
                f"rows: expected fewer than {self.width} views; got {self._count} prompts. Only sums are kept."
            )
        return torch.cat(self._rows) if self._rows else torch.zeros(0, self.views, self.width)

    @property
    def means(self) -> Moments:
        """Moments of the prompts' means."""
        if self._rows is None:
            return self._means
        moments = Moments()
        if self._count:
            moments.update(self.rows().double().mean(1))
        return moments

    @property
    def within(self) -> Tensor:
        """Mean over prompts and views of the outer product of deviations from the prompt mean, `(d, d)`."""
        scatter = self._within if self._rows is None else _scatter(self.rows().double())
        return scatter / (self.count * self.views)

    def update(self, views: Any) -> None:
        """Add prompts with their views `(N, q, d)`, the same number of views for all."""
        (x,), _ = read(("views",), views, axes="N q d")
        if x.ndim != 3:
            raise ValueError(f"views: expected shape (N, q, d); got {tuple(x.shape)}. Add one sample at a time.")
        self._expect(x.shape[1], x.shape[2])
        self._add(x.detach().cpu())

    def merge(self, other: Self) -> None:
        if other.count == 0:
            return
        self._expect(other.views, other.width)
        if other._rows is not None:
            self._add(other.rows())
            return
        self._fold()
        self._within = self._within + other._within
        self._means.merge(other._means)
        self._count += other._count

    def cached_spectrum(self, delta: float, compute: Any) -> Tensor:
        """The spectrum for this `delta`, computed once until more is seen."""
        if delta not in self._spectra:
            self._spectra[delta] = compute()
        return self._spectra[delta]

    def _add(self, views: Tensor) -> None:
        self._count += len(views)
        if self._rows is None:
            precise = views.double()
            self._within = self._within + _scatter(precise)
            self._means.update(precise.mean(1))
            return
        self._rows.append(views)
        if self._count * self.views >= self.width:
            self._fold()

    def _fold(self) -> None:
        if self._rows is None:
            return
        rows, self._rows, self._count = self._rows, None, 0
        self._within = torch.zeros(self.width, self.width, dtype=torch.float64)
        if rows:
            self._add(torch.cat(rows))

    def _expect(self, views: int, width: int) -> None:
        if self._shape is None:
            self._shape = (views, width)
        if views != self.views:
            raise ValueError(
                f"views: expected {self.views} a prompt, as seen before; got {views}. Give every prompt as many."
            )
        check_width("views", self.width, width)
        self._spectra = {}

    def state(self) -> dict[str, np.ndarray]:
        state = {"count": np.array(self._count), "shape": np.array([self.views, self.width])}
        if self._rows is not None:
            return state | {"rows": self.rows().numpy()}
        moments = {f"means.{name}": value for name, value in self._means.state().items()}
        return state | {"within": self._within.numpy(), **moments}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Self:
        restored = cls()
        restored._count = int(state["count"])
        if restored._count == 0:
            return restored
        views, width = (int(size) for size in state["shape"])
        restored._shape = (views, width)
        if "rows" in state:
            restored._rows = [torch.from_numpy(np.array(state["rows"]))]
            return restored
        restored._rows = None
        restored._within = torch.from_numpy(np.array(state["within"]))
        prefix = "means."
        restored._means = Moments.from_state(
            {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        )
        return restored


def _scatter(views: Tensor) -> Tensor:
    deviations = (views - views.mean(1, keepdim=True)).flatten(0, 1)
    return deviations.mT @ deviations
