"""The spectrum of embeddings that arrive in batches, on one process or many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gramian.itl._errors import type_fault, value_fault
from gramian.itl._order import checked_order
from gramian.quality import Measure, Moments, ViewScatter, get
from gramian.ssl._monitor.ranks import merged_counts, merged_moments, merged_views, several_ranks
from gramian.ssl._monitor.snapshot import SpectrumSnapshot

__all__ = ["SpectrumTracker", "checked_orders"]

_NAN = float("nan")


class SpectrumTracker:
    """Eigenvalues, entropies and ranks of embeddings that arrive in batches.

    What it holds is `gramian.quality`'s: rows while there are fewer than dimensions, from then on float64 sums, so any
    split of the data over batches, trackers or processes gives what one pass over all of it gives, to rounding. With two
    or more views the covariance is that of all views together, and LiDAR tells the spread between samples from that
    between views of one.

    Args:
        orders: of the entropies; each from 0 to infinity.
        lidar_ridge: LiDAR's ``delta``, in squared units of the embeddings.

    Raises:
        TypeError: an order that is no number.
        ValueError: no order, a negative one, or a ridge not above 0.

    Cost: ``n d^2`` multiplications an update of ``n`` rows in float64 on the CPU; :meth:`compute` takes the eigenvalues of
    two matrices of ``min(n, d)``, of three with views. Memory ``d^2`` numbers, twice with views.

    Example:
        >>> tracker = SpectrumTracker()
        >>> tracker.update(torch.tensor([[3.0, 0.0], [-3.0, 0.0]]))
        >>> tracker.update(torch.tensor([[0.0, 1.0], [0.0, -1.0]]))
        >>> tracker.compute().eigenvalues.round(decimals=9)    # of the covariance: 18 / 4 and 2 / 4
        tensor([4.5000, 0.5000], dtype=torch.float64)
    """

    def __init__(self, *, orders: Sequence[float] = (1.0, 2.0), lidar_ridge: float = 1e-4) -> None:
        self.orders = checked_orders(orders)
        if not lidar_ridge > 0:
            raise value_fault("lidar_ridge", "a number above 0", lidar_ridge, "1e-4 is the published value.")
        self.lidar_ridge = float(lidar_ridge)
        self.reset()

    def reset(self) -> None:
        """Forget everything seen."""
        self._moments = Moments()
        self._scatter: ViewScatter | None = None
        self._skipped = 0

    @property
    def samples(self) -> int:
        """Samples seen."""
        return self._moments.count if self._scatter is None else self._scatter.count

    @property
    def skipped(self) -> int:
        """Samples left out because an entry was not finite."""
        return self._skipped

    @torch.no_grad()
    def update(self, *views: Tensor) -> None:
        """Add a batch.

        A sample of which an entry is not finite is left out and counted.

        Args:
            views: one tensor ``(n, d)``, or one for each view with row ``i`` of each the same sample.

        Raises:
            TypeError: something that is no floating tensor.
            ValueError: no view, shapes that differ, or another width or number of views than before.
        """
        _check_views(views)
        if (self._scatter is not None) != (len(views) > 1) and self.samples:
            count = 1 if self._scatter is None else self._scatter.views
            raise value_fault("views", f"{count} as in the batches before", len(views), "Use one tracker for each.")
        stacked = torch.stack([view.detach().to("cpu") for view in views], dim=1)
        finite = torch.isfinite(stacked).flatten(1).all(1)
        self._skipped += int((~finite).sum())
        kept = stacked[finite]
        if not len(kept):
            return
        if len(views) == 1:
            self._moments.update(kept[:, 0])
            return
        self._scatter = self._scatter or ViewScatter()
        self._scatter.update(kept)

    def merge(self, other: SpectrumTracker) -> None:
        """Add what another tracker has seen; the other is left as it was.

        Raises:
            ValueError: another width or number of views.
        """
        if self.samples and other.samples and (self._scatter is None) != (other._scatter is None):
            raise value_fault("other", "a tracker of as many views", "one view beside several", "Merge like with like.")
        self._skipped += other._skipped
        self._moments.merge(other._moments)
        if other._scatter is not None:
            self._scatter = self._scatter or ViewScatter()
            self._scatter.merge(other._scatter)

    def merged(self, group: Any = None) -> SpectrumTracker:
        """What the processes of `torch.distributed` have seen together, the same on each; itself where there is one.

        Every process of the group must call it.

        Raises:
            ValueError: the processes have embeddings of different width or number of views.
        """
        if not several_ranks(group):
            return self
        together = SpectrumTracker(orders=self.orders, lidar_ridge=self.lidar_ridge)
        together._skipped = merged_counts(self._skipped, group)
        if merged_counts(int(self._scatter is not None), group):
            together._scatter = merged_views(self._scatter or ViewScatter(), group)
        else:
            together._moments = merged_moments(self._moments, group)
        return together

    def compute(self, *, source: str = "embeddings", step: int = 0, epoch: float = 0.0) -> SpectrumSnapshot:
        """The spectrum of everything seen by this process; what is undefined for it is NaN.

        Args:
            source: name of the embeddings, for the record.
            step: optimiser steps taken, for the record.
            epoch: passes over the data, for the record.

        Raises:
            ValueError: fewer than two finite samples, or magnitudes whose squares leave float64.
        """
        if self.samples < 2:
            got = (
                f"{self.samples} ({self._skipped} with entries that are not finite)" if self._skipped else self.samples
            )
            raise value_fault("embeddings", "at least two samples", got, "Update the tracker first.")
        moments = self._all_views()
        variance, power = _variance_and_power(moments)
        spread = _or_nothing(lambda: moments.spectrum(center=True)) if variance > 0 else None
        if spread is None:
            spread = torch.full((min(moments.count, moments.width),), _NAN, dtype=torch.float64)
            variance = 0.0
        return SpectrumSnapshot(
            source=source,
            step=step,
            epoch=epoch,
            samples=self.samples,
            views=1 if self._scatter is None else self._scatter.views,
            width=moments.width,
            eigenvalues=spread * variance if variance > 0 else torch.zeros_like(spread),
            entropies={order: self._entropy(moments, order, defined=variance > 0) for order in self.orders},
            effective_rank=self._finish("effective_rank", moments) if variance + power > 0 else _NAN,
            alpha_req=self._finish("alpha_req", moments) if variance > 0 else _NAN,
            lidar=_NAN if self._scatter is None or not variance > 0 else self._lidar(self._scatter),
            variance=variance,
            mean_share=power / (variance + power) if variance + power > 0 else _NAN,
            skipped=self._skipped,
            remarks=self._remarks(moments),
        )

    def _entropy(self, moments: Moments, order: float, *, defined: bool) -> float:
        if not defined:
            return _NAN
        found = _or_nothing(lambda: get("dataset_entropy").finish(moments, alpha=order, center=True))
        return _NAN if found is None else found

    def _finish(self, name: str, moments: Moments) -> float:
        found = _or_nothing(lambda: get(name).finish(moments))
        return _NAN if found is None else found

    def _lidar(self, scatter: ViewScatter) -> float:
        found = _or_nothing(lambda: get("lidar").finish(scatter, delta=self.lidar_ridge))
        return _NAN if found is None else found

    def _remarks(self, moments: Moments) -> tuple[str, ...]:
        found = [_remark(get("effective_rank"), moments)]
        if self._scatter is not None:
            found.append(_remark(get("lidar"), self._scatter))
        return tuple(remark for remark in found if remark)

    def _all_views(self) -> Moments:
        """Moments of all views of all samples, from the scatters where the views themselves are gone."""
        scatter = self._scatter
        if scatter is None:
            return self._moments
        if not scatter.folded:
            moments = Moments()
            moments.update(scatter.rows().flatten(0, 1))
            return moments
        means, count = scatter.means, scatter.count * scatter.views
        return Moments.from_state(
            {
                "eps": np.array(means.eps),
                "count": np.array(count),
                "mean": means.mean.numpy(),
                "scatter": (scatter.views * means.scatter + count * scatter.within).numpy(),
                # What follows tells rows of zeros from others, which nothing here asks for.
                "directions": np.zeros(scatter.width),
                "zero_rows": np.array(0),
            }
        )

    def state(self) -> dict[str, Tensor]:
        """Everything held, as tensors that can stand in a checkpoint."""
        held = {"moments": self._moments.state()} | ({} if self._scatter is None else {"views": self._scatter.state()})
        arrays = {f"{kind}.{name}": torch.from_numpy(np.array(a)) for kind, s in held.items() for name, a in s.items()}
        return arrays | {"skipped": torch.tensor(self._skipped)}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take up what :meth:`state` gave."""
        parts = {
            kind: {name.removeprefix(f"{kind}."): t.numpy() for name, t in state.items() if name.startswith(f"{kind}.")}
            for kind in ("moments", "views")
        }
        self._moments = Moments.from_state(parts["moments"])
        self._scatter = ViewScatter.from_state(parts["views"]) if parts["views"] else None
        self._skipped = int(state["skipped"])


