"""What a training page says first, made from the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gramian.report._numbers import plain
from gramian.report._sentences import Part, Sentence
from gramian.report._training import Curve, TrainingRun

__all__ = ["training_sentences"]

_MOST = 5
_ACCURACIES = {"probe_accuracy": "Online linear-probe accuracy", "knn20_accuracy": "Accuracy of 20 nearest neighbours"}
# The alarm's own limits; a page says the same words about a run that had no alarm.
_LINE, _POINT = 0.9, 0.95


def training_sentences(runs: Sequence[TrainingRun]) -> list[Sentence]:
    """Warnings first (a loss that is no number, a collapse), then where accuracy and effective rank went."""
    warnings = [sentence for run in runs for sentence in _warnings(run, named=len(runs) > 1)][:3]
    if len(runs) == 1:
        findings = [*_accuracy_of_one(runs[0]), *_rank(runs[0])]
    else:
        findings = [*_best_of_several(runs), *(sentence for run in runs for sentence in _rank(run, named=True))]
    return warnings + findings[: max(1, _MOST - len(warnings))]


def _warnings(run: TrainingRun, *, named: bool) -> Iterator[Sentence]:
    whose = f"{run.label}: " if named else ""
    loss = run.curves.get("loss")
    if loss is not None and not np.isfinite(loss.value).all():
        first = int(loss.places["step"][~np.isfinite(loss.value)][0])
        yield Sentence(
            "warning", (Part(f"{whose}the "), Part("loss", "metric-loss"), Part(f" is no number at step {first}."))
        )
    for source, found in run.measures.items():
        for measure, limit, words in (
            ("mean_share", _POINT, "the mean embedding has {} % of the squared norm: the embeddings are one point"),
            ("top_share", _LINE, "one direction has {} % of the variance: the embeddings lie on a line"),
        ):
            curve = found.get((measure, ""))
            if curve is not None and len(curve.known) and curve.known[-1] >= limit:
                share = words.format(plain(100 * float(curve.known[-1]), digits=4))
                text = f" of {source} have collapsed at the end: {share}."
                yield Sentence("warning", (Part(f"{whose}the "), Part("vectors", f"spectrum-{measure}"), Part(text)))
                break


def _accuracy_of_one(run: TrainingRun) -> Iterator[Sentence]:
    for metric, words in _ACCURACIES.items():
        curve = run.curves.get(metric)
        if curve is None or not len(curve.known):
            continue
        values, epochs = 100 * curve.value, curve.places["epoch"]
        best = int(np.nanargmax(values))
        parts = [Part(words, f"metric-{metric}"), Part(f" ends at {plain(float(values[-1]))} %")]
        if len(values) > 1 and best != len(values) - 1:
            parts.append(
                Part(f"; it was highest at epoch {float(epochs[best]):.4g} with {plain(float(values[best]))} %")
            )
        elif len(values) > 1:
            parts.append(
                Part(f", up from {plain(float(values[0]))} % at epoch {float(epochs[0]):.4g}, and is highest there")
            )
        yield Sentence("finding", (*parts, Part(".")))


def _best_of_several(runs: Sequence[TrainingRun]) -> Iterator[Sentence]:
    for metric, words in _ACCURACIES.items():
        ends = [(run.label, 100 * float(run.curves[metric].known[-1])) for run in runs if _has(run, metric)]
        if len(ends) < 2:
            continue
        ends.sort(key=lambda end: -end[1])
        told = ", ".join(f"{plain(value)} % ({label})" for label, value in ends[:6])
        parts = (
            Part(words, f"metric-{metric}"),
            Part(f" ends at {told}. One training each: no interval, so a small lead may be chance."),
        )
        yield Sentence("finding", parts)


def _rank(run: TrainingRun, *, named: bool = False) -> Iterator[Sentence]:
    source = "embeddings" if "embeddings" in run.measures else next(iter(run.measures), "")
    curve = run.measures.get(source, {}).get(("effective_rank", ""))
    if curve is None or len(curve.known) < 2:
        return
    width = run.films[source].eigenvalues.shape[1] if source in run.films else None
    first, last, low = float(curve.known[0]), float(curve.known[-1]), float(curve.known.min())
    parts = [
        Part(f"{run.label}: the effective rank" if named else "The effective rank", "spectrum-effective_rank"),
        Part(f" of {source} goes from {plain(first)} at step {_step(curve, 0)} to {plain(last)}"),
        Part(f" of {width} dimensions" if width else ""),
    ]
    if low < 0.9 * min(first, last):
        parts.append(Part(f", by way of {plain(low)} at step {_step(curve, int(np.nanargmin(curve.value)))}"))
    yield Sentence("finding", (*parts, Part(".")))


def _has(run: TrainingRun, metric: str) -> bool:
    return metric in run.curves and len(run.curves[metric].known) > 0


def _step(curve: Curve, at: int) -> str:
    return f"{int(curve.places['step'][np.isfinite(curve.value)][0] if at == 0 else curve.places['step'][at]):,}"
