"""Standard errors and intervals: bootstrap for means over prompts, delete-a-group jackknife for measures of a whole set."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 1000
_RESAMPLES_AT_ONCE = 100
# Two-sided 97.5 % points of Student's t, for the jackknife's groups less one; beyond the table the normal point is close enough.
_T975 = {
    1: 12.706,
    2: 4.303,
    3: 3.182,
    4: 2.776,
    5: 2.571,
    6: 2.447,
    7: 2.365,
    8: 2.306,
    9: 2.262,
    14: 2.145,
    19: 2.093,
}


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error, its 95 % interval and the number of prompts behind it."""

    value: float
    stderr: float
    low: float
    high: float
    n: int

    def scaled(self, factor: float) -> Estimate:
        """The estimate of the quantity times a positive constant."""
        return Estimate(self.value * factor, self.stderr * factor, self.low * factor, self.high * factor, self.n)


@dataclass(frozen=True)
class Jackknifed:
    """The statistic of all groups, the estimate of each measure of it, and why the others have none."""

    whole: Any
    estimates: dict[Any, Estimate]
    undefined: dict[Any, str]


class Bootstrap:
    """Percentile bootstrap of means over the same prompts, with one set of resamples for every series."""

    def __init__(self, count: int, *, seed: int, resamples: int = RESAMPLES) -> None:
        generator = np.random.Generator(np.random.Philox(seed))
        uniform = np.full(count, 1 / count)
        # How often each prompt is drawn, a few resamples at a time: small integers take an eighth of the memory.
        self._times = np.empty((resamples, count), dtype=np.uint16)
        for start in range(0, resamples, _RESAMPLES_AT_ONCE):
            rows = self._times[start : start + _RESAMPLES_AT_ONCE]
            rows[:] = generator.multinomial(count, uniform, size=len(rows))
        self._count = count

    def means(self, series: np.ndarray) -> list[Estimate]:
        """Estimates of the mean of each row of `(series, prompts)`; prompts with NaN are left out of their row."""
        values = np.asarray(series, dtype=np.float64)
        defined = np.isfinite(values)
        counts = defined.sum(1)
        means = np.where(defined, values, 0).sum(1) / np.where(counts > 0, counts, np.nan)
        # Centred first: float32 then costs nothing, whatever the mean.
        centred = np.where(defined, values - means[:, None], 0).astype(np.float32)
        draws = np.empty((len(values), len(self._times)), dtype=np.float32)
        for start in range(0, len(self._times), _RESAMPLES_AT_ONCE):
            times = self._times[start : start + _RESAMPLES_AT_ONCE].astype(np.float32).T
            drawn = self._count if defined.all() else defined.astype(np.float32) @ times
            with np.errstate(invalid="ignore"):  # a resample of left-out prompts alone: 0 / 0, dropped below
                draws[:, start : start + times.shape[1]] = centred @ times / drawn
        return [self._estimate(*row) for row in zip(means, draws, counts, strict=True)]

    def _estimate(self, mean: float, draws: np.ndarray, count: int) -> Estimate:
        if count < 2:
            return Estimate(float(mean), math.nan, math.nan, math.nan, int(count))
        draws = draws[np.isfinite(draws)]  # a resample of left-out prompts alone has no mean
        low, high = np.percentile(draws, [2.5, 97.5])
        return Estimate(float(mean), float(draws.std(ddof=1)), float(mean + low), float(mean + high), int(count))


def jackknife(groups: Sequence[Any], finish: Mapping[Any, Callable[[Any], float]]) -> Jackknifed:
    """Each measure of the merged groups, with its delete-a-group jackknife error.

    A bootstrap would draw duplicates, which a spectrum or a nearest-neighbour measure takes for structure; leaving groups out does not.
    With one group, or where a measure is undefined on a part of the data, the error is NaN.

    Args:
        groups: statistics of disjoint groups of prompts of nearly equal size.
        finish: a function of the merged statistic for each measure.
    """
    whole = _merge(groups)
    values, undefined = {}, {}
    for name, function in finish.items():
        try:
            values[name] = float(function(whole))
        except ValueError as error:
            undefined[name] = str(error)
    without: dict[Any, list[float]] = {name: [] for name in values}
    for part in _without_each(groups, None) if len(groups) > 1 else ():
        for name, parts in without.items():
            parts.append(_or_nan(finish[name], part))
    count = getattr(whole, "kept", whole.count)
    estimates = {name: _jackknife_estimate(value, without[name], count) for name, value in values.items()}
    return Jackknifed(whole, estimates, undefined)


def _or_nan(function: Callable[[Any], float], statistic: Any) -> float:
    try:
        return float(function(statistic))
    except ValueError:  # a part of the prompts can be too small for what the whole defines
        return math.nan


def _jackknife_estimate(value: float, without: Sequence[float], count: int) -> Estimate:
    groups = len(without)
    if groups < 2:
        return Estimate(value, math.nan, math.nan, math.nan, count)
    parts = np.asarray(without)
    stderr = float(np.sqrt((groups - 1) / groups * np.square(parts - parts.mean()).sum()))
    half = _T975.get(groups - 1, _T975[max(k for k in _T975 if k <= groups - 1)]) * stderr
    return Estimate(value, stderr, value - half, value + half, count)


def _without_each(groups: Sequence[Any], rest: Any) -> Iterator[Any]:
    """The merged statistic without the first group, without the second, ...: `rest` holds what lies outside `groups`.

    Halving shares the merges: about G log G of them instead of G^2, with log G statistics held at a time.
    """
    if len(groups) == 1:
        yield rest
        return
    half = len(groups) // 2
    for inside, outside in ((groups[:half], groups[half:]), (groups[half:], groups[:half])):
        yield from _without_each(inside, _merge(outside if rest is None else [rest, *outside]))


def _merge(groups: Sequence[Any]) -> Any:
    merged = groups[0].copy()
    for group in groups[1:]:
        merged.merge(group)
    return merged
