"""From samples to a comparison: the test, every pair of more than two, and where the clearest pair differs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from gramian.cli._samples import scale_ratio, standardized

if TYPE_CHECKING:
    from gramian.inference import ScaleResult, TestResult
    from gramian.report import ComparedPair, ComparedSample, Comparison, Difference

__all__ = ["Settings", "compared"]

# Beyond so many samples every pair by itself would cost more than the test, and find little after the correction.
MOST_PAIRED = 20
# Kernels with a derivative along a coordinate.
WITNESSED = ("gaussian", "laplacian")
_FAR_APART = 100.0


@dataclass(frozen=True)
class Settings:
    """How samples are tested.

    Attributes:
        alpha: Order of the entropies.
        kernel: One or several names.
        bandwidth: A rule, or lengths.
        permutations: How many.
        features: Number of features in place of a Gram, or None.
        seed: Of permutations and features.
        level: At most this p-value is called a difference.
        standardize: Bring every coordinate to deviation 1 first.
    """

    alpha: float
    kernel: str | list[str]
    bandwidth: str | list[float]
    permutations: int
    features: int | None
    seed: int
    level: float
    standardize: bool

    @property
    def of_test(self) -> dict[str, Any]:
        """What the tests take."""
        names = ("alpha", "kernel", "bandwidth", "permutations", "features", "seed")
        return {name: getattr(self, name) for name in names}


def compared(
    samples: tuple[ComparedSample, ...], settings: Settings, *, parameters: dict[str, Any], begin: Callable[[str], None]
) -> Comparison:
    """Test samples.

    Args:
        samples: Two or more.
        settings: How.
        parameters: Every option, for the account.
        begin: Called with what is under way.

    Raises:
        ValueError: Options or points that no test takes.
    """
    from gramian.inference import k_sample_test
    from gramian.report import Comparison

    if not 0 < settings.level < 1:
        raise ValueError(f"--level: expected a number within (0, 1); got {settings.level:g}. 0.05 is usual.")
    points = _points(samples, standardize=settings.standardize)
    begin("Testing")
    result = k_sample_test(*points, **settings.of_test)
    pairs: tuple[ComparedPair, ...] = ()
    if 2 < len(samples) <= MOST_PAIRED:
        begin("Testing pairs")
        pairs = _pairs(points, result, settings)
    difference = None
    if len(samples) <= MOST_PAIRED and result.kernel in WITNESSED:
        begin("Finding where")
        clearest = max(pairs, key=lambda pair: pair.effect, default=None)
        first, second = (clearest.first, clearest.second) if clearest is not None else (0, 1)
        difference = _difference(points, first, second, result, settings)
    return Comparison(
        samples=samples,
        result=result,
        level=settings.level,
        difference=difference,
        pairs=pairs,
        notes=(*_notes(samples, settings), *_method(result, settings)),
        account=_account(samples, parameters),
    )


def _points(samples: Sequence[ComparedSample], *, standardize: bool) -> list[np.ndarray]:
    found = standardized(samples) if standardize else [sample.points for sample in samples]
    kind = np.result_type(*found)
    return [points.astype(kind, copy=False) for points in found]


def _pairs(points: Sequence[np.ndarray], joint: TestResult, settings: Settings) -> tuple[ComparedPair, ...]:
    """Every pair at the scales of the test of all, since effects at other bandwidths do not compare."""
    from gramian.inference import two_sample_test
    from gramian.report import ComparedPair

    lengths = list(dict.fromkeys(scale.bandwidth for scale in joint.scales if scale.bandwidth is not None))
    options = {**settings.of_test, "bandwidth": lengths or settings.bandwidth}
    places = list(combinations(range(len(points)), 2))
    results = [two_sample_test(points[one], points[other], **options) for one, other in places]
    corrected = _holm([result.pvalue for result in results])
    chosen = next(place for place, scale in enumerate(joint.scales) if _is_chosen(scale, joint))
    return tuple(
        ComparedPair(one, other, result.scales[chosen].effect, result.pvalue, p)
        for (one, other), result, p in zip(places, results, corrected, strict=True)
    )


def _is_chosen(scale: ScaleResult, result: TestResult) -> bool:
    return (scale.kernel, scale.bandwidth) == (result.kernel, result.bandwidth)


def _holm(pvalues: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the order given."""
    order = np.argsort(pvalues, kind="stable")
    stepped = np.maximum.accumulate([pvalues[place] * (len(pvalues) - step) for step, place in enumerate(order)])
    corrected = np.empty(len(pvalues))
    corrected[order] = np.minimum(stepped, 1.0)
    return [float(p) for p in corrected]


