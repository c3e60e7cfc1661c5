"""The data block of a training page: every curve with at most so many points, every film with so many frames and ranks."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gramian import __version__
from gramian.report._facts import facts_of, title_of
from gramian.report._numbers import compact
from gramian.report._training import AXES, Curve, Film, TrainingRun
from gramian.report._variants import describe_variant

__all__ = ["metric_facts", "spectrum_facts", "training_payload"]

# More points than this hide each other on a figure a hand wide, and make the file large.
_POINTS, _FRAMES, _RANKS = 600, 150, 160

_FIRST = ("loss", "probe_accuracy", "knn20_accuracy", "knn200_accuracy")
_TITLES = {
    "loss": "Loss",
    "probe_accuracy": "Linear probe, online",
    "probe_loss": "Loss of the online probe",
}
_SPECTRA = {
    "effective_rank": ("Effective rank", "dimensions"),
    "dataset_entropy": ("Entropy of the covariance", "nats"),
    "alpha_req": ("α-ReQ", ""),
    "lidar": ("LiDAR", "dimensions"),
    "top_share": ("First direction", "of the variance"),
    "mean_share": ("Mean embedding", "of the squared norm"),
    "variance": ("Variance", "squared units"),
}
_SPECTRA_DETAILS = {
    "effective_rank": "RankMe: directions that carry the embeddings",
    "alpha_req": "decay of the eigenvalues: 0 is flat",
    "lidar": "directions that tell images apart beyond what views blur",
    "dataset_entropy": "of the centred covariance",
    "top_share": "near 1: the embeddings lie on a line",
    "mean_share": "near 1: the embeddings are nearly one point",
    "variance": "mean squared distance from the mean",
}


def training_payload(runs: Sequence[TrainingRun]) -> dict[str, Any]:
    """The data block as plain lists and dicts."""
    metrics = list(dict.fromkeys(metric for run in runs for metric in run.curves))
    metrics.sort(key=lambda metric: _FIRST.index(metric) if metric in _FIRST else len(_FIRST))
    sources = list(dict.fromkeys(source for run in runs for source in [*run.measures, *run.films]))
    kinds = {kind: None for run in runs for found in run.measures.values() for kind in found}
    order = list(_SPECTRA)
    listed = sorted(kinds, key=lambda kind: (order.index(kind[0]) if kind[0] in order else len(order), kind[1]))
    return {
        # Read by the scripts that this page shares with the page of layers.
        "measures": {},
        "variants": {},
        "cells": [],
        "provenance": f"{' and '.join(run.label for run in runs[:3])} · Gramian {__version__}",
        "axes": [axis for axis in AXES if all(_knows(run, axis) for run in runs)] or ["step"],
        "metrics": {metric: metric_facts(metric) for metric in metrics},
        "sources": sources,
        "spectra": [{"key": "|".join(kind), **spectrum_facts(*kind)} for kind in listed],
        "runs": [
            {
                "label": run.label,
                "layers": [],
                "depth": 0,
                "series": {},
                "curves": {metric: _thinned(curve) for metric, curve in run.curves.items()},
                "measured": {
                    source: {"|".join(kind): _thinned(curve) for kind, curve in found.items()}
                    for source, found in run.measures.items()
                },
                "films": {source: _frames(film) for source, film in run.films.items()},
            }
            for run in runs
        ],
    }


def metric_facts(metric: str) -> dict[str, Any]:
    """Title and unit of what was logged while training."""
    if metric.startswith("knn") and metric.endswith("_accuracy"):
        return {"title": f"{metric.removeprefix('knn').removesuffix('_accuracy')} nearest neighbours", "unit": "%"}
    return {
        "title": _TITLES.get(metric, metric.replace("_", " ").capitalize()),
        "unit": "%" if _is_share(metric) else "",
    }


def spectrum_facts(measure: str, variant: str) -> dict[str, Any]:
    """Title, unit and explanation of what was read off a spectrum."""
    title, unit = _SPECTRA.get(measure, (title_of(measure), ""))
    order = next((piece for piece in variant.split(";") if piece.startswith("alpha=")), "")
    summary = facts_of([measure])[measure]["summary"] if measure not in _SPECTRA_DETAILS else _SPECTRA_DETAILS[measure]
    detail = ", ".join(filter(None, [describe_variant(order), summary]))
    return {
        "title": title,
        "unit": unit,
        "detail": detail,
        "slug": "-".join(filter(None, [measure, order.replace("=", "-")])),
    }


def _is_share(metric: str) -> bool:
    return metric.endswith("_accuracy")


def _knows(run: TrainingRun, axis: str) -> bool:
    curves = [*run.curves.values(), *(curve for found in run.measures.values() for curve in found.values())]
    return all(np.isfinite(curve.places[axis]).all() for curve in curves)


def _thinned(curve: Curve) -> dict[str, Any]:
    """A curve of at most so many points: means of equal stretches, each at its last place; accuracies stay single values."""
    count = len(curve.value)
    if count <= _POINTS:
        return {"value": compact(curve.value), **_compact_places(curve.places)}
    bounds = np.linspace(0, count, _POINTS + 1).astype(int)
    with np.errstate(invalid="ignore"):
        means = np.array([curve.value[a:b].mean() for a, b in itertools.pairwise(bounds)])
    lasts = {axis: places[bounds[1:] - 1] for axis, places in curve.places.items()}
    return {"value": compact(means), **_compact_places(lasts), "averaged": round(count / _POINTS)}


def _frames(film: Film) -> dict[str, Any]:
    looks, ranks = film.eigenvalues.shape
    frames = np.unique(np.linspace(0, looks - 1, min(looks, _FRAMES)).round().astype(int))
    shown = np.arange(ranks)
    if ranks > _RANKS:
        # The first ones all, the rest evenly on a log scale, and the last.
        shown = np.unique(np.geomspace(1, ranks, 4 * _RANKS).round().astype(int) - 1)
        shown = np.unique(
            np.append(shown[: _RANKS // 3], np.geomspace(shown[_RANKS // 3] + 1, ranks, _RANKS * 2 // 3).round() - 1)
        )
        shown = shown.astype(int)
    return {
        "ranks": (shown + 1).tolist(),
        "of": ranks,
        "looks": looks,
        "frames": [compact(film.eigenvalues[frame, shown], digits=4) for frame in frames],
        "totals": compact(np.nansum(film.eigenvalues[frames], axis=1)),
        **_compact_places({axis: places[frames] for axis, places in film.places.items()}),
    }


def _compact_places(places: Mapping[str, np.ndarray]) -> dict[str, list[float | None]]:
    return {axis: compact(values, digits=9 if axis in ("step", "views") else 5) for axis, values in places.items()}
