"""Task scores along the depth, as the table `scores` of a downstream run states them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gramian.report._series import FINAL_NORM, Point, Series

ModelKey = tuple[str, str]
_LONGEST_LIST = 48


@dataclass(frozen=True)
class TaskScores:
    """The main score of one task.

    Attributes:
        name: The task.
        type: Its kind, such as ``Classification``; empty where the table has none.
        metric: The main score's name.
        parts: Splits and subsets that were averaged; 1 for most tasks.
        readings: One series for each reading, whose ``variant`` it is, in the order of the table.
    """

    name: str
    type: str
    metric: str
    parts: int
    readings: tuple[Series, ...]

    def reading(self, variant: str) -> Series | None:
        """The series of one reading, or None where the task was not scored by it."""
        return next((series for series in self.readings if series.variant == variant), None)


def scores_of(table: pa.Table) -> dict[ModelKey, tuple[TaskScores, ...]]:
    """Main scores by model and revision; tasks and readings in the order they are listed.

    A task with several subsets (languages, say) is given as the plain mean over them where every one has a value, as
    MTEB does, and then carries no interval. Of several splits the one named ``test`` is taken, else the first listed.

    Raises:
        ValueError: when two rows give the same number twice, which would hide one of them.
    """
    main = table.filter(pc.fill_null(table["main"], False))
    columns = {name: main.column(name).to_pylist() for name in ("model", "revision")}
    whose = [
        (model or "", revision or "")
        for model, revision in zip(*(columns[n] for n in ("model", "revision")), strict=True)
    ]
    found = {}
    for key in dict.fromkeys(whose):
        own = main.filter(pa.array([one == key for one in whose]))
        tasks = dict.fromkeys(own["task"].to_pylist())
        found[key] = tuple(_task(str(name), own.filter(pc.equal(own["task"], name))) for name in tasks)
    return found


def mean_over_tasks(tasks: Sequence[TaskScores], variant: str) -> Series | None:
    """The mean of the tasks' main scores by one reading, at the layers where every task has a value.

    The interval is that of a mean of independent scores, from the scores' own intervals; none where one of them has
    none. None when some task was not scored by this reading.
    """
    series = [task.reading(variant) for task in tasks]
    whole = [one for one in series if one is not None]
    if not whole or len(whole) < len(series):
        return None
    layers = [point.layer for point in whole[0].points if all(one.at(point.layer) for one in whole)]
    points = tuple(_mean([point for one in whole if (point := one.at(layer))], independent=True) for layer in layers)
    finals = [one.final for one in whole if one.final is not None]
    final = _mean(finals, independent=True) if len(finals) == len(whole) else None
    return Series("mean", variant, points, final)


def pooled_share(measures: pa.Table) -> Series | None:
    """The first token's share of the squared norm over the texts of all tasks, from a row for each task and layer.

    The mean weighs every text alike; its interval takes the tasks as they are. None where the table has no such rows.
    """
    by_place: dict[tuple[str, int], list[Point]] = {}
    for row in measures.filter(pc.equal(measures["measure"], "sink_share")).to_pylist():
        by_place.setdefault((str(row["stream"]), int(row["layer"])), []).append(_point(row))
    pooled = {place: _weighted(points) for place, points in by_place.items()}
    residual = sorted((layer, point) for (stream, layer), point in pooled.items() if stream != FINAL_NORM)
    final = next((point for (stream, _), point in pooled.items() if stream == FINAL_NORM), None)
    return Series("sink_share", "", tuple(point for _, point in residual), final) if residual else None


def task_words(names: Sequence[str]) -> str:
    """The tasks by name, or their number where a line could not hold them.

    >>> task_words(["STS15", "Banking77"]), task_words(["STS15"] * 9)
    ('STS15, Banking77', '9 tasks')
    """
    named = ", ".join(names)
    return named if len(names) == 1 or len(named) <= _LONGEST_LIST else f"{len(names)} tasks"


def _task(name: str, table: pa.Table) -> TaskScores:
    splits = list(dict.fromkeys(table["split"].to_pylist()))
    split = "test" if "test" in splits else splits[0]
    same = pc.is_null(table["split"]) if split is None else pc.fill_null(pc.equal(table["split"], split), False)
    rows = table.filter(same)
    subsets = list(dict.fromkeys(rows["subset"].to_pylist()))
    by_reading: dict[str, dict[tuple[str, int], list[Point]]] = {}
    seen: set[tuple[object, ...]] = set()
    for row in rows.to_pylist():
        identity = (row["variant"], row["stream"], row["layer"], row["subset"])
        if identity in seen:
            raise ValueError(
                f"scores: expected one main score for each task, layer and reading; got two for layer {row['layer']} of"
                f" {name!r}, {row['variant']!r}. Write the run again with --overwrite."
            )
        seen.add(identity)
        places = by_reading.setdefault(str(row["variant"] or ""), {})
        places.setdefault((str(row["stream"]), int(row["layer"])), []).append(_point(row))
    readings = []
    for variant, places in by_reading.items():
        whole = {place: _mean(points) for place, points in places.items() if len(points) == len(subsets)}
        final = next((point for (stream, _), point in whole.items() if stream == FINAL_NORM), None)
        residual = sorted((layer, point) for (stream, layer), point in whole.items() if stream != FINAL_NORM)
        readings.append(Series(name, variant, tuple(point for _, point in residual), final))
    kinds = [str(kind) for kind in rows["type"].to_pylist()[:1] if kind]
    metrics = [str(metric) for metric in rows["metric"].to_pylist()[:1] if metric]
    return TaskScores(name, "".join(kinds), "".join(metrics), len(subsets), tuple(readings))


def _point(row: dict[str, object]) -> Point:
    value, low, high = (_float(row.get(name)) for name in ("value", "low", "high"))
    return Point(int(str(row["layer"])), value, low, high, float("nan"), _float(row.get("n")))


def _mean(points: Sequence[Point], *, independent: bool = False) -> Point:
    if len(points) == 1:
        return points[0]
    value = float(np.mean([point.value for point in points]))
    halves = [point.half_width for point in points]
    known = [half for half in halves if half is not None]
    half = (
        float(np.sqrt(np.sum(np.square(known))) / len(points)) if independent and len(known) == len(points) else np.nan
    )
    count = float(np.sum([point.n for point in points]))
    return Point(points[0].layer, value, value - half, value + half, float("nan"), count)


def _weighted(points: Sequence[Point]) -> Point:
    if len(points) == 1:
        return points[0]
    weights = np.array([point.n if np.isfinite(point.n) else 1.0 for point in points])
    weights = weights / weights.sum()
    value = float(weights @ [point.value for point in points])
    halves = [point.half_width for point in points]
    known = np.array([np.nan if half is None else half for half in halves])
    half = float(np.sqrt(np.square(weights * known).sum()))
    count = float(np.sum([point.n for point in points]))
    return Point(points[0].layer, value, value - half, value + half, float("nan"), count)


def _float(value: object) -> float:
    return float("nan") if value is None else float(str(value))
