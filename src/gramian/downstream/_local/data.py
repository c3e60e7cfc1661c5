"""Local files as the data of a task: columns by role, labels as numbers, pairs with their scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gramian.downstream._local.rows import Columns, first_row, read_columns

__all__ = ["as_classes", "as_pairs", "as_scored_pairs", "number_of", "read_roles", "texts_of"]

# Names that a role goes by where `columns` does not say otherwise.
_ALIASES = {
    "text": ("text", "sentences", "sentence"),
    "label": ("label", "labels"),
    "sentence1": ("sentence1", "sent1"),
    "sentence2": ("sentence2", "sent2"),
    "id": ("id", "_id"),
    "query": ("query", "query-id"),
    "document": ("document", "corpus-id"),
    "relevance": ("relevance", "score"),
}
_SEMEVAL = ("score", "sentence1", "sentence2")


def read_roles(
    files: Sequence[Path],
    roles: Sequence[str],
    *,
    optional: Sequence[str] = (),
    columns: Mapping[str, str] | tuple[str, ...] | None,
    what: str,
) -> Columns:
    """The columns of some files, one after the other, by the roles they play.

    Args:
        files: At least one.
        roles: What is needed, such as ``text`` and ``label``.
        optional: What is taken where it is there.
        columns: Role to name, or the names of files without a first line of them, or None for the usual names.
        what: For messages.

    Raises:
        ValueError: A role without a column.
    """
    merged: Columns = {}
    for file in files:
        header = columns if isinstance(columns, tuple) else None
        if columns is None and tuple(roles) == ("sentence1", "sentence2", "score"):
            header = _semeval_header(file)
        there = read_columns(file, header=header, what=what)
        found = {role: _column(role, there, columns) for role in (*roles, *optional)}
        lacking = next((role for role in roles if found[role] is None), None)
        if lacking is not None:
            raise ValueError(
                f"{what}: expected a column for {lacking!r} in {file}; got {', '.join(there)}. "
                f"Say which one: columns: {{{lacking}: NAME}}."
            )
        for role, name in found.items():
            if name is not None:
                merged.setdefault(role, []).extend(there[name])
    lengths = {len(values) for values in merged.values()}
    if len(lengths) > 1:
        raise ValueError(f"{what}: expected the same columns in every file; got some in a few only. Leave them out.")
    return merged


def _column(role: str, there: Columns, columns: Mapping[str, str] | tuple[str, ...] | None) -> str | None:
    if isinstance(columns, Mapping) and role in columns:
        return columns[role] if columns[role] in there else None
    return next((name for name in _ALIASES.get(role, (role,)) if name in there), None)


def _semeval_header(file: Path) -> tuple[str, ...] | None:
    """The columns of a file as SemEval gives them, score first and without a line of names; None for other files."""
    row = first_row(file) if file.suffix.lower() in (".csv", ".tsv") else []
    return _SEMEVAL if len(row) == 3 and (not row[0].strip() or number_of(row[0]) is not None) else None


def texts_of(values: Sequence[Any], *, role: str, what: str) -> list[str]:
    """Texts, as they are.

    Raises:
        ValueError: A value that is no text.
    """
    wrong = next((number for number, value in enumerate(values, 1) if not isinstance(value, str)), None)
    if wrong is not None:
        raise ValueError(f"{what}: expected text in {role!r}; got {values[wrong - 1]!r} in row {wrong}. Correct it.")
    return list(values)


def as_classes(parts: Mapping[str, Sequence[Any]], *, what: str) -> dict[str, list[int]]:
    """Labels of some parts as numbers from 0 that mean the same in each: by size where all are whole numbers, else by alphabet.

    Numbers have to begin at 0: MTEB takes 1 for the positive label wherever a test holds two labels.

    Raises:
        ValueError: A label that is missing, or neither text nor a whole number.
    """
    for part, labels in parts.items():
        for number, label in enumerate(labels, 1):
            if not isinstance(label, str | int) or label == "":
                raise ValueError(
                    f"{what}: expected a label, text or a whole number, in every row; got {label!r} in row {number} of {part}. "
                    "Correct it."
                )
    every = {label for labels in parts.values() for label in labels}
    names = {str(label) for label in every}
    whole = all(name.removeprefix("-").isdecimal() for name in names)
    # 7 and 007 are two labels, so both are text.
    of_size = whole and len({int(label) for label in every}) == len(names)
    numbers = {name: number for number, name in enumerate(sorted(names, key=int if of_size else None))}
    return {part: [numbers[str(label)] for label in labels] for part, labels in parts.items()}


def as_scored_pairs(rows: Columns, *, what: str) -> tuple[Columns, list[str]]:
    """Pairs with their scores; pairs without one are left out, and a note says how many.

    Raises:
        ValueError: A score that is no number, or fewer than two pairs with a score.
    """
    kept: list[int] = []
    scores: list[float] = []
    for number, value in enumerate(rows["score"], 1):
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        score = number_of(value)
        if score is None:
            raise ValueError(f"{what}: expected a number in 'score'; got {value!r} in row {number}. Correct it.")
        kept.append(number - 1)
        scores.append(score)
    if len(set(scores)) < 2:
        raise ValueError(
            f"{what}: expected pairs with at least two different scores; got {len(set(scores))}. Give more."
        )
    texts = {role: texts_of(rows[role], role=role, what=what) for role in ("sentence1", "sentence2")}
    pairs: Columns = {role: [of_role[at] for at in kept] for role, of_role in texts.items()}
    left_out = len(rows["score"]) - len(kept)
    notes = [f"{left_out:,} of {len(rows['score']):,} pairs have no score and are left out"] if left_out else []
    return {**pairs, "score": scores}, notes


def as_pairs(rows: Columns, *, what: str) -> Columns:
    """Pairs that belong together (1) or do not (0).

    Raises:
        ValueError: Another label, or one of the two only.
    """
    labels = [{"0": 0, "1": 1, "false": 0, "true": 1}.get(str(value).strip().lower(), -1) for value in rows["label"]]
    if -1 in labels:
        raise ValueError(f"{what}: expected 0 or 1 in 'label'; got {rows['label'][labels.index(-1)]!r}. Correct it.")
    if len(set(labels)) < 2:
        raise ValueError(f"{what}: expected pairs of both labels, 0 and 1; got {labels[0]} only. Add the others.")
    pairs = {role: texts_of(rows[role], role=role, what=what) for role in ("sentence1", "sentence2")}
    return {**pairs, "label": labels}


def number_of(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
