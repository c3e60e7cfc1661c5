"""The spectrum of embeddings as a torchmetrics metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gramian.itl._errors import type_fault, value_fault
from gramian.quality import Moments
from gramian.ssl._monitor.snapshot import SpectrumSnapshot
from gramian.ssl._monitor.tracker import SpectrumTracker, checked_orders

try:
    from torchmetrics import Metric
except ImportError as error:
    raise ImportError(
        'SpectrumMetric: expected torchmetrics; got none. Install it with: pip install "gramian[ssl]"'
    ) from error

__all__ = ["SpectrumMetric"]


class SpectrumMetric(Metric):
    """Entropies, RankMe, alpha-ReQ and LiDAR of embeddings, as `SpectrumTracker` has them, for ``torchmetrics``.

    Its states are sums in float64, so processes are added up exactly: count, sum and second moments of all views and of the
    samples' means. :meth:`compute` gives the numbers by name, as ``log_dict`` wants them; ``last`` is the snapshot they were
    read off. Unlike the tracker's, its sums are not taken about the mean: a mean a million times as long as the embeddings
    spread costs the spectrum twelve of its sixteen digits.

    Args:
        features: width ``d`` of the embeddings.
        views: views of each sample; 1 leaves LiDAR out.
        orders: of the entropies.
        lidar_ridge: LiDAR's ``delta``.
        **torchmetrics_options: of ``torchmetrics.Metric``.

    Raises:
        TypeError: a number of features or views that is no integer.
        ValueError: no feature, no view, no order.

    Cost: ``n d^2`` multiplications an update on the embeddings' device; memory ``d^2`` numbers, twice with views.

    Example:
        >>> metric = SpectrumMetric(features=2)
        >>> metric.update(torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        >>> float(metric.compute()["top_share"].round(decimals=9))    # 18 / 20
        0.9
    """

    full_state_update = False
    higher_is_better = None
    is_differentiable = False

    samples: Tensor
    skipped: Tensor
    total: Tensor
    squares: Tensor
    mean_squares: Tensor

    def __init__(
        self,
        *,
        features: int,
        views: int = 1,
        orders: Sequence[float] = (1.0, 2.0),
        lidar_ridge: float = 1e-4,
        **torchmetrics_options: Any,
    ) -> None:
        super().__init__(**torchmetrics_options)
        for name, count in (("features", features), ("views", views)):
            if isinstance(count, bool) or not isinstance(count, int):
                raise type_fault(name, "an integer", type(count).__name__, "Count them.")
            if count < 1:
                raise value_fault(name, "at least 1", count, "Count them.")
        self.features, self.views = features, views
        self.orders, self.lidar_ridge = checked_orders(orders), lidar_ridge
        self.last: SpectrumSnapshot | None = None
        for name in ("samples", "skipped"):
            self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("total", torch.zeros(features, dtype=torch.float64), dist_reduce_fx="sum")
        for name in ("squares", "mean_squares")[: 1 if views == 1 else 2]:
            self.add_state(name, torch.zeros(features, features, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, *views: Tensor) -> None:
        """Add a batch; samples of which an entry is not finite are left out.

        Args:
            views: ``(n, d)``, one tensor for each view.

        Raises:
            TypeError: something that is no floating tensor.
            ValueError: another number of views or features than was said.
        """
        shapes = [tuple(view.shape) if isinstance(view, Tensor) else type(view).__name__ for view in views]
        if any(not isinstance(view, Tensor) or not view.is_floating_point() for view in views):
            raise type_fault("views", "floating tensors", shapes, "Give what the encoder returns.")
        if len(views) != self.views or any(shape != (len(views[0]), self.features) for shape in shapes):
            raise value_fault(
                "views", f"{self.views} of shape (n, {self.features})", shapes, "See features= and views=."
            )
        stacked = torch.stack([view.detach().double() for view in views], dim=1)
        finite = torch.isfinite(stacked).flatten(1).all(1)
        # Zeros instead of fewer rows: the device need not be waited for.
        stacked = torch.where(finite[:, None, None], stacked, 0.0)
        self.samples += finite.sum()
        self.skipped += (~finite).sum()
        rows = stacked.flatten(0, 1)
        self.total += rows.sum(0)
        self.squares += rows.mT @ rows
        if self.views > 1:
            means = stacked.mean(1)
            self.mean_squares += means.mT @ means

    def compute(self) -> dict[str, Tensor]:
        """Every number by name, NaN where it is undefined for the embeddings seen.

        Raises:
            ValueError: fewer than two samples.
        """
        snapshot = self._tracker().compute()
        self.last = snapshot
        names = dict.fromkeys([f"entropy_{order:g}" for order in self.orders], float("nan"))
        plain = {measure: value for measure, variant, value in snapshot.measures() if not variant}
        found = plain | names | snapshot.scalars()
        return {
            name: torch.tensor(value, dtype=torch.float64, device=self.total.device) for name, value in found.items()
        }

    def _tracker(self) -> SpectrumTracker:
        """The tracker that has seen what the sums have."""
        samples, views = int(self.samples), self.views
        tracker = SpectrumTracker(orders=self.orders, lidar_ridge=self.lidar_ridge)
        mean = self.total.cpu() / max(1, samples * views)
        if views == 1:
            scatter = _of_rank(self.squares.cpu() - samples * torch.outer(mean, mean), samples - 1)
            state = {f"moments.{name}": value for name, value in _moments(samples, mean, scatter).items()}
        else:
            empty = Moments().state()
            scatter = _of_rank(self.mean_squares.cpu() - samples * torch.outer(mean, mean), samples - 1)
            within = _of_rank(self.squares.cpu() - views * self.mean_squares.cpu(), samples * (views - 1))
            state = {f"moments.{name}": torch.from_numpy(np.array(value)) for name, value in empty.items()}
            state |= {"views.count": torch.tensor(samples), "views.shape": torch.tensor([views, self.features])}
            state |= {"views.within": within}
            state |= {f"views.means.{name}": value for name, value in _moments(samples, mean, scatter).items()}
        tracker.load_state(state | {"skipped": self.skipped.cpu()})
        return tracker


def _of_rank(scatter: Tensor, rank: int) -> Tensor:
    """The matrix with no more eigenvalues than samples allow.

    Differences of sums leave rounding of the size of the mean's square in the others, which logarithms and roots see.
    """
    if rank >= len(scatter):
        return scatter
    eigenvalues, vectors = torch.linalg.eigh(scatter)
    kept = vectors[:, len(scatter) - max(rank, 0) :]
    found: Tensor = (kept * eigenvalues[len(scatter) - max(rank, 0) :].clamp_min(0)) @ kept.mT
    return found


def _moments(count: int, mean: Tensor, scatter: Tensor) -> dict[str, Tensor]:
    return {
        "eps": torch.tensor(torch.finfo(torch.float64).eps, dtype=torch.float64),
        "count": torch.tensor(count),
        "mean": mean,
        "scatter": scatter,
        "directions": torch.zeros_like(mean),
        "zero_rows": torch.tensor(0),
    }
