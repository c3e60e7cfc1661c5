"""What MTEB reports, as scores."""

from __future__ import annotations

from math import isfinite
from numbers import Real
from typing import Any

from gramian.downstream._tasks.protocol import Score

__all__ = ["scores_of"]


def scores_of(result: Any, task: Any) -> list[Score]:
    """Every number that MTEB gives a task, its main score marked.

    Args:
        result: A `TaskResult` of MTEB.
        task: The task it is of, with its data.

    Returns:
        Main scores first within each split and subset; a main score that is not defined for these vectors is NaN.
    """
    main = task.metadata.main_score
    found = []
    for split, subsets in result.scores.items():
        for scores in subsets:
            subset = scores["hf_subset"]
            n = _samples(task, split, subset)
            numbers = {
                name: float(value)
                for name, value in scores.items()
                if name != "main_score" and isinstance(value, Real) and (name == main or isfinite(value))
            }
            found += [
                Score(name, value, main=name == main, n=n, split=split, subset=subset)
                for name, value in sorted(numbers.items(), key=lambda item: (item[0] != main, item[0]))
            ]
    return found


def _samples(task: Any, split: str, subset: str) -> int:
    """Texts, pairs or queries that a score was computed from."""
    data = task.dataset.get(subset, task.dataset)[split]
    return len(data["queries"]) if isinstance(data, dict) and "queries" in data else len(data)
