"""Prompts out of running text: paragraphs of a text file, and of Python's own documentation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

HEADING = re.compile(r" (= )+.*\S.*( =)+ ?")
_UNDERLINE = re.compile(r"[*=\-~^\"]{3,}")
_BULLET = re.compile(r"^(\*|-|\d+\.|\[\d+\])\s+")
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*[,.;:!?)\"”]*")
_SENTENCE_END = re.compile(r"[.:!?][)\"”']*$")
_FEWEST_WORDS = 16
_LEAST_PROSE = 0.75


def split_paragraphs(lines: Iterable[tuple[int, str]], *, blank_lines: bool = True) -> Iterator[tuple[int, str | None]]:
    r"""Paragraphs of numbered lines, as pairs of first line and text; a heading gives None in place of the text.

    A paragraph is a block of lines between blank lines, kept as it is but for white space at its ends. With
    ``blank_lines=False`` every line that is not blank is one. WikiText writes one paragraph a line, with no blank line
    between those of a section, so from its first heading (a line such as `` = Title = ``) on every line is a paragraph.

    Source: [merity2016, the raw token files]; the published experiments drop the same headings.

    >>> list(split_paragraphs([(1, "One"), (2, "line."), (3, ""), (4, "Two.")]))
    [(1, 'One\nline.'), (4, 'Two.')]
    >>> list(split_paragraphs([(1, " = Title = "), (2, " One . "), (3, " Two . ")]))
    [(1, None), (2, 'One .'), (3, 'Two .')]
    """
    block: list[str] = []
    first = 0
    for number, line in lines:
        if HEADING.fullmatch(line):
            blank_lines = False
            if block:
                yield first, "\n".join(block).strip()
                block = []
            yield number, None
        elif not line.strip():
            if block:
                yield first, "\n".join(block).strip()
                block = []
        elif not blank_lines:
            yield number, line.strip()
        else:
            if not block:
                first = number
            block.append(line)
    if block:
        yield first, "\n".join(block).strip()


def prose_paragraphs(text: str) -> list[str]:
    r"""The prose of a page of plain-text documentation, one paragraph an entry, each on one line.

    Headings, code, grammars and tables are left out: a block counts as prose when it ends as a sentence does, has at
    least sixteen words, and at least three quarters of what is between its spaces are words. Marks of lists and
    footnotes are cut off.

    >>> prose = "One two three four five six seven eight\n  nine ten and more and more and more."
    >>> prose_paragraphs(f"Title\n*****\n\n  {prose}\n\n   x = code(x)\n")
    ['One two three four five six seven eight nine ten and more and more and more.']
    """
    blocks = re.split(r"\n\s*\n", text)
    return [_BULLET.sub("", item, count=1) for block in blocks for item in _items(block) if _is_prose(item)]


def documentation_paragraphs(pages: Mapping[str, str]) -> list[tuple[str, str]]:
    """Prose of documentation pages as pairs of text and page name, in order of name and place.

    Pages quote each other in full: a paragraph that several have is taken once, from the shortest of them, which is
    the one it is about. Copies under different labels would make two prompts of one and blur what a label means.

    >>> text = " ".join(["word"] * 16) + "."
    >>> [name for _, name in documentation_paragraphs({"long": text + "\\n\\nMore.", "short": text})]
    ['short']
    """
    owner: dict[str, str] = {}
    for name in sorted(pages, key=lambda name: (len(pages[name]), name)):
        for text in prose_paragraphs(pages[name]):
            owner.setdefault(text, name)
    return [
        (text, name)
        for name in sorted(pages)
        for text in dict.fromkeys(prose_paragraphs(pages[name]))
        if owner[text] == name
    ]


def _items(block: str) -> Iterator[str]:
    lines = block.split("\n")
    if any(_UNDERLINE.fullmatch(line.strip()) for line in lines):
        return
    item: list[str] = []
    for line in lines:
        if _BULLET.match(line.strip()) and item:
            yield " ".join(item)
            item = []
        if line.strip():
            item.append(" ".join(line.split()))
    if item:
        yield " ".join(item)


def _is_prose(item: str) -> bool:
    if "::=" in item or ">>>" in item or item.startswith(("+-", "|")) or not _SENTENCE_END.search(item):
        return False
    pieces = _BULLET.sub("", item, count=1).split()
    words = sum(1 for piece in pieces if _WORD.fullmatch(piece.lstrip("(\"“'")))
    return words >= _FEWEST_WORDS and words >= _LEAST_PROSE * len(pieces)