def checked_orders(orders: Sequence[float]) -> tuple[float, ...]:
    """Orders of entropies, each once, as given."""
    if isinstance(orders, int | float | str):
        raise type_fault("orders", "a sequence of numbers", repr(orders), "Wrap it: orders=(2.0,).")
    found = tuple(dict.fromkeys(checked_order(order) for order in orders))
    if not found:
        raise value_fault("orders", "at least one order", "none", "Orders 1 and 2 are the usual ones.")
    return found


def _check_views(views: tuple[Tensor, ...]) -> None:
    if not views:
        raise value_fault("views", "at least one tensor (n, d)", "none", "Give the embeddings of the batch.")
    for view in views:
        if not isinstance(view, Tensor) or not view.is_floating_point():
            got = str(view.dtype) if isinstance(view, Tensor) else type(view).__name__
            raise type_fault("views", "floating tensors (n, d)", got, "Give what the encoder returns.")
        if view.ndim != 2 or view.shape != views[0].shape:
            got = ", ".join(str(tuple(each.shape)) for each in views)
            raise value_fault("views", "tensors of one shape (n, d)", got, "Row i of each must be the same sample.")


def _variance_and_power(moments: Moments) -> tuple[float, float]:
    """Mean squared distance from the mean, and squared norm of the mean."""
    mean = moments.mean
    # The trace of d x d sums that exist, and no such sums for the sake of their trace.
    total = torch.trace(moments.scatter) if moments.folded else (moments.rows().double() - mean).square().sum()
    return float(total) / moments.count, float(mean.square().sum())


def _remark(measure: Measure, statistic: Any) -> str:
    why = measure.minimum(statistic)
    return f"{measure.name}: {why}" if why else ""


def _or_nothing(quantity: Callable[[], Any]) -> Any:
    """The quantity, or None where the data leave it undefined: embeddings in one point, too few eigenvalues for a fit."""
    try:
        return quantity()
    except ValueError:
        return None
