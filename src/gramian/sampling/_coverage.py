"""How well fewer points cover a class: their divergence beside that of random subsets, and what moved in each column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from gramian.itl._errors import value_fault
from gramian.sampling._collision_kernel import CollisionKernel
from gramian.sampling._points import Scale, class_bandwidth, collision_kernel
from gramian.sampling._selection import collision_divergence, divergence_of_means

__all__ = ["ColumnShift", "Coverage", "coverage"]

# Entries of the kernel that the random subsets may cost together: about ten seconds.
_BUDGET = 2**31
_FEWEST = 5


@dataclass(frozen=True)
class ColumnShift:
    """What the fewer points changed in one column.

    Attributes:
        mean_before, mean_after: in the column's unit.
        shift: difference of the means in standard deviations of the class; 0 for a constant column that stayed.
        spread: standard deviation after, as a multiple of that before; 1 for a constant column.
        distance: largest difference of the two distribution functions (Kolmogorov-Smirnov), within ``[0, 1]``.
    """

    mean_before: float
    mean_after: float
    shift: float
    spread: float
    distance: float


@dataclass(frozen=True)
class Coverage:
    """How well some points cover a class.

    Attributes:
        before, after: number of points.
        divergence: balanced divergence of order 2 between the class and the points, in nats, within ``[0, log 2]``.
        random_mean, random_best: of random subsets of the class of that size.
        random_subsets: how many.
        bandwidth: of the Gaussian kernel, in standard deviations where columns were standardised.
        columns: one for each column.
    """

    before: int
    after: int
    divergence: float
    random_mean: float
    random_best: float
    random_subsets: int
    bandwidth: float
    columns: tuple[ColumnShift, ...]


def coverage(
    members: npt.NDArray[Any],
    points: npt.NDArray[Any],
    *,
    scale: npt.NDArray[Any] | None = None,
    bandwidth: str | float = "median",
    bandwidth_factor: float = 1.0,
    random_subsets: int = 100,
    random_state: int | np.random.RandomState | None = None,
) -> Coverage:
    """How well ``points`` cover ``members``, by the balanced divergence of order 2 between them.

    Source: [hoyos2022].

    Args:
        members: ``(n, d)``, the class.
        points: ``(m, d)``, some of the class, or others that stand for it.
        scale: ``(N, d)``, the data whose standard deviations are the units of distance, as the samplers take them from all
            classes together; ``members`` if None.
        bandwidth: as :class:`gramian.sampling.JensenRenyiUnderSampler`.
        bandwidth_factor: as :class:`gramian.sampling.JensenRenyiUnderSampler`.
        random_subsets: at most; fewer, down to five, where ``m^2`` each would be too much.
        random_state: of the random subsets.

    Returns:
        A :class:`Coverage`.

    Raises:
        ValueError: no points, or of another width.

    Cost:
        ``n^2 d`` up to 16,384 members and ``4096 n d`` beyond, ``n m d``, and ``m^2 d`` for each random subset.

    Example:
        >>> import numpy as np
        >>> x = np.arange(12.0)[:, None]
        >>> coverage(x, x, random_state=0).divergence
        0.0
    """
    whole = np.asarray(members, dtype=np.float64)
    fewer = np.asarray(points, dtype=np.float64)
    if whole.ndim != 2 or len(whole) == 0:
        raise value_fault("members", "points (n, d), n at least 1", f"shape {whole.shape}", "Pass one class.")
    if fewer.ndim != 2 or fewer.shape[1] != whole.shape[1] or len(fewer) == 0:
        rule = f"points (m, {whole.shape[1]}), m at least 1"
        raise value_fault("points", rule, f"shape {fewer.shape}", "Both hold points of one space.")
    draws = check_random_state(random_state)
    units = Scale.of(whole if scale is None else np.asarray(scale), standardize=True)
    own, others = units.apply(whole), units.apply(fewer)
    length = class_bandwidth(own, bandwidth, bandwidth_factor, draws=draws)
    kernel = collision_kernel(own, length, draws=draws)
    together = CollisionKernel(np.concatenate([own, others]), length)
    places = np.arange(len(own), len(own) + len(others))
    within = together.sums(places, places).sum() / len(others) ** 2
    between = kernel.closeness_of(together, places).mean()
    count = max(min(random_subsets, _FEWEST), min(random_subsets, _BUDGET // len(others) ** 2))
    size = min(len(own), len(others))
    drawn = [collision_divergence(kernel, draws.choice(len(own), size, replace=False)) for _ in range(count)]
    return Coverage(
        before=len(own),
        after=len(others),
        divergence=divergence_of_means(kernel.purity, float(within), float(between)),
        random_mean=float(np.mean(drawn)),
        random_best=float(np.min(drawn)),
        random_subsets=count,
        bandwidth=length,
        columns=tuple(_shift(before, after) for before, after in zip(whole.T, fewer.T, strict=True)),
    )


def _shift(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> ColumnShift:
    spread, moved = float(before.std()), float(after.mean() - before.mean())
    values = np.concatenate([before, after])
    share_before = np.searchsorted(np.sort(before), values, side="right") / len(before)
    share_after = np.searchsorted(np.sort(after), values, side="right") / len(after)
    constant = float(np.ptp(before)) == 0
    return ColumnShift(
        mean_before=float(before.mean()),
        mean_after=float(after.mean()),
        shift=0.0 if constant and moved == 0 else moved / spread if spread > 0 else float(np.copysign(np.inf, moved)),
        spread=1.0 if constant else float(after.std()) / spread,
        distance=float(np.abs(share_before - share_after).max()),
    )
