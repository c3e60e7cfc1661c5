"""Tasks of MTEB as layer tasks: data loaded once, a fresh task object for every layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gramian.downstream._mteb.extra import undisturbed
from gramian.downstream._tasks.protocol import Embed, Score

__all__ = ["LoadedTask", "MtebTask"]

# A task samples with generators that move on: every layer has to start from the same state.
_STATEFUL = ("rng_state", "np_rng")
# How MTEB cuts what it hands over; vectors do not depend on it.
_BATCH = 1024


@dataclass
class LoadedTask:
    """The one task whose data are in memory; shared by the tasks of a run, which are scored one after the other."""

    owner: MtebTask | None = None
    task: Any = None


@dataclass(frozen=True, eq=False)
class MtebTask:
    """A task of MTEB; a `LayerTask`. The scores are those of MTEB's own code, with the cosine as similarity.

    Classifiers and clusterings of MTEB depend on the length of vectors, which grows by orders of magnitude with depth; at
    length one every layer is read alike. The public leaderboard's scores of encoders made for the cosine are at length one.
    The published scores per layer are not [skean2025].

    Attributes:
        name: As MTEB calls it.
        type: MTEB's type of task.
        hash: Of data, parameters, seed and MTEB's version.
        notes: What was left out of its data.
        unit_length: Whether vectors are scaled to length one.
        load: Makes the task with its data.
        loaded: Where the data are held.
        folder: The folder of a run for result files in MTEB's own format.
    """

    name: str
    type: str
    hash: str
    load: Callable[[], Any] = field(repr=False)
    notes: tuple[str, ...] = ()
    unit_length: bool = True
    loaded: LoadedTask = field(default_factory=LoadedTask, repr=False)
    folder: str = "mteb"

    def score(self, embed: Embed) -> list[Score]:
        """MTEB's scores of one stream by one reading; where `Embed.folder` is given, MTEB's result file goes there.

        Raises:
            ValueError: Data that cannot be had.
        """
        with undisturbed():
            from mteb import ResultCache, evaluate

            from gramian.downstream._mteb.encoder import LayerEncoder
            from gramian.downstream._mteb.results import scores_of

            task = self._fresh()
            found = evaluate(
                LayerEncoder(embed, unit_length=self.unit_length),
                task,
                co2_tracker=False,
                encode_kwargs={"batch_size": _BATCH, "show_progress_bar": False},
                cache=None if embed.folder is None else ResultCache(embed.folder),
                overwrite_strategy="always",
                show_progress_bar=False,
            )
            return scores_of(found.task_results[0], task)

    def _fresh(self) -> Any:
        """The task as it was made, around the same data."""
        from gramian.downstream._mteb.columns import with_whole_columns

        if self.loaded.owner is not self:
            # The data of the task before go first: there may be room for one only.
            self.loaded.owner = self.loaded.task = None
            task = self.load()
            task.dataset = with_whole_columns(task.dataset)
            self.loaded.task, self.loaded.owner = task, self
        loaded = self.loaded.task
        fresh = type(loaded)(seed=loaded.seed)
        for name, value in vars(loaded).items():
            if name not in _STATEFUL:
                setattr(fresh, name, _shared(value) if name == "dataset" else value)
        return fresh


def _shared(data: Any, depth: int = 3) -> Any:
    """The same tables in mappings of their own, by subset, split and part: evaluation replaces entries of these."""
    if depth == 0 or type(data) is not dict:
        return data
    return {key: _shared(value, depth - 1) for key, value in data.items()}
