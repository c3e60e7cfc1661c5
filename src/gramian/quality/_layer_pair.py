"""Joint moments of the embeddings of one set of prompts at two layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ._inputs import check_count, in_range, read
from ._spectra import centred, check_squares
from ._statistic import Statistic, check_width


class LayerPair(Statistic):
    """Rows while there are fewer than dimensions; from then on the scatter of both layers and across them.

    The two layers are held side by side as one vector of width d + e, so that the scatter of the joint vector holds
    all three blocks. The cosines of each prompt's two vectors are summed as they come.
    """

    def __init__(self) -> None:
        self._count = 0
        self._widths: tuple[int, int] | None = None
        self._rows: list[Tensor] | None = []
        self._mean = torch.zeros(0, dtype=torch.float64)
        self._scatter = torch.zeros(0, 0, dtype=torch.float64)
        self._cosines = 0.0
        self._zero_rows = 0

    @property
    def count(self) -> int:
        return self._count

    @property
    def widths(self) -> tuple[int, int]:
        """Dimensions of both layers; zeros before the first update."""
        return self._widths or (0, 0)

    @property
    def cosine_sum(self) -> tuple[float, int]:
        """Sum over prompts of the cosine of its two vectors, and for how many prompts one of them was zero."""
        return self._cosines, self._zero_rows

    def update(self, x: Any, y: Any) -> None:
        """Add the same prompts' embeddings at two layers, `(N, d)` and `(N, e)`."""
        (a, b), _ = read(("x", "y"), x, y, axes="N d")
        if a.ndim != 2 or b.ndim != 2 or len(a) != len(b):
            raise ValueError(
                f"y: expected shape ({a.shape[0]}, e), one row for each of x; got {tuple(b.shape)} for x "
                f"{tuple(a.shape)}. Row i of both must belong to prompt i."
            )
        a, b = a.detach().cpu(), b.detach().cpu()
        self._start(a.shape[1], b.shape[1])
        if a.shape[1] == b.shape[1]:
            u, v = in_range(a.double(), axes=1), in_range(b.double(), axes=1)
            norms = torch.linalg.vector_norm(u, dim=1) * torch.linalg.vector_norm(v, dim=1)
            products = torch.linalg.vecdot(u, v)
            self._zero_rows += int((norms == 0).sum())
            self._cosines += float((products / torch.where(norms == 0, 1, norms)).sum())
        self._add(torch.cat([a, b], 1))

    def merge(self, other: Self) -> None:
        if other._count == 0:
            return
        self._start(*other.widths)
        self._cosines += other._cosines
        self._zero_rows += other._zero_rows
        if other._rows is not None:
            self._add(torch.cat(other._rows))
            return
        self._fold()
        self._pool(other._count, other._mean, other._scatter)

    def centred_rows(self) -> tuple[Tensor, Tensor] | None:
        """Both layers' rows less their means in float64, or None once only moments are kept."""
        check_count("x", self._count, 2, "prompts")
        if self._rows is None:
            return None
        rows = torch.cat(self._rows).double()
        d = self.widths[0]
        return centred("x", rows[:, :d]), centred("y", rows[:, d:])

    def scatters(self) -> tuple[Tensor, Tensor, Tensor]:
        """Scatter of the first layer `(d, d)`, of the second `(e, e)` and across `(d, e)`."""
        d = self.widths[0]
        blocks = self._scatter[:d, :d], self._scatter[d:, d:], self._scatter[:d, d:]
        eps = torch.finfo(torch.float64).eps
        for name, block, mean in (("x", blocks[0], self._mean[:d]), ("y", blocks[1], self._mean[d:])):
            variance, power = torch.trace(block), self._count * mean.square().sum()
            check_squares(name, variance + power, zero=not bool(mean.any()) and not bool(block.any()))
            if bool(variance <= (self._count * eps) ** 2 * power):
                raise ValueError(f"{name}: expected rows that differ; got {self._count} equal rows. Add other prompts.")
        return blocks

    def _start(self, d: int, e: int) -> None:
        known = self._widths
        check_width("x", known and known[0], d)
        check_width("y", known and known[1], e)
        self._widths = (d, e)

    def _add(self, rows: Tensor) -> None:
        if self._rows is not None:
            self._rows.append(rows)
            self._count += len(rows)
            if self._count >= max(self.widths):
                self._fold()
            return
        x = rows.double()
        mean = x.mean(0)
        deviations = x - mean
        self._pool(len(x), mean, deviations.mT @ deviations)

    def _fold(self) -> None:
        if self._rows is None:
            return
        rows, width = self._rows, sum(self.widths)
        self._rows, self._count = None, 0
        self._mean = torch.zeros(width, dtype=torch.float64)
        self._scatter = torch.zeros(width, width, dtype=torch.float64)
        if rows:
            self._add(torch.cat(rows))

    def _pool(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        total = self._count + count
        gap = mean - self._mean
        self._scatter = self._scatter + scatter
        self._scatter.addr_(gap, gap, alpha=self._count * count / total)
        self._mean = self._mean + gap * (count / total)
        self._count = total

    def state(self) -> dict[str, np.ndarray]:
        state = {
            "widths": np.array(self.widths),
            "count": np.array(self._count),
            "cosines": np.array(self._cosines),
            "zero_rows": np.array(self._zero_rows),
        }
        if self._rows is None:
            return state | {"mean": self._mean.numpy(), "scatter": self._scatter.numpy()}
        return state | {"rows": torch.cat(self._rows).numpy() if self._rows else np.zeros((0, 0))}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Self:
        restored = cls()
        restored._count = int(state["count"])
        if restored._count == 0:
            return restored
        d, e = (int(width) for width in state["widths"])
        restored._widths = (d, e)
        restored._cosines, restored._zero_rows = float(state["cosines"]), int(state["zero_rows"])
        if "rows" in state:
            restored._rows = [torch.from_numpy(np.array(state["rows"]))]
            return restored
        restored._rows = None
        restored._mean = torch.from_numpy(np.array(state["mean"]))
        restored._scatter = torch.from_numpy(np.array(state["scatter"]))
        return restored
