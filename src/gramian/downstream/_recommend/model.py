"""The one model that a recommendation is of, among those in the tables."""

from __future__ import annotations

from collections.abc import Sequence

from gramian.downstream._tables.columns import Columns
from gramian.downstream._tables.layers import text_of

__all__ = ["one_model"]

_IDENTITY = ("model", "revision")


def one_model(
    measures: Columns | None, scores: Columns | None, *, model: str | None, revision: str | None
) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """The columns that tell models apart, the model's values of them, and what was left out."""
    given = [table for table in (scores, measures) if table is not None]
    by = tuple(column for column in _IDENTITY if given and all(column in table for table in given))
    found = [_groups(table, by) for table in given]
    common = [group for group in found[0] if all(group in other for other in found)] if found else [()]
    if not common:
        raise ValueError(
            f"scores: expected runs of one {' and '.join(by)}; got scores of {_shown(found[0])} and measures of {_shown(found[1])}. "
            "Give runs of the same model and revision."
        )
    wanted = {"model": model, "revision": revision}
    for column, value in wanted.items():
        if value is None:
            continue
        if column not in by:
            raise ValueError(
                f"{column}: expected none, since the tables have no such column; got {value!r}. Leave it out."
            )
        place = by.index(column)
        kept = [group for group in common if group[place] == value]
        if not kept:
            names = ", ".join(dict.fromkeys(group[place] or "(empty)" for group in common))
            raise ValueError(f"{column}: expected one of {names}; got {value!r}. Correct it.")
        common = kept
    if len(common) > 1:
        differing = next(column for place, column in enumerate(by) if len({group[place] for group in common}) > 1)
        raise ValueError(f"{differing}: expected one of {_shown(common)}; got none. Name the one to recommend for.")
    everyone = {group for groups in found for group in groups}
    left = sorted(everyone - {common[0]})
    told = [f"Not of this model, and left out: {_shown(left)}."] if left else []
    return by, common[0], told


def _groups(table: Columns, by: Sequence[str]) -> list[tuple[str, ...]]:
    if not by:
        return [()]
    return list(dict.fromkeys(zip(*([text_of(cell) for cell in table[column]] for column in by), strict=True)))


def _shown(groups: Sequence[tuple[str, ...]]) -> str:
    return ", ".join(" ".join(part for part in group if part) or "(unnamed)" for group in groups)
