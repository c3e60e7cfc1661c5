"""What a comparison found, in sentences that say no more than the test does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gramian.report._comparison import Comparison
from gramian.report._numbers import plain

__all__ = ["comparison_sentences", "joined", "pvalue_words", "telling_columns", "telling_points"]

# Coordinates named in a sentence, and the share of the difference they must carry together.
_NAMED, _CARRIED = 4, 0.8
# Below this the named ones together are not what differs: it is spread.
_TELLING = 0.3


def comparison_sentences(comparison: Comparison) -> tuple[str, ...]:
    """Whether a difference was found, how large it is, at which scale, between which samples and in which coordinates."""
    parts = [_verdict(comparison), _size(comparison), _scale(comparison), _pairs(comparison), _where(comparison)]
    return tuple(part for part in parts if part)


def pvalue_words(comparison: Comparison) -> str:
    """The p-value, with what limits it where it is the smallest there can be.

    The smallest of 999 permutations is 0.001: no p-value below it says that more were not tried, not that it is exact.
    """
    result = comparison.result
    tried = len(result.null_distribution)
    least = result.pvalue <= 1.000001 / (tried + 1)
    kind = "labellings there are" if result.exhaustive else "permutations"
    return f"p = {result.pvalue:.3g}" + (f", the smallest that {tried:,} {kind} can give" if least else "")


def telling_columns(comparison: Comparison, most: int) -> list[int]:
    """Places of the coordinates that carry most of the difference, the largest share first."""
    if comparison.difference is None:
        return []
    shares = comparison.difference.shares
    order = np.argsort(-shares, kind="stable")[:most]
    return [int(place) for place in order if shares[place] > 0]


def telling_points(comparison: Comparison, most: int) -> tuple[list[int], list[int]]:
    """Places of the points most typical of the one sample and least of the other, in both samples that differ most."""
    if comparison.difference is None:
        return [], []
    one, other = comparison.difference.scores
    return np.argsort(-one, kind="stable")[:most].tolist(), np.argsort(other, kind="stable")[:most].tolist()


def joined(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _verdict(comparison: Comparison) -> str:
    names = [sample.name for sample in comparison.samples]
    between = f"between {names[0]} and {names[1]}" if len(names) == 2 else f"among {len(names)} samples"
    level = f"{comparison.level:g}"
    if comparison.found:
        return f"A difference {between} was found: {pvalue_words(comparison)} (level {level})."
    sizes = joined([f"{size:,}" for size in comparison.result.sizes])
    return (
        f"No difference {between} was found: {pvalue_words(comparison)}, above the level of {level}. This does not show that there is "
        f"none: with {sizes} points a small one can stay unseen."
    )


def _size(comparison: Comparison) -> str:
    result = comparison.result
    return (
        f"The divergence is {plain(result.divergence)} nats; {plain(_expected(comparison))} is expected where nothing differs, and "
        f"{plain(result.label_entropy)} is the most there can be. The effect, on a scale from 0 to 1, is {plain(result.effect)}."
    )


def _expected(comparison: Comparison) -> float:
    result = comparison.result
    found = [scale for scale in result.scales if (scale.kernel, scale.bandwidth) == (result.kernel, result.bandwidth)]
    return found[0].expected


def _scale(comparison: Comparison) -> str:
    result = comparison.result
    if result.bandwidth is None or len(result.scales) < 2:
        return ""
    lengths = [scale.bandwidth for scale in result.scales if scale.bandwidth is not None]
    where = _end(result.bandwidth, sorted(set(lengths)))
    return (
        f"The scale that stands out is a {_proper(result.kernel)} bandwidth of {plain(result.bandwidth)}{where}, of {len(result.scales)} "
        f"from {plain(min(lengths))} to {plain(max(lengths))}."
    )


def _proper(kernel: str) -> str:
    """Kernels that are called after a person."""
    return kernel.capitalize() if kernel in ("gaussian", "laplacian") else kernel


def _end(bandwidth: float, lengths: list[float]) -> str:
    """What an end of the grid means; between the ends the number says enough."""
    if bandwidth == lengths[0]:
        return ", the finest"
    return ", the coarsest" if bandwidth == lengths[-1] else ""


def _pairs(comparison: Comparison) -> str:
    if not comparison.pairs:
        return ""
    names = [sample.name for sample in comparison.samples]
    differing = sorted(
        (pair for pair in comparison.pairs if pair.corrected <= comparison.level), key=lambda pair: -pair.effect
    )
    total = len(comparison.pairs)
    if not differing:
        return f"None of the {total} pairs differs by itself, corrected for their number by Holm’s method."
    clearest = differing[0]
    return (
        f"{len(differing)} of {total} pairs differ{'s' if len(differing) == 1 else ''} by Holm’s method, most of all "
        f"{names[clearest.first]} and {names[clearest.second]} (effect {plain(clearest.effect)})."
    )


def _where(comparison: Comparison) -> str:
    difference = comparison.difference
    if difference is None or not comparison.found or len(difference.shares) < 2:
        return ""
    names, shares = comparison.samples[0].columns, difference.shares
    order = telling_columns(comparison, _NAMED)
    if not order:
        return ""
    reached = np.cumsum(shares[order])
    # As few as carry most of it: a list of all would name what does not matter.
    count = next((place for place, sum_ in enumerate(reached, 1) if sum_ >= _CARRIED), len(order))
    both = [comparison.samples[place].name for place in (difference.first, difference.second)]
    of = f"the difference between {joined(both)}" if len(comparison.samples) > 2 else "the difference"
    if reached[-1] < _TELLING or shares[order[0]] < 1.5 / len(shares):
        return f"No coordinate carries more than {100 * shares[order[0]]:.2g} % of {of}: it is spread over {len(shares):,}."
    first, *others = order[:count]
    parts = [f"{names[first]} carries {100 * shares[first]:.0f} % of {of}"]
    parts += [f"{names[place]} {100 * shares[place]:.0f} %" for place in others]
    return f"Of {len(shares):,} coordinates, {joined(parts)}."
