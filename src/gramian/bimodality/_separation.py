"""How well one property of the prompts tells two modes apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gramian.bimodality._features import PromptFeature

# Permutations behind the p-value of a property without order, whose contingency table is often too sparse for chi-square.
PERMUTATIONS = 1_999


@dataclass(frozen=True)
class Separation:
    """One property against the split into a lower and an upper mode.

    Attributes:
        feature: Its name.
        meaning: In words.
        effect: Within ``[0, 1]``: ``|2 AUC - 1|`` (Cliff's delta, as a size) for numbers, bias-corrected Cramer's V for labels.
        effect_name: ``"cliffs_delta"`` or ``"cramers_v"``.
        low: Median in the lower mode, or its most frequent label.
        high: The same in the upper mode.
        pvalue: Mann-Whitney for numbers, a permutation test of chi-square for labels.
        n: Prompts where the property is defined.
    """

    feature: str
    meaning: str
    effect: float
    effect_name: str
    low: float | str
    high: float | str
    pvalue: float
    n: int


def separation(feature: PromptFeature, upper: NDArray[np.bool_], *, seed: int = 0) -> Separation | None:
    """Compare a property between the modes; None where it is constant or defined in one mode only.

    Args:
        feature: Of n prompts.
        upper: ``(n,)``: which prompts lie in the upper mode.
        seed: Of the permutations for labels.

    Raises:
        ValueError: Different numbers of prompts.
    """
    if len(upper) != len(feature.values):
        raise ValueError(
            f"upper: expected {len(feature.values)} prompts, as the feature has; got {len(upper)}. "
            "Give both for the same prompts."
        )
    return _of_numbers(feature, upper) if feature.ordered else _of_labels(feature, upper, seed)


def _of_numbers(feature: PromptFeature, upper: NDArray[np.bool_]) -> Separation | None:
    from scipy.stats import mannwhitneyu

    defined = np.isfinite(feature.values.astype(np.float64))
    values, side = feature.values[defined].astype(np.float64), upper[defined]
    high, low = values[side], values[~side]
    if not len(high) or not len(low) or values.min() == values.max():
        return None
    result = mannwhitneyu(high, low)
    delta = 2 * float(result.statistic) / (len(high) * len(low)) - 1
    return Separation(
        feature.name,
        feature.meaning,
        abs(delta),
        "cliffs_delta",
        float(np.median(low)),
        float(np.median(high)),
        float(result.pvalue),
        len(values),
    )


def _of_labels(feature: PromptFeature, upper: NDArray[np.bool_], seed: int) -> Separation | None:
    labels, codes = np.unique(feature.values, return_inverse=True)
    if len(labels) < 2 or upper.all() or not upper.any():
        return None
    counts = np.bincount(codes).astype(np.float64)
    share = float(upper.mean())

    def chi_square(side: NDArray[np.bool_]) -> float:
        # Of a 2 x k table with both margins fixed.
        expected = counts * share
        observed = np.bincount(codes, weights=side)
        return float((np.square(observed - expected) / (expected * (1 - share))).sum())

    observed = chi_square(upper)
    generator = np.random.Generator(np.random.Philox(seed))
    null = np.array([chi_square(generator.permutation(upper)) for _ in range(PERMUTATIONS)])
    exceeding = int((null >= observed * (1 - 1e-12)).sum())
    n, k = len(upper), len(labels)
    # Bergsma's correction: V of independent labels is 0 in the mean instead of growing with their number.
    phi = max(0.0, observed / n - (k - 1) / (n - 1))
    rows, columns = 2 - 1 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    effect = min(1.0, math.sqrt(phi / max(min(rows, columns) - 1, 1e-12)))
    most = [str(labels[np.bincount(codes[side], minlength=k).argmax()]) for side in (~upper, upper)]
    return Separation(
        feature.name, feature.meaning, effect, "cramers_v", most[0], most[1], (exceeding + 1) / (PERMUTATIONS + 1), n
    )
