"""What `gramian compare` shows: the numbers, the sentences, the telling coordinates and points; and its document."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from gramian.report import ComparedSample, Comparison

__all__ = ["FORMAT", "print_comparison", "to_document"]

FORMAT = "gramian-comparison"
# Lines of a file are not folded to the width of a terminal that is not there.
_WIDE = 160
_POINTS, _COLUMNS, _LISTED = 5, 6, 50
_PAIRS = 15


def print_comparison(comparison: Comparison) -> None:
    """Print to standard output."""
    from gramian.report import comparison_sentences

    console = Console(width=None if sys.stdout.isatty() else _WIDE)

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=not sys.stdout.isatty())

    console.print(_numbers(comparison))
    console.print()
    for line in comparison_sentences(comparison):
        say(line)
    # Where nothing was found the witness shows chance, which would read as a finding.
    if comparison.found:
        if comparison.pairs:
            console.print()
            console.print(_pairs(comparison))
        for table in _where(comparison):
            console.print()
            console.print(table)
    for note in comparison.notes:
        say(f"Note: {note}")


def _plain_table(*titles: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(titles))
    for title in titles:
        table.add_column(_quoted(title), justify="right" if title in right else "left")
    return table


def _numbers(comparison: Comparison) -> Table:
    result = comparison.result
    best = next(one for one in result.scales if (one.kernel, one.bandwidth) == (result.kernel, result.bandwidth))
    table = _plain_table("", "")
    for sample in comparison.samples:
        table.add_row(
            "sample", _quoted(f"{sample.name}: {len(sample.points):,} points, {len(sample.columns):,} columns")
        )
    table.add_row("p-value", f"{result.pvalue:.4g}, of {len(result.null_distribution):,} permutations")
    table.add_row("statistic", f"{result.statistic:.4g}")
    table.add_row("effect", f"{result.effect:.4g}")
    table.add_row(
        "divergence", f"{best.divergence:.4g} nats, {best.expected:.4g} expected, at most {result.label_entropy:.4g}"
    )
    several = f", of {len(result.scales)} looked at" if len(result.scales) > 1 else ""
    width = "" if result.bandwidth is None else f", bandwidth {result.bandwidth:.4g}"
    table.add_row("kernel", f"{result.kernel}{width}{several}; order {result.alpha:g}")
    if result.method != "exact":
        error = (
            f"within {result.feature_error:.2g} nats of the exact divergence at every scale, on a part of the points"
        )
        table.add_row("features", f"{result.features:,}, {error}")
    return table


def _pairs(comparison: Comparison) -> Table:
    names = [sample.name for sample in comparison.samples]
    table = _plain_table("pair", "effect", "p", "corrected", right=("effect", "p", "corrected"))
    for pair in sorted(comparison.pairs, key=lambda pair: -pair.effect)[:_PAIRS]:
        numbers = (f"{pair.effect:.3g}", f"{pair.pvalue:.3g}", f"{pair.corrected:.3g}")
        table.add_row(_quoted(f"{names[pair.first]} and {names[pair.second]}"), *numbers)
    return table


def _where(comparison: Comparison) -> list[Table]:
    """The telling coordinates with their share, and the telling points of both samples."""
    from gramian.report import telling_columns, telling_points

    difference = comparison.difference
    if difference is None:
        return []
    tables = []
    one, other = comparison.samples[difference.first], comparison.samples[difference.second]
    columns = telling_columns(comparison, _COLUMNS)
    if len(one.columns) > 1 and columns:
        table = _plain_table("coordinate", "share", f"mean in {one.name}", f"mean in {other.name}", right=("share",))
        for place in columns:
            means = [f"{float(sample.points[:, place].mean(dtype='float64')):.4g}" for sample in (one, other)]
            table.add_row(_quoted(one.columns[place]), f"{100 * difference.shares[place]:.2g} %", *means)
        tables.append(table)
    table = _plain_table("most typical of", "against", "points")
    for sample, against, points in zip((one, other), (other, one), telling_points(comparison, _POINTS), strict=True):
        table.add_row(
            _quoted(sample.name), _quoted(against.name), _quoted(", ".join(sample.rows[place] for place in points))
        )
    tables.append(table)
    return tables


def _quoted(text: str) -> str:
    """A name from outside, without the markup of the terminal library."""
    from rich.markup import escape

    return escape(text)


def to_document(comparison: Comparison, page: Path | None) -> dict[str, Any]:
    """The comparison as JSON holds it; numbers that are not finite become null."""
    from gramian.report import comparison_sentences

    result = comparison.result
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": 1,
        "found": comparison.found,
        "level": comparison.level,
        "pvalue": result.pvalue,
        "statistic": result.statistic,
        "effect": result.effect,
        "divergence": result.divergence,
        "label_entropy": result.label_entropy,
        "kernel": result.kernel,
        "bandwidth": result.bandwidth,
        "alpha": result.alpha,
        "method": result.method,
        "features": result.features,
        "feature_error": result.feature_error,
        "permutations": len(result.null_distribution),
        "exhaustive": result.exhaustive,
        "scales": [vars(scale) for scale in result.scales],
        "samples": [_sample(sample) for sample in comparison.samples],
        "columns": list(comparison.samples[0].columns),
        "pairs": [_named(comparison, vars(pair)) for pair in comparison.pairs],
        "difference": _difference(comparison),
        "sentences": list(comparison_sentences(comparison)),
        "notes": list(comparison.notes),
        "account": comparison.account,
        "report": None if page is None else str(page),
    }
    return {key: _finite(value) for key, value in document.items()}


def _sample(sample: ComparedSample) -> dict[str, Any]:
    return {
        "name": sample.name,
        "source": sample.source,
        "kind": sample.kind,
        "points": len(sample.points),
        "sha256": sample.hash,
    }


def _named(comparison: Comparison, pair: Mapping[str, Any]) -> dict[str, Any]:
    names = {key: comparison.samples[pair[key]].name for key in ("first", "second")}
    return {**pair, **names}


def _difference(comparison: Comparison) -> dict[str, Any] | None:
    from gramian.report import telling_columns, telling_points

    found = comparison.difference
    if found is None:
        return None
    one, other = comparison.samples[found.first], comparison.samples[found.second]
    columns = telling_columns(comparison, _LISTED)
    return {
        "first": one.name,
        "second": other.name,
        "coordinates": [{"name": one.columns[place], "share": float(found.shares[place])} for place in columns],
        "points": [
            {"sample": sample.name, "point": sample.rows[place], "witness": float(scores[place])}
            for sample, scores, places in zip(
                (one, other), found.scores, telling_points(comparison, _LISTED), strict=True
            )
            for place in places
        ],
    }


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
