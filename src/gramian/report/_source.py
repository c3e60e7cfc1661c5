"""What the page draws as one run: a model, corpus and condition, with everything that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gramian.report._cells import Grid
from gramian.report._scores import TaskScores
from gramian.report._series import Series

IDENTITY = ("model", "revision", "corpus", "condition")


@dataclass(frozen=True)
class Source:
    """One curve's worth of results: everything measured of one model on one corpus under one condition.

    Attributes:
        directory: The run directory of its measures, or of its scores where nothing was measured.
        identity: Model, revision, corpus and condition, as the tables name them; empty text for none.
        manifest: Of the directory.
        series: Curves by measure, the variant shown first in front.
        distributions: Of single prompts, see `distributions_of`.
        spectra: Eigenvalues, see `spectra_of`.
        texts: The prompts that stand at an end of a distribution.
        label: What the page calls it.
        scores: Task scores of the model; sources of one model share the same tuple.
        task_sink: The first token's share of the squared norm over the texts of those tasks.
        recommendation: The document `recommendation.json` of the model.
        modes: The document `bimodality.json` of the directory.
        grids: Cells of a collection in rows along an axis.
        stands_for: Of how many cells of a collection, and which of them this source is, in words.
        others: Further run directories that the numbers come from, with their manifests.
    """

    directory: Path
    identity: Mapping[str, str]
    manifest: Mapping[str, Any]
    series: Mapping[str, list[Series]]
    distributions: list[dict[str, Any]] = field(default_factory=list)
    spectra: list[dict[str, Any]] = field(default_factory=list)
    texts: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    label: str = ""
    scores: tuple[TaskScores, ...] = ()
    task_sink: Series | None = None
    recommendation: Mapping[str, Any] | None = None
    modes: Mapping[str, Any] | None = None
    grids: tuple[Grid, ...] = ()
    stands_for: str = ""
    others: tuple[tuple[Path, Mapping[str, Any]], ...] = ()

    @property
    def layers(self) -> list[int]:
        """The layers of the residual stream for which anything is known, as numbers in order."""
        found = {point.layer for series in self._all() for point in series.points}
        return sorted(found | {series.final.layer for series in self._all() if series.final is not None})

    @property
    def depth(self) -> int:
        """The last layer, which relative depth calls 100 %."""
        return max(self.layers, default=0)

    def percent(self, layer: int) -> int:
        """A layer's place in the depth, in percent; 0 for a run of one layer."""
        return round(100 * layer / self.depth) if self.depth else 0

    def first(self, measure: str) -> Series | None:
        """The variant of a measure shown first, or None when the run lacks the measure."""
        return next(iter(self.series.get(measure, [])), None)

    def _all(self) -> list[Series]:
        measured = [series for variants in self.series.values() for series in variants]
        return measured + [series for task in self.scores for series in task.readings]
