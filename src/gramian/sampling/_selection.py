"""Choosing the points of a class that cover it best at order 2: greedy choice, then exchanges."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gramian.sampling._collision_kernel import CollisionKernel, Floats, Indices

__all__ = ["collision_divergence", "divergence_of_means", "select_covering"]

# Points whose kernel matrix is held while choosing among them: 64 MB in float32.
_POOL = 2**12
# Sweeps of exchanges over a pool; two or three find nearly everything.
_SWEEPS = 20
# Small classes are also chosen from random starts, at most so many, as long as points times starts times choice stay below.
_STARTS, _EFFORT = 20, 2**18
# An exchange must gain more than rounding would.
_LEAST_GAIN = 1e-12


def collision_divergence(kernel: CollisionKernel, subset: Indices) -> float:
    r"""Balanced Jensen-Rényi divergence of order 2 between a class and some of its points, in nats, in ``[0, log 2]``.

    .. math:: D_2 = -\log\left(1 - \frac{a + b - 2c}{2 (a + b)}\right)

    with the means of the squared kernel within the class, :math:`a`, within the subset, :math:`b`, and between them,
    :math:`c`. The same number as :func:`gramian.jensen_renyi_divergence` of the pooled Gram, without forming it.

    Source: [hoyos2022], derived in ``docs/design/sampling.md``.

    Cost:
        ``m^2 d``, and ``n^2 d`` once for the class.
    """
    chosen = np.asarray(subset)
    within = kernel.sums(chosen, chosen).sum() / len(chosen) ** 2
    between = kernel.closeness[chosen].mean()
    return divergence_of_means(kernel.purity, float(within), float(between))


def divergence_of_means(of_class: float, of_points: float, between: float) -> float:
    """The divergence of :func:`collision_divergence` from the three means; rounding never makes it negative."""
    departure = of_class + of_points - 2 * between
    return max(0.0, -math.log1p(-departure / (2 * (of_class + of_points))))


def select_covering(
    kernel: CollisionKernel, count: int, *, draws: np.random.RandomState, thorough: bool = True
) -> Indices:
    """Indices of ``count`` points of the class, ascending, whose divergence from it at order 2 is small.

    Points are added one by one, each the best there is; then chosen points are exchanged for others as long as that
    helps. Small classes, where that may end in a local optimum, are also chosen from random subsets (always the same),
    and the best choice counts, unless ``thorough`` is off. Classes beyond 4,096 points are dealt at random into pools;
    each pool adds its share, knowing what earlier pools chose, and exchanges are sought in pools that hold chosen
    points and random others.

    Cost:
        ``n^2 d`` for the means (``n r d`` with ``r`` reference points), ``n m d`` for the choice, both as matrix
        products; a few vector operations of length 4,096 for every point chosen.
    """
    if count >= kernel.size:
        return np.arange(kernel.size)
    order = np.arange(kernel.size) if kernel.size <= _POOL else draws.permutation(kernel.size)
    pools = np.array_split(order, math.ceil(kernel.size / _POOL))
    choice = _Choice(np.empty(0, dtype=np.intp), 0.0)
    seen = 0
    for members in pools:
        seen += len(members)
        pool = _Pool.of(kernel, np.sort(members), choice)
        pool.grow(round(count * seen / kernel.size) - len(choice.points))
        choice = pool.choice
    if len(pools) > 1:
        return np.sort(_exchanged_among_pools(kernel, choice, draws).points)
    found = []
    for start in (choice, *(_random_starts(kernel, count) if thorough else [])):
        pool = _Pool.of(kernel, order, start, pool.matrix)
        pool.exchange()
        found.append(np.sort(pool.choice.points))
    # By the divergence itself: among equals, the sums that pools carry would let rounding decide.
    return found[int(np.argmin([collision_divergence(kernel, points) for points in found]))]


def _random_starts(kernel: CollisionKernel, count: int) -> list[_Choice]:
    # Always the same, so that a small class has one answer, whatever the seed.
    draws = np.random.RandomState(0)
    number = min(_STARTS, _EFFORT // (kernel.size * count))
    drawn = [np.sort(draws.permutation(kernel.size)[:count]) for _ in range(number)]
    return [_Choice(points, float(kernel.sums(points, points).sum())) for points in drawn]


@dataclass(frozen=True)
class _Choice:
    """Chosen points, and the sum of the kernel over all pairs of them."""

    points: Indices
    within: float


def _exchanged_among_pools(kernel: CollisionKernel, choice: _Choice, draws: np.random.RandomState) -> _Choice:
    for part in np.array_split(draws.permutation(choice.points), math.ceil(2 * len(choice.points) / _POOL)):
        others = np.setdiff1d(np.arange(kernel.size), choice.points, assume_unique=True)
        others = draws.permutation(others)[: _POOL - len(part)]
        pool = _Pool.of(kernel, np.sort(np.concatenate([part, others])), choice)
        pool.exchange()
        choice = pool.choice
    return choice


@dataclass
class _Pool:
    """Candidates with their kernel matrix, and what the choice so far means to each.

    Attributes:
        kernel: of the whole class.
        members: indices of the candidates.
        matrix: kernel among candidates.
        taken: which candidates are chosen.
        elsewhere: chosen points that are not candidates.
        support: of each candidate, the kernel's sum over all chosen points.
        cross: sum of the chosen points' closeness to the class.
        within: sum of the kernel over all pairs of chosen points.
    """

    kernel: CollisionKernel
    members: Indices
    matrix: Floats
    taken: npt.NDArray[np.bool_]
    elsewhere: Indices
    support: npt.NDArray[np.float64]
    cross: float
    within: float

    @classmethod
    def of(cls, kernel: CollisionKernel, members: Indices, choice: _Choice, matrix: Floats | None = None) -> _Pool:
        taken = np.isin(members, choice.points)
        elsewhere = np.setdiff1d(choice.points, members, assume_unique=True)
        if matrix is None:
            matrix = kernel.between(members, members)
        support = matrix[:, taken].sum(1, dtype=np.float64) + kernel.sums(members, elsewhere)
        cross = float(kernel.closeness[choice.points].sum())
        return cls(kernel, members, matrix, taken, elsewhere, support, cross, choice.within)

    @property
    def choice(self) -> _Choice:
        return _Choice(np.concatenate([self.elsewhere, self.members[self.taken]]), self.within)

    def grow(self, count: int) -> None:
        """Choose ``count`` candidates more, each the one that raises the overlap with the class most."""
        closeness, purity = self.kernel.closeness[self.members], self.kernel.purity
        size = len(self.elsewhere) + int(self.taken.sum())
        for _ in range(count):
            size += 1
            overlap = (self.cross + closeness) / (purity * size + (self.within + 2 * self.support + 1) / size)
            overlap[self.taken] = -np.inf
            best = int(overlap.argmax())
            self.cross += closeness[best]
            self.within += 2 * self.support[best] + 1
            self.support += self.matrix[best]
            self.taken[best] = True

    def exchange(self) -> None:
        """Exchange chosen candidates for others, each for the best there is, until a sweep over all finds nothing."""
        closeness, purity = self.kernel.closeness[self.members], self.kernel.purity
        size = len(self.elsewhere) + int(self.taken.sum())
        for _ in range(_SWEEPS):
            found = False
            for leaving in np.flatnonzero(self.taken):
                without = self.support - self.matrix[leaving]
                cross = self.cross - closeness[leaving]
                within = self.within - 2 * self.support[leaving] + 1
                overlap = (cross + closeness) / (purity * size + (within + 2 * without + 1) / size)
                now = overlap[leaving]  # taken out and put back
                overlap[self.taken] = -np.inf
                best = int(overlap.argmax())
                if overlap[best] <= now * (1 + _LEAST_GAIN):
                    continue
                found = True
                self.cross = cross + closeness[best]
                self.within = within + 2 * without[best] + 1
                self.support = without + self.matrix[best]
                self.taken[leaving], self.taken[best] = False, True
            if not found:
                break
