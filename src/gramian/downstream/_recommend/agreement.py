"""Agreement of one model's measures with the very scores a recommendation is judged by."""

from __future__ import annotations

from typing import Any

from gramian.downstream._agreement.agreement import agreement
from gramian.downstream._agreement.pairs import PairAgreement
from gramian.downstream._recommend.choices import is_plain
from gramian.downstream._recommend.inputs import RecommendInputs

__all__ = ["recommend_agreement"]


def recommend_agreement(
    inputs: RecommendInputs, *, corpus: str | None, resamples: int, seed: int
) -> tuple[tuple[PairAgreement, ...], tuple[str, ...]]:
    """Pairs and warnings, over the residual stream, each pair on all layers that have both.

    Entropies of order 1 that are not normalised stand for the others.
    """
    board = inputs.board
    if board is None:
        return (), ()
    measures: list[dict[str, Any]] = [
        {
            "layer": layer,
            "measure": curve.measure,
            "variant": curve.variant,
            "corpus": curve.corpus,
            "condition": curve.condition,
            "value": value,
        }
        for curve in inputs.curves
        if is_plain(curve.variant) and (corpus is None or curve.corpus in (corpus, *board.tasks))
        for (layer, stream), value in curve.values.items()
        if stream == "residual"
    ]
    scores = [
        {"layer": one.layer, "task": one.task, "variant": one.reading, "value": one.value}
        for one in inputs.scored
        if one.stream == "residual"
    ]
    scores += [
        {"layer": layer, "task": task, "variant": board.reading, "value": float(board.values[row, place])}
        for row, task in enumerate(board.tasks)
        if task not in {one.task for one in inputs.scored}
        for place, (layer, stream) in enumerate(board.streams)
        if stream == "residual"
    ]
    if not measures or not scores:
        return (), ()
    found = agreement(measures, scores, by=(), resamples=resamples, seed=seed)
    return found.pairs, found.warnings
