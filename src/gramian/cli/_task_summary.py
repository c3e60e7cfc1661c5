"""What the terminal shows of task scores: the best layer against the last, and scores by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from gramian.cli._summary import spread_layers

__all__ = ["TaskCurve", "print_tasks", "task_curves"]

_FINAL = "final_norm"


@dataclass(frozen=True)
class TaskCurve:
    """Main scores of one task by one reading.

    Attributes:
        task: The task.
        variant: The reading's name in tables.
        metric: The main metric.
        values: Score by layer and stream; a task of several subsets has their mean.
    """

    task: str
    variant: str
    metric: str
    values: Mapping[tuple[int, str], float]

    @property
    def last(self) -> tuple[int, str]:
        """What the model hands out as its last hidden state: the final-normed one where there is one."""
        return max(self.values, key=lambda key: (key[0], key[1] == _FINAL))

    @property
    def best(self) -> tuple[int, str]:
        """The highest score; of equal ones the lowest layer."""
        return max(self.values, key=lambda key: (self.values[key], -key[0], key[1] != _FINAL))

    @property
    def gain(self) -> float:
        """Best less last."""
        return self.values[self.best] - self.values[self.last]

    @property
    def reading(self) -> str:
        """The reading in short: ``mean``, or ``mean, final_norm``."""
        pairs = dict(pair.split("=") for pair in self.variant.split(";"))
        normed = "" if pairs.get("normalize", "raw") == "raw" else f", {pairs['normalize']}"
        return f"{pairs.get('pooling', self.variant)}{normed}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "task": self.task,
            "reading": self.variant,
            "metric": self.metric,
            "best": self._place(self.best),
            "last": self._place(self.last),
            "gain": self.gain,
        }

    def _place(self, key: tuple[int, str]) -> dict[str, Any]:
        return {"layer": key[0], "stream": key[1], "value": self.values[key]}


def task_curves(rows: Sequence[Mapping[str, Any]]) -> list[TaskCurve]:
    """The curves of a table of scores, on the test split where a task has one; layers that lack a subset are left out."""
    parts: dict[tuple[str, str], dict[tuple[int, str], dict[tuple[str, str], float]]] = {}
    metrics: dict[str, str] = {}
    for row in rows:
        if row["main"]:
            places = parts.setdefault((row["task"], row["variant"]), {})
            of_place = places.setdefault((row["layer"], row["stream"]), {})
            of_place[row["split"], row["subset"]] = row["value"]
            metrics[row["task"]] = row["metric"]
    curves = []
    for (task, variant), places in parts.items():
        there = set().union(*places.values())
        wanted = {part for part in there if part[0] == "test"} or there
        values = {
            place: sum(found[part] for part in wanted) / len(wanted)
            for place, found in places.items()
            if wanted <= found.keys()
        }
        if values:
            curves.append(TaskCurve(task, variant, metrics[task], values))
    return curves


def print_tasks(curves: Sequence[TaskCurve], *, notes: Sequence[str], console: Console | None = None) -> None:
    """Print what should be known first, the best layer of every task, and scores at a dozen layers."""
    out = console or Console()
    for line in notes:
        out.print(line, style="yellow", markup=False, highlight=False)
    out.print(_best(curves))
    metrics = {curve.task: curve.metric for curve in curves}
    for metric in dict.fromkeys(metrics.values()):
        tasks = [task for task, of_task in metrics.items() if of_task == metric]
        shown = f"{', '.join(tasks[:3])}{f' and {len(tasks) - 3} more' if len(tasks) > 3 else ''}"
        out.print(f"{shown}: {metric}.", style="dim", markup=False, highlight=False)
    shown_curves = _fitting(curves, out.width)
    out.print()
    out.print(_by_layer(shown_curves))
    rest = len(curves) - len(shown_curves)
    if rest:
        out.print(f"{rest} more in the table scores of the run.", style="dim", highlight=False)


def _best(curves: Sequence[TaskCurve]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("task", "read by"):
        table.add_column(title, overflow="fold")
    for title in ("best layer", "score", "last layer", "score", "gain"):
        table.add_column(title, justify="right")
    for curve in curves:
        table.add_row(
            curve.task,
            curve.reading,
            _layer(curve.best),
            f"{curve.values[curve.best]:.4f}",
            _layer(curve.last),
            f"{curve.values[curve.last]:.4f}",
            f"{curve.gain:+.4f}",
        )
    return table


def _fitting(curves: Sequence[TaskCurve], width: int) -> Sequence[TaskCurve]:
    """As many curves as have room beside each other, at least one."""
    room = width - len("30 normed")
    for count, curve in enumerate(curves):
        room -= 2 + max(len(line) for line in _title(curve))
        if room < 0:
            return curves[: max(count, 1)]
    return curves


def _title(curve: TaskCurve) -> tuple[str, ...]:
    return (curve.task, *curve.reading.split(", "))


def _by_layer(curves: Sequence[TaskCurve]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("layer", justify="right", no_wrap=True)
    for curve in curves:
        table.add_column("\n".join(_title(curve)), justify="right", overflow="fold")
    places = {place for curve in curves for place in curve.values}
    for place in spread_layers(sorted(places, key=lambda key: (key[1] != "residual", key[0]))):
        cells = (f"{curve.values[place]:.4f}" if place in curve.values else "" for curve in curves)
        table.add_row(_layer(place), *cells)
    return table


def _layer(place: tuple[int, str]) -> str:
    return str(place[0]) if place[1] == "residual" else f"{place[0]} normed"
