"""Scores join the measures of the same model, so that one model is drawn once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gramian.report._scores import TaskScores
from gramian.report._source import Source


def join_scores(sources: Sequence[Source]) -> list[Source]:
    """Give every source of measures the scores of its model and revision, and drop what is left of the downstream runs.

    Downstream runs of one model are taken together as long as no task was scored by the same reading in two of them; one
    that repeats such a pair stays a source of its own. Weights that are known to differ are not joined.
    """
    scored = _together(sources)
    used: set[int] = set()
    placed: list[tuple[int, Source]] = []
    for place, source in enumerate(sources):
        if source.scores:
            continue
        own = next((at for at, one in scored.items() if _same_model(one, source)), None)
        if own is None:
            placed.append((place, source))
        else:
            used.add(own)
            placed.append((place, _joined(source, scored[own])))
    placed += [(at, one) for at, one in scored.items() if at not in used]
    return [source for _, source in sorted(placed, key=lambda each: each[0])]


def _joined(source: Source, scored: Source) -> Source:
    others = ((scored.directory, scored.manifest), *scored.others)
    return replace(source, scores=scored.scores, task_sink=scored.task_sink, others=(*source.others, *others))


def _together(sources: Sequence[Source]) -> dict[int, Source]:
    """Sources with scores by their place, those of one model that complement each other at the place of the first."""
    merged: dict[int, Source] = {}
    for place, source in enumerate(sources):
        if not source.scores:
            continue
        at = next((at for at, other in merged.items() if _complement(other, source)), None)
        if at is None:
            merged[place] = source
        else:
            other = merged[at]
            others = (*other.others, (source.directory, source.manifest), *source.others)
            merged[at] = replace(other, scores=_united(other.scores, source.scores), others=others)
    return merged


def _complement(one: Source, other: Source) -> bool:
    apart = one.directory != other.directory and not _pairs(one.scores) & _pairs(other.scores)
    return apart and _same_model(one, other)


def _united(first: Sequence[TaskScores], second: Sequence[TaskScores]) -> tuple[TaskScores, ...]:
    tasks = {task.name: task for task in first}
    for task in second:
        known = tasks.get(task.name)
        tasks[task.name] = task if known is None else replace(known, readings=(*known.readings, *task.readings))
    return tuple(tasks.values())


def _pairs(tasks: Sequence[TaskScores]) -> set[tuple[str, str]]:
    return {(task.name, series.variant) for task in tasks for series in task.readings}


def _same_model(one: Source, other: Source) -> bool:
    if any(one.identity[key] != other.identity[key] for key in ("model", "revision")):
        return False
    hashes = [(source.manifest.get("model") or {}).get("weights_hash") for source in (one, other)]
    return None in hashes or hashes[0] == hashes[1]
