"""A collection of cells (stress, evolution, a sweep): which of them the depth panels show, and the rows of its heat maps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from gramian.report._series import Series, series_of

STRENGTH, STEP, NONE = "strength", "step", "cell"
_NATURAL = "natural"
# More curves than hues cannot be told apart.
_MOST_SHOWN = 6
_KEY = ("model", "revision", "corpus", "condition")


@dataclass(frozen=True, eq=False)
class Cell:
    """One model, revision, corpus and condition of a collection.

    Attributes:
        facts: Its row of the table ``cells``.
        series: Its curves by measure.
    """

    facts: Mapping[str, Any]
    series: Mapping[str, list[Series]]

    @property
    def natural(self) -> bool:
        """Whether the prompts were left as they are."""
        return (self.facts["perturbation"] or _NATURAL) == _NATURAL

    @property
    def layers(self) -> list[int]:
        """Its layers in order."""
        every = [series for listed in self.series.values() for series in listed]
        return sorted({point.layer for series in every for point in series.points})


@dataclass(frozen=True)
class Row:
    """One line of a heat map; ``at`` is its place on the axis, None for the row that others are compared with."""

    cell: Cell
    label: str
    at: float | None


@dataclass(frozen=True)
class Grid:
    """The rows of one heat map, the row to compare with first.

    Attributes:
        axis: ``strength``, ``step``, or ``cell`` where the rows are in no order of their own.
        perturbation: Of the axis ``strength``.
        rows: At least one.
        name: What its rows have in common, where that is not the name of the cell that stands for them.
    """

    axis: str
    perturbation: str
    rows: tuple[Row, ...]
    name: str = ""


@dataclass
class Lineage:
    """Cells that differ along one axis only, and the one of them that the depth panels show."""

    shown: Cell
    grids: list[Grid] = field(default_factory=list)
    stands_for: str = ""


def cells_of(cells: pa.Table, measures: pa.Table) -> list[Cell]:
    """The cells of a collection with their curves, in the order of the table; cells without a number are left out."""
    rows = [{**row, **{key: str(row[key] or "") for key in _KEY}} for row in cells.to_pylist()]
    columns = [[str(value or "") for value in measures[key].to_pylist()] for key in _KEY]
    places: dict[tuple[str, ...], list[int]] = {}
    for place, key in enumerate(zip(*columns, strict=True)):
        places.setdefault(key, []).append(place)
    found = []
    for row in rows:
        own = places.get(tuple(row[key] for key in _KEY), [])
        if own:
            found.append(Cell(row, series_of(measures.take(pa.array(own)))))
    return found


def lineages_of(cells: Sequence[Cell]) -> list[Lineage]:
    """What the page draws of a collection: a few cells as curves along the depth, and all of them as heat maps.

    Along ``strength`` the prompts as they are stand for a model; along ``step`` the last step does, and an untrained copy
    beside it. Cells without an axis stand for themselves as long as there are no more than six of them; beyond that one
    cell for each model does.
    """
    found = _stress([cell for cell in cells if cell.facts["axis"] == STRENGTH])
    found += _evolution([cell for cell in cells if cell.facts["axis"] == STEP])
    return found + _plain([cell for cell in cells if cell.facts["axis"] not in (STRENGTH, STEP)])


def _stress(cells: Sequence[Cell]) -> list[Lineage]:
    lineages = []
    for own in _grouped(cells, lambda facts: (facts["model"], facts["revision"], facts["corpus"], facts["untrained"])):
        natural = next((cell for cell in own if cell.natural), None)
        perturbed = _grouped([cell for cell in own if not cell.natural], lambda facts: facts["perturbation"])
        grids = []
        for same in perturbed:
            rows = [
                Row(cell, _short(cell.facts[STRENGTH]), cell.facts[STRENGTH]) for cell in _ascending(same, STRENGTH)
            ]
            base = [Row(natural, "natural", None)] if natural else []
            grids.append(Grid(STRENGTH, str(same[0].facts["perturbation"]), (*base, *rows)))
        shown = natural or own[0]
        text = "the prompts as they are" if natural else f"the condition {shown.facts['condition']}"
        lineages.append(Lineage(shown, grids, f"{text}, of {_count(own, 'condition')}" if len(own) > 1 else ""))
    return lineages


def _evolution(cells: Sequence[Cell]) -> list[Lineage]:
    trained = [cell for cell in cells if not cell.facts["untrained"]]
    untrained = [cell for cell in cells if cell.facts["untrained"]]
    models = {cell.facts["model"] for cell in trained}
    # Checkpoints in folders of their own may each go by the name of their folder.
    named_apart = len(models) == len(trained) > 1
    lineages = []
    for own in _grouped(
        trained, lambda facts: (None if named_apart else facts["model"], facts["corpus"], facts["condition"])
    ):
        steps = _ascending(own, STEP)
        bases = [cell for cell in untrained if named_apart or len(models) == 1 or _copy_of(cell, own[0])]
        base = [Row(bases[0], "untrained", None)] if bases else []
        rows = [Row(cell, _short(cell.facts[STEP]), cell.facts[STEP]) for cell in steps]
        text = f"step {_short(steps[-1].facts[STEP])}, the last of {_count(own, 'step')}" if len(own) > 1 else ""
        grid = Grid(
            STEP, "", (*base, *rows), _parent([str(cell.facts["model"]) for cell in steps]) if named_apart else ""
        )
        lineages.append(Lineage(steps[-1], [grid] if len(grid.rows) > 1 else [], text))
    return lineages + [Lineage(cell, [], "the untrained copy") for cell in untrained]


def _plain(cells: Sequence[Cell]) -> list[Lineage]:
    if len(cells) <= _MOST_SHOWN:
        return [Lineage(cell) for cell in cells]
    firsts = [own[0] for own in _grouped(cells, lambda facts: (facts["model"], facts["untrained"]))][:_MOST_SHOWN]
    text = f"one cell for each model, of {_count(cells, 'cell')}"
    lineages = [Lineage(cell, [], text) for cell in firsts]
    lineages[0].grids.append(Grid(NONE, "", tuple(Row(cell, name, None) for cell, name in _names(cells))))
    return lineages


def _names(cells: Sequence[Cell]) -> list[tuple[Cell, str]]:
    """Each cell by what tells it from the others."""
    telling = [key for key in _KEY if len({cell.facts[key] for cell in cells}) > 1] or ["model"]
    return [(cell, " · ".join(str(cell.facts[key]) for key in telling if cell.facts[key])) for cell in cells]


def _copy_of(untrained: Cell, trained: Cell) -> bool:
    name = str(trained.facts["model"])
    return str(untrained.facts["model"]) in (name, f"{name} (untrained)")


def _parent(names: Sequence[str]) -> str:
    """The folder that checkpoints lie in, when it is one: ``neox`` of ``neox/step-8`` and ``neox/step-16``."""
    parents = {name.rpartition("/")[0] for name in names}
    return parents.pop() if len(parents) == 1 else ""


def _grouped(cells: Sequence[Cell], key: Callable[[Mapping[str, Any]], object]) -> list[list[Cell]]:
    groups: dict[object, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(key(cell.facts), []).append(cell)
    return list(groups.values())


def _ascending(cells: Sequence[Cell], axis: str) -> list[Cell]:
    """In the order of the axis, a place twice kept once: two draws of one strength would lie over each other."""
    by_place = {float(cell.facts[axis]): cell for cell in reversed(cells) if _known(cell.facts[axis])}
    return [by_place[place] for place in sorted(by_place)]


def _known(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _short(value: float) -> str:
    """A place on an axis: ``0.25``, ``64``, ``1000``."""
    return np.format_float_positional(value, precision=6, trim="-")


def _count(cells: Sequence[Cell], what: str) -> str:
    return f"{len(cells)} {what}s"
