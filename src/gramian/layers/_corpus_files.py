"""Prompts out of files a line at a time: plain text, JSON lines, and tables separated by commas or tabs."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gramian.layers._paragraphs import HEADING, split_paragraphs

LONGEST_LINE = 10_000_000


class Entry(NamedTuple):
    """One candidate prompt: its text (None for a heading, empty for a missing value) and its label."""

    text: str | None
    label: str | None


def read_lines(path: Path, *, ends: bool = False) -> Iterator[tuple[int, str]]:
    """Numbered lines of a UTF-8 file, one in memory at a time.

    Args:
        path: The file.
        ends: Keep the line ends, which quoted fields of a table may contain.

    Raises:
        ValueError: an empty file, a NUL byte, bytes that are not UTF-8 (with their offset), or a line over 10 MB.
    """
    offset = 0
    with path.open("rb") as file:
        for number in range(1, 1 << 62):
            raw = file.readline(LONGEST_LINE + 1)
            if not raw:
                break
            if len(raw) > LONGEST_LINE:
                raise ValueError(
                    f"source: expected lines of at most {LONGEST_LINE:,} bytes; "
                    f"got a longer one, line {number} of {path}. "
                    "Break it up: no prompt is that long."
                )
            if b"\0" in raw:
                raise ValueError(
                    f"source: expected text; got a NUL byte at offset {offset + raw.index(0)} of {path}. "
                    "It is a binary file, or text in another encoding: save it as UTF-8."
                )
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"source: expected UTF-8; got an invalid byte at offset {offset + error.start} of {path} (line "
                    f"{number}). "
                    "Save the file as UTF-8."
                ) from error
            offset += len(raw)
            yield number, line if ends else line.rstrip("\r\n")
    if offset == 0:
        raise ValueError(f"source: expected a file with text; got an empty one, {path}. Give another file.")


def read_objects(path: Path, *, what: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered JSON objects, one a line; empty lines are left out.

    Args:
        path: The file.
        what: What it is for, for messages.

    Raises:
        ValueError: a line that is no JSON, or no object; as `read_lines`.
    """
    for number, line in read_lines(path):
        if not line.strip():
            continue
        where = f"line {number} of {path}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", "nested too deeply")
            raise ValueError(
                f"{what}: expected JSON on every line; got none on {where} ({reason}). Correct it."
            ) from error
        if not isinstance(row, dict):
            raise ValueError(
                f"{what}: expected an object on every line; got a {type(row).__name__} on {where}. Correct it."
            )
        yield number, row


def text_entries(path: Path, *, paragraphs: bool) -> Iterator[Entry]:
    """Paragraphs of a plain text file, or its lines."""
    lines = read_lines(path)
    for _, text in split_paragraphs(_bounded(lines, path) if paragraphs else lines, blank_lines=paragraphs):
        yield Entry(text, None)


def _bounded(lines: Iterable[tuple[int, str]], path: Path) -> Iterator[tuple[int, str]]:
    """The lines, refused while they are read when a paragraph grows too long: a file may have no blank line at all."""
    first = size = 0
    one_a_line = False
    for number, line in lines:
        one_a_line = one_a_line or HEADING.fullmatch(line) is not None
        if one_a_line or not line.strip():
            size = 0
        else:
            first = number if size == 0 else first
            size += len(line) + 1
        if size > LONGEST_LINE:
            raise ValueError(
                f"source: expected paragraphs of at most {LONGEST_LINE:,} characters; "
                f"got a longer one, from line {first} of {path}. Separate paragraphs by blank lines."
            )
        yield number, line


def parted(entries: Iterable[Entry], *, paragraphs: bool) -> Iterator[Entry]:
    """The entries, or the paragraphs of each of them."""
    for entry in entries:
        if not paragraphs or not entry.text:
            yield entry
        else:
            for _, text in split_paragraphs(enumerate(entry.text.splitlines(), 1)):
                yield Entry(text, entry.label)