def _difference(
    points: Sequence[np.ndarray], first: int, second: int, result: TestResult, settings: Settings
) -> Difference:
    from gramian.inference import witness
    from gramian.report import Difference

    found = witness(points[first], points[second], kernel=result.kernel, bandwidth=result.bandwidth, seed=settings.seed)
    one, other = (np.asarray(scores) for scores in found.scores)
    return Difference(first, second, (one, other), np.asarray(found.shares))


def _notes(samples: Sequence[ComparedSample], settings: Settings) -> list[str]:
    notes = [note for sample in samples for note in sample.notes]
    same = [(one.name, other.name) for one, other in combinations(samples, 2) if _equal(one, other)]
    notes += [f"{one} and {other} hold the same numbers." for one, other in same]
    if samples[0].kind == "images":
        side = samples[0].side
        notes.append(
            f"Images were brought to {side} x {side} pixels; what is compared is their pixels, not what they show."
        )
    elif not settings.standardize:
        ratio, widest, narrowest = scale_ratio(samples)
        if ratio > _FAR_APART:
            notes.append(
                f"Columns are on scales {ratio:,.0f} times apart ({widest} the widest, {narrowest} the narrowest), so that the widest "
                "decide; --standardize brings all to one."
            )
    constant = _constant(samples)
    if constant and samples[0].kind != "images":
        shown = ", ".join(constant[:8]) + (f" and {len(constant) - 8} more" if len(constant) > 8 else "")
        notes.append(f"The same number everywhere, so that nothing can be told from it: {shown}.")
    if len(samples) > MOST_PAIRED:
        notes.append(f"Pairs are tested by themselves up to {MOST_PAIRED} samples; of {len(samples)} they are not.")
    return notes


def _method(result: TestResult, settings: Settings) -> list[str]:
    """What was put in place of the kernels, which the test decides by itself for many points; what a kernel has not."""
    if result.kernel not in WITNESSED:
        kernels = " and ".join(WITNESSED)
        return [
            f"Where the samples differ is told for kernels {kernels}, not for the one that stands out, {result.kernel}."
        ]
    if result.method == "exact" or settings.features is not None:
        return []
    points = f"{sum(result.sizes):,} points"
    words = f"{result.features} random features take the place of the kernels for {points}"
    error = (
        f"on a part of them the divergence of every scale is within {result.feature_error:.2g} nats of the exact one"
    )
    return [f"{words}; {error}. --features sets their number, --max-points thins the points."]


def _equal(one: ComparedSample, other: ComparedSample) -> bool:
    return one.points.shape == other.points.shape and bool((one.points == other.points).all())


def _constant(samples: Sequence[ComparedSample]) -> list[str]:
    lowest = np.min([sample.points.min(0) for sample in samples], axis=0)
    highest = np.max([sample.points.max(0) for sample in samples], axis=0)
    return [samples[0].columns[place] for place in np.flatnonzero(lowest == highest)]


def _account(samples: Sequence[ComparedSample], parameters: dict[str, Any]) -> dict[str, dict[str, Any]]:
    from gramian.runs import versions

    sources: dict[str, Any] = {}
    for sample in samples:
        sources[sample.name] = f"{sample.source}, {len(sample.points):,} points, SHA-256 {sample.hash}"
    return {
        "Run": {"command": shlex.join(["gramian", *sys.argv[1:]])},
        "Samples": sources,
        "Parameters": parameters,
        "Versions": versions(),
    }
