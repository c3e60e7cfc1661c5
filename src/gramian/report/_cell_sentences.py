"""What the cells of a collection say: which perturbation moves prompt entropy most, and how training moved it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gramian.report._cells import STEP, STRENGTH, Grid, Row
from gramian.report._facts import title_of
from gramian.report._sentences import Part, Sentence, show, unit_words
from gramian.report._series import Point, Series
from gramian.report._source import Source

_MEASURE = "prompt_entropy"


@dataclass(frozen=True)
class Change:
    """The layer at which two rows of a heat map lie furthest apart."""

    grid: Grid
    series: Series
    before: Point
    after: Point
    first: Row
    last: Row

    @property
    def size(self) -> float:
        """How far apart."""
        return abs(self.after.value - self.before.value)


def largest_change(place: int, source: Source, *, named: bool = False) -> Sentence | None:
    """One sentence on the stress grids of a source, or on its evolution; None where no change is beyond the intervals."""
    # A short prefix has few tokens, and their entropy is at most the log of their number: that is no finding.
    grids = [grid for grid in source.grids if grid.perturbation != "prefix"]
    changes = [change for grid in grids if (change := _change(grid)) is not None]
    if not changes:
        return None
    change = max(changes, key=lambda each: each.size)
    title = title_of(change.series.measure)
    whose = f"{change.grid.name or source.label}: " if named else ""
    layer = change.before.layer
    panel = "evolution" if change.grid.axis == STEP else "stress"
    where = Part(f"layer {layer} ({source.percent(layer)} % of the depth)", panel, layer, place)
    numbers = f"from {show(change.before)}{unit_words(change.series)}"
    if change.grid.axis == STEP:
        start = "untrained" if change.first.at is None else f"at step {change.first.label}"
        parts = (
            Part(f"{whose}{'training' if named else 'Training'} moves "),
            Part(title[0].lower() + title[1:], panel, source=place),
            Part(" most at "),
            where,
            Part(f": {numbers} ({start}) to {show(change.after)} at step {change.last.label}."),
        )
        return Sentence("finding", parts)
    kind = change.grid.perturbation.replace("_", " ")
    of_all = "of the perturbations, " if len(changes) > 1 else ""
    lead = f"{whose}{of_all}{kind} moves "
    parts = (
        Part(lead if named else lead[0].upper() + lead[1:]),
        Part(title[0].lower() + title[1:], panel, source=place),
        Part(" most: at " if len(changes) > 1 else " most at "),
        where,
        Part(f"{',' if len(changes) > 1 else ':'} {numbers} to {show(change.after)} at strength {change.last.label}."),
    )
    return Sentence("finding", parts)


def _change(grid: Grid) -> Change | None:
    """From the first row to the last one, of prompt entropy, or of the first measure where a run has none."""
    first, last = grid.rows[0], grid.rows[-1]
    if first is last or grid.axis not in (STRENGTH, STEP):
        return None
    measure = _MEASURE if _MEASURE in first.cell.series else next(iter(first.cell.series), "")
    before = next(iter(first.cell.series.get(measure, [])), None)
    after = next((s for s in last.cell.series.get(measure, []) if before and s.variant == before.variant), None)
    if before is None or after is None:
        return None
    pairs = [(one, other) for one in before.known if (other := after.at(one.layer)) and np.isfinite(other.value)]
    apart = [(one, other) for one, other in pairs if not one.overlaps(other)]
    if not apart:
        return None
    one, other = max(apart, key=lambda pair: abs(pair[1].value - pair[0].value))
    return Change(grid, before, one, other, first, last)
