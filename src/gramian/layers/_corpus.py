"""A corpus: the prompts that are measured, chosen so that the same request always gives the same prompts."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from gramian.layers._corpus_choice import Choice, TokenCounter
from gramian.layers._corpus_files import Entry, json_entries, parted, table_entries, text_entries
from gramian.layers._corpus_tables import hub_entries, parquet_entries
from gramian.layers._images import ImageFile, is_image_source
from gramian.layers._paragraphs import documentation_paragraphs
from gramian.layers._sampling_keys import content_hash

PYTHON_DOCS = "python-docs"
EXTENSIONS = (".txt", ".jsonl", ".csv", ".tsv", ".parquet")
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+)?")


@dataclass(frozen=True)
class Corpus:
    """Prompts in the order of their source: texts, or images.

    Attributes:
        name: What to call it: ``python-docs``, the name of the file or folder, or the name on the hub.
        texts: The prompts; of images, their paths inside the folder or zip.
        labels: One label a prompt, or None.
        ids: Hashes of the texts or of the image files, 16 hexadecimal digits each; exact copies share one.
        lengths: Tokens of every prompt before truncation, or None without ``count_tokens``.
        hash: SHA-256 over ids, labels and parameters: equal hashes, equal prompts in equal order.
        parameters: What was asked for, without the place of the source: a file that moved is the same corpus.
        max_tokens: Where the engine truncates prompts, or None.
        notes: What a reader should know: what was dropped, copies, prompts that get truncated.
        images: The images of a corpus of images, read when they are needed; None of texts.
    """

    name: str
    texts: tuple[str, ...]
    labels: tuple[str, ...] | None
    ids: tuple[str, ...]
    lengths: tuple[int, ...] | None
    hash: str
    parameters: Mapping[str, Any] = field(hash=False)
    max_tokens: int | None
    notes: tuple[str, ...]
    images: tuple[ImageFile, ...] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def modality(self) -> Literal["text", "image"]:
        """What the prompts are; a model must read the same."""
        return "text" if self.images is None else "image"

    @property
    def prompts(self) -> tuple[str, ...] | tuple[ImageFile, ...]:
        """What a model reads: the texts, or the images."""
        return self.texts if self.images is None else self.images


def load_corpus(
    source: str | Path,
    *,
    field: str | None = None,
    label_field: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    prompts: int | None = None,
    seed: int = 0,
    paragraphs: bool | None = None,
    min_tokens: int | None = None,
    max_tokens: int | None = None,
    min_characters: int | None = None,
    keep: str | None = None,
    drop: str | None = None,
    count_tokens: TokenCounter | None = None,
) -> Corpus:
    """Prompts from a file, the hub, Python's own documentation, or a folder of images.

    Filters come first, in the order keep, drop, min_characters, min_tokens; then the ``prompts`` prompts with the
    smallest seeded hash of their text are taken, in the order of the source. The same seed therefore gives nested
    samples at growing sizes, and the same sample from a shuffled file. The published experiments take the first 10,000
    rows and shuffle them.

    Args:
        source: ``python-docs`` (built in, labelled by topic), a ``.txt``, ``.jsonl``, ``.csv``, ``.tsv`` or
            ``.parquet`` file, or a data set of the hub: ``org/name``, ``org/name:configuration``, or ``hf:`` before
            either, or before a folder. A folder with images, or a ``.zip`` of one, is a corpus of images: the folders inside
            are their labels, and of the arguments below ``prompts``, ``seed``, ``keep`` and ``drop`` apply.
        field: Field of the text; may be left out when it is called ``text`` or is the only text field.
        label_field: Field of the labels.
        split: Split of a data set of the hub.
        revision: Revision of a data set of the hub.
        prompts: How many prompts to take; None takes all. More than there are takes all, with a note.
        seed: Whole number that decides which ones. No generator: the sample must be the same in every process.
        paragraphs: Whether to split texts at blank lines; None does so for ``.txt`` and ``python-docs`` only. False
            makes every line of a ``.txt`` a prompt, and every topic of ``python-docs``.
        min_tokens: Drops shorter prompts; needs ``count_tokens``.
        max_tokens: Drops nothing: the engine truncates longer prompts here, and a note says how many.
        min_characters: Drops shorter prompts.
        keep: Regular expression; prompts without a match are dropped. Of images it is the path inside the folder that counts.
        drop: Regular expression; prompts with a match are dropped.
        count_tokens: Lengths of texts in tokens, as the model's tokenizer counts them.

    Returns:
        The corpus, with at least one prompt.

    Raises:
        ValueError: a source that cannot be read, an argument that makes no sense, or no prompt left, each in one line.
        TypeError: an argument of the wrong type.
        ImportError: a missing extra.

    Cost: one pass; memory for the sampled prompts and eight bytes for every distinct prompt of the source. Of images, every file
        is read once to name it by its content, and those that are taken are decoded once, so that a damaged one is known at once.
    """
    chosen = Choice(
        prompts=prompts,
        seed=seed,
        min_tokens=min_tokens,
        max_tokens=max_tokens,
        min_characters=min_characters,
        keep=_pattern("keep", keep),
        drop=_pattern("drop", drop),
        count_tokens=count_tokens,
    )
    if isinstance(source, str | Path) and is_image_source(source):
        of_texts = {
            "field": field, "label_field": label_field, "split": split, "revision": revision, "paragraphs": paragraphs,
            "min_tokens": min_tokens, "max_tokens": max_tokens, "min_characters": min_characters,
        }  # fmt: skip
        given = next((name for name, value in of_texts.items() if value is not None), None)
        if given is not None:
            raise ValueError(
                f"{given}: expected None for {source}, which holds images; got {of_texts[given]!r}. It is for texts."
            )
        # Here, because a corpus of images is a Corpus.
        from gramian.layers._image_corpus import load_images

        return load_images(source, prompts=prompts, seed=seed, keep=chosen.keep, drop=chosen.drop)
    name, entries, notes = _open(
        source, field=field, label_field=label_field, split=split, revision=revision, paragraphs=paragraphs
    )
    for entry in entries:
        chosen.offer(entry)
    picked = chosen.finish(name)
    texts = tuple(prompt.text for prompt in picked)
    labels = tuple(prompt.label for prompt in picked if prompt.label is not None)
    ids = tuple(content_hash(text) for text in texts)
    parameters = {
        "field": field, "label_field": label_field, "split": split, "revision": revision, "prompts": prompts, "seed":
        seed, "paragraphs": paragraphs, "min_tokens": min_tokens, "max_tokens": max_tokens, "min_characters":
        min_characters, "keep": keep, "drop": drop,
    }  # fmt: skip
    identity = json.dumps([1, ids, labels, parameters], sort_keys=True)
    return Corpus(
        name=name,
        texts=texts,
        labels=labels or None,
        ids=ids,
        lengths=tuple(prompt.length for prompt in picked) if count_tokens is not None else None,
        hash=sha256(identity.encode()).hexdigest(),
        parameters=parameters,
        max_tokens=max_tokens,
        notes=(*notes, *chosen.notes(picked)),
    )


def _pattern(name: str, expression: str | None) -> re.Pattern[str] | None:
    if expression is None:
        return None
    try:
        return re.compile(expression)
    except re.error as error:
        raise ValueError(f"{name}: expected a regular expression; got {expression!r} ({error}). Correct it.") from error


def _open(
    source: str | Path,
    *,
    field: str | None,
    label_field: str | None,
    split: str | None,
    revision: str | None,
    paragraphs: bool | None,
) -> tuple[str, Iterator[Entry], list[str]]:
    """Name, entries and notes of a source; which kind it is depends on nothing but the source."""
    if not isinstance(source, str | Path):
        raise TypeError(f"source: expected text or a path; got {type(source).__name__}. Give a name or a file.")
    text, path = str(source), Path(source)
    hub = text.removeprefix("hf:") if text.startswith("hf:") else None
    if hub is None and not path.exists() and path.suffix.lower() not in EXTENSIONS and _HUB_NAME.fullmatch(text):
        hub = text
    if hub is not None:
        named = {"field": field, "label_field": label_field, "split": split, "revision": revision}
        return hub, parted(hub_entries(hub, **named), paragraphs=bool(paragraphs)), []
    for name, value in (("split", split), ("revision", revision)):
        if value is not None:
            raise ValueError(f"{name}: expected None for {text}; got {value!r}. Only data sets of the hub have one.")
    if text == PYTHON_DOCS or path.suffix.lower() == ".txt":
        for name, value in (("field", field), ("label_field", label_field)):
            if value is not None:
                raise ValueError(f"{name}: expected None for {text}; got {value!r}. It has no fields.")
    if text == PYTHON_DOCS:
        return text, _documentation(paragraphs is not False), [f"documentation of Python {platform.python_version()}"]
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.suffix.lower() in EXTENSIONS)
        there = ", ".join(inside[:5]) or "no file that could be read"
        raise ValueError(
            f"source: expected a file; got the folder {text}, with {there}. Name a file, or give hf:{text}."
        )
    if path.suffix.lower() not in EXTENSIONS:
        raise ValueError(
            f"source: expected {PYTHON_DOCS}, a file ending in {', '.join(EXTENSIONS)}, or org/name on the hub; "
            f"got {text!r}. "
            "For a name on the hub without an organisation, put hf: before it."
        )
    if not path.is_file():
        raise ValueError(f"source: expected a file; got {text}, which does not exist. Check the path.")
    return path.name, _file_entries(path, field=field, label_field=label_field, paragraphs=paragraphs), []


def _file_entries(
    path: Path, *, field: str | None, label_field: str | None, paragraphs: bool | None
) -> Iterator[Entry]:
    kind = path.suffix.lower()
    if kind == ".txt":
        return text_entries(path, paragraphs=paragraphs is not False)
    readers = {".jsonl": json_entries, ".csv": table_entries, ".tsv": table_entries, ".parquet": parquet_entries}
    return parted(readers[kind](path, field=field, label_field=label_field), paragraphs=bool(paragraphs))


def _documentation(paragraphs: bool) -> Iterator[Entry]:
    from pydoc_data.topics import topics

    found = documentation_paragraphs(topics)
    if paragraphs:
        yield from (Entry(text, topic) for text, topic in found)
        return
    whole: dict[str, list[str]] = {}
    for text, topic in found:
        whole.setdefault(topic, []).append(text)
    yield from (Entry("\n\n".join(texts), topic) for topic, texts in whole.items())