def choose_field(fields: Mapping[str, bool], *, field: str | None, label_field: str | None, where: str) -> str:
    """Which field holds the text: the named one, else ``text``, else the only text field that is not the label.

    Args:
        fields: Every field, and whether it holds text.
        field: The field asked for.
        label_field: The field of the labels.
        where: What to call the place in an error.

    Raises:
        ValueError: a field that is not there or holds no text, or more than one that could be meant.
    """
    there = ", ".join(fields) or "none"
    for name, wanted in (("field", field), ("label_field", label_field)):
        if wanted is not None and wanted not in fields:
            raise ValueError(
                f"{name}: expected one of the fields of {where} ({there}); got {wanted!r}. Correct the name."
            )
    if field is not None:
        if not fields[field]:
            raise ValueError(
                f"field: expected a field of {where} that holds text; got {field!r}, which holds something else."
            )
        return field
    candidates = [name for name, is_text in fields.items() if is_text and name != label_field]
    if "text" in candidates:
        return "text"
    if len(candidates) != 1:
        got = f"{len(candidates)} that could be ({', '.join(candidates)})" if candidates else f"none (fields: {there})"
        raise ValueError(f"field: expected one field of {where} to hold the prompts; got {got}. Name it with field=.")
    return candidates[0]


def as_label(value: Any, *, where: str) -> str:
    """A label as text; numbers and truth values are accepted because many data sets number their classes or grade their texts."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    got = "nothing" if value in (None, "") else repr(value)
    raise ValueError(
        f"label_field: expected text or a number in {where}; got {got}. Remove the row or leave labels out."
    )


def json_entries(path: Path, *, field: str | None, label_field: str | None) -> Iterator[Entry]:
    """One object a line; the fields of the first one decide which holds the text."""
    chosen: str | None = None
    for number, row in read_objects(path, what="source"):
        where = f"line {number} of {path}"
        if chosen is None:
            fields = {name: isinstance(value, str) for name, value in row.items()}
            chosen = choose_field(fields, field=field, label_field=label_field, where=where)
        for wanted in (chosen, label_field):
            if wanted is not None and wanted not in row:
                there = ", ".join(row) or "none"
                raise ValueError(
                    f"field: expected {wanted!r} on every line; got {where} with the fields {there}. Correct it."
                )
        text = row[chosen]
        if text is not None and not isinstance(text, str):
            raise ValueError(f"field: expected text in {chosen!r}; got a {type(text).__name__} on {where}. Correct it.")
        yield Entry(text or "", None if label_field is None else as_label(row[label_field], where=where))


class _CommaSeparated(csv.excel):
    strict = True


class _TabSeparated(csv.excel_tab):
    quoting = csv.QUOTE_NONE
    strict = True


def table_entries(path: Path, *, field: str | None, label_field: str | None) -> Iterator[Entry]:
    """Rows of a table whose first line names the columns.

    Fields of a ``.csv`` may be quoted; in a ``.tsv`` a quotation mark is a character like any other, since
    tab-separated data are mostly sentences with raw quotes in them.
    """
    tabs = path.suffix.lower() == ".tsv"
    previous = csv.field_size_limit()
    csv.field_size_limit(max(previous, LONGEST_LINE))
    try:
        lines = (line for _, line in read_lines(path, ends=True))
        rows = csv.reader(lines, _TabSeparated if tabs else _CommaSeparated)
        yield from _rows(rows, path, field=field, label_field=label_field)
    except csv.Error as error:
        raise ValueError(
            f"source: expected a table; got a malformed row near line {rows.line_num} of {path} ({error}). "
            "Correct its quotes."
        ) from error
    finally:
        csv.field_size_limit(previous)


def _rows(rows: Any, path: Path, *, field: str | None, label_field: str | None) -> Iterator[Entry]:
    header: Sequence[str] = next((row for row in rows if row), [])
    if len(set(header)) != len(header) or not all(name.strip() for name in header):
        raise ValueError(
            f"source: expected a first line that names the columns of {path}; got {', '.join(map(repr, header[:4]))}. "
            "Add a line with one name a column."
        )
    chosen = choose_field(
        dict.fromkeys(header, True), field=field, label_field=label_field, where=f"the header of {path}"
    )
    at = header.index(chosen)
    label_at = None if label_field is None else header.index(label_field)
    for row in rows:
        if not row:
            continue
        where = f"line {rows.line_num} of {path}"
        if len(row) != len(header):
            raise ValueError(
                f"source: expected {len(header)} columns in every row; got {len(row)} on {where}. Correct it."
            )
        yield Entry(row[at], None if label_at is None else as_label(row[label_at], where=where))
