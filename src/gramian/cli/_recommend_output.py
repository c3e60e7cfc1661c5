"""What `gramian recommend` shows: the rules, the recommendation in words, and how measures go with scores."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from gramian.downstream import LabelledTexts, PairAgreement, Recommendation

__all__ = ["print_recommendation"]

# Lines of a file are not folded to the width of a terminal that is not there.
_WIDE = 160
_WARNINGS = 8


def print_recommendation(result: Recommendation, *, labelled: LabelledTexts | None, pairs: int) -> None:
    """Print tables and sentences to standard output.

    Args:
        result: The recommendation.
        labelled: The choice on a labelled file, where there was one.
        pairs: How many pairs of measure and task to show at most.
    """
    console = Console(width=None if sys.stdout.isatty() else _WIDE)

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=not sys.stdout.isatty())

    console.print(_rules(result))
    for line in (*result.sentences, *([] if labelled is None else _cost(labelled))):
        say(line)
    shown = _clearest(result, pairs)
    if shown:
        console.print()
        console.print(_agreement(shown))
        left = len(result.agreement) - len(shown)
        if left:
            say(f"{left} more pairs are in the document; --pairs {len(result.agreement)} shows all.")
        say(
            "Intervals: 95 %, over blocks of neighbouring layers. Positive: the measure rises with the score. Distance correlation "
            "has no sign, and is above zero by chance alone."
        )
    # Signs that differ come last, and can be many.
    for line in result.warnings[:_WARNINGS]:
        say(f"Warning: {line}")
    if len(result.warnings) > _WARNINGS:
        say(f"{len(result.warnings) - _WARNINGS} more warnings are in the document.")


def _rules(result: Recommendation) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("rule", "layer", "score", "below best", "above last", "above random"):
        table.add_column(title, justify="left" if title == "rule" else "right")
    for rule in result.rules:
        layer = "" if rule.layer is None else str(rule.layer) if rule.stream == "residual" else "normed"
        numbers = [""] * 4
        if rule.mean is not None:
            found = (rule.mean.score, rule.mean.regret_best, rule.mean.gain_last, rule.mean.gain_random)
            numbers = ["" if math.isnan(quantity.value) else f"{quantity.value:.3f}" for quantity in found]
        table.add_row(rule.rule, layer, *numbers)
    return table


def _cost(labelled: LabelledTexts) -> list[str]:
    held_out = labelled.choice.held_out
    checked = f"{held_out.value:.3f} [{held_out.low:.3f}, {held_out.high:.3f}]"
    return [
        f"Labels: {labelled.texts:,} texts in {labelled.classes} classes; a layer chosen this way has accuracy {checked} on other texts.",
        f"Cost: {labelled.forward_passes:,} forward passes, {labelled.probes:,} probes, {labelled.seconds:.0f} s.",
        *(f"Labels: {note}." for note in labelled.notes),
    ]


def _clearest(result: Recommendation, count: int) -> list[PairAgreement]:
    defined = [pair for pair in result.agreement if math.isfinite(pair.spearman)]
    return sorted(defined, key=lambda pair: -abs(pair.spearman))[:count]


def _agreement(pairs: list[PairAgreement]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    several = len({pair.task for pair in pairs}) > 1
    first = "measure" if several else f"measure, with {pairs[0].task}"
    for title in (first, *(["task"] if several else []), "layers", "Spearman", "Kendall", "distance correlation"):
        table.add_column(title, justify="right" if title == "layers" else "left")
    for pair in pairs:
        table.add_row(
            pair.quantity,
            *([pair.task] if several else []),
            str(pair.layers),
            _with_interval(pair.spearman, pair.spearman_low, pair.spearman_high, "+.2f"),
            _with_interval(pair.kendall, pair.kendall_low, pair.kendall_high, "+.2f"),
            _with_interval(
                pair.distance_correlation, pair.distance_correlation_low, pair.distance_correlation_high, ".2f"
            ),
        )
    return table


def _with_interval(value: float, low: float, high: float, form: str) -> str:
    ends = "no interval" if math.isnan(low) else f"[{low:{form}}, {high:{form}}]"
    return f"{value:{form}} {ends}"
