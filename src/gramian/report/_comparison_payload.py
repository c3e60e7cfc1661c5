"""What the page of a comparison draws: counts, curves and a bounded number of points."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gramian import __version__
from gramian.report._comparison import ComparedSample, Comparison, Difference
from gramian.report._comparison_words import telling_columns
from gramian.report._numbers import compact

__all__ = ["comparison_payload"]

_BINS = 40
_BARS = 20
# More points than this hide each other on a figure, and make the file large.
_DRAWN = 1500


def comparison_payload(comparison: Comparison) -> dict[str, Any]:
    """The data block of the page."""
    names = [sample.name for sample in comparison.samples]
    return {
        # Read by the scripts that this page shares with the page of runs.
        "runs": [],
        "measures": {},
        "variants": {},
        "cells": [],
        "provenance": f"{' and '.join(names[:3])} · Gramian {__version__}",
        "names": names,
        "level": comparison.level,
        "found": comparison.found,
        "null": _null(comparison),
        "scales": _scales(comparison),
        "difference": None if comparison.difference is None else _difference(comparison, comparison.difference),
    }


def _null(comparison: Comparison) -> dict[str, Any]:
    result = comparison.result
    values = np.sort(np.asarray(result.null_distribution, np.float64))
    counts, edges = np.histogram(values, bins=_BINS)
    # A p-value of at most the level needs a statistic above this one: (b + 1) / (B + 1) counts the labels as given.
    allowed = math.floor(comparison.level * (len(values) + 1) + 1e-9) - 1
    threshold = float(values[-1 - allowed]) if 0 <= allowed < len(values) else None
    return {
        "edges": compact(edges, digits=7),
        "counts": counts.tolist(),
        "statistic": result.statistic,
        "threshold": threshold,
        "pvalue": result.pvalue,
        "unit": "nats" if len(result.scales) == 1 else "",
    }


def _scales(comparison: Comparison) -> list[dict[str, Any]]:
    result = comparison.result
    return [
        {
            "kernel": scale.kernel,
            "bandwidth": scale.bandwidth,
            "divergence": scale.divergence,
            "expected": scale.expected,
            "pvalue": scale.pvalue,
            "chosen": (scale.kernel, scale.bandwidth) == (result.kernel, result.bandwidth),
        }
        for scale in result.scales
    ]


def _difference(comparison: Comparison, difference: Difference) -> dict[str, Any]:
    both = (comparison.samples[difference.first], comparison.samples[difference.second])
    order = telling_columns(comparison, _BARS)
    return {
        "places": [difference.first, difference.second],
        "coordinates": [
            {
                "name": both[0].columns[place],
                "share": float(difference.shares[place]),
                "means": [float(sample.points[:, place].mean(dtype=np.float64)) for sample in both],
            }
            for place in order
        ],
        "of": len(difference.shares),
        "picture": _picture(both[0], difference.shares),
        "scatter": _scatter(both, difference, order),
        "witness": _witness(difference),
    }


def _picture(sample: ComparedSample, shares: np.ndarray) -> list[list[float | None]] | None:
    """Share of every pixel, its channels together, the upper row first."""
    if sample.side is None:
        return None
    return [compact(row, digits=3) for row in shares.reshape(sample.side, sample.side, -1).sum(-1)]


def _scatter(
    both: tuple[ComparedSample, ComparedSample], difference: Difference, order: list[int]
) -> dict[str, Any] | None:
    """Points along the two most telling coordinates; of a single coordinate, against the witness."""
    if not order:
        return None
    single = len(difference.shares) == 1 or len(order) == 1
    clouds = []
    for sample, scores in zip(both, difference.scores, strict=True):
        count = len(sample.points)
        # Evenly spaced places repeat a period of the file; a seeded draw does not.
        drawn = np.sort(np.random.default_rng(0).permutation(count)[:_DRAWN])
        clouds.append(
            {
                "x": compact(sample.points[drawn, order[0]]),
                "y": compact(scores[drawn] if single else sample.points[drawn, order[1]]),
                "rows": [sample.rows[place] for place in drawn],
                "of": count,
            }
        )
    names = both[0].columns
    return {"x": names[order[0]], "y": "witness" if single else names[order[1]], "clouds": clouds}


def _witness(difference: Difference) -> dict[str, Any]:
    edges = np.histogram_bin_edges(np.concatenate(difference.scores), bins=_BINS)
    shares = [np.histogram(scores, bins=edges)[0] / len(scores) for scores in difference.scores]
    return {"edges": compact(edges, digits=7), "shares": [compact(part) for part in shares]}
