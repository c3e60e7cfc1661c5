"""Image corpora: which images of a folder or a zip are taken, with the folders they lie in as labels."""

from __future__ import annotations

import heapq
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b, sha256
from pathlib import Path, PurePosixPath

from gramian.layers._corpus import Corpus
from gramian.layers._images import ImageFile, ImageSource, no_images, open_image_source, require_vision_extra
from gramian.layers._sampling_keys import Occurrences, prompt_key

__all__ = ["load_images"]


def load_images(
    source: str | Path,
    *,
    prompts: int | None,
    seed: int,
    keep: re.Pattern[str] | None,
    drop: re.Pattern[str] | None,
) -> Corpus:
    """Images of a folder with all folders in it, or of a zip of one; `load_corpus` calls it.

    As of texts, the ``prompts`` images with the smallest seeded hash of their content are taken, in the order of their
    names: samples are nested, and do not change when files are renamed or moved. The images that are taken are decoded
    once, so that a damaged one is known before any work is done.

    Args:
        source: The folder or zip.
        prompts: How many images to take; None takes all.
        seed: Whole number that decides which ones.
        keep: Images whose path inside the source has no match are dropped.
        drop: Images whose path inside the source has a match are dropped.

    Returns:
        The corpus: ``texts`` are the paths inside the source, ``ids`` the hashes of the files, ``labels`` the folders.

    Raises:
        ValueError: No image, a damaged one among those taken, or a source that cannot be read.
        ImportError: The extra ``vision`` is not installed.

    Cost: every file is read once, and the images that are taken are decoded once; memory for the names.
    """
    require_vision_extra()
    opened = open_image_source(source)
    names = list(opened.names())
    removed: Counter[str] = Counter()
    wanted = [name for name in names if _passes(name, keep, drop, removed)]
    if not wanted:
        raise no_images(source, ", ".join(f"{reason} removed {count}" for reason, count in removed.items()))
    keyed = _keyed(opened, wanted, seed=seed)
    chosen = sorted(keyed if prompts is None else heapq.nsmallest(prompts, keyed), key=lambda entry: entry[1])
    images = tuple(ImageFile(name, identity, opened) for _, name, identity in chosen)
    for image in images:
        image.open()
    # Of all images, not of the sample: whether folders are labels must not depend on which ones are drawn.
    folders = folder_labels(names)
    by_name = dict(zip(names, folders, strict=True)) if folders is not None else {}
    labels = tuple(by_name[image.name] for image in images) if by_name else None
    ids = tuple(image.id for image in images)
    parameters = {
        "prompts": prompts,
        "seed": seed,
        "keep": keep.pattern if keep is not None else None,
        "drop": drop.pattern if drop is not None else None,
    }
    identity = json.dumps(["images", 1, ids, labels, parameters], sort_keys=True)
    return Corpus(
        name=Path(source).resolve().name,
        texts=tuple(image.name for image in images),
        labels=labels,
        ids=ids,
        lengths=None,
        hash=sha256(identity.encode()).hexdigest(),
        parameters=parameters,
        max_tokens=None,
        notes=tuple(_notes(removed, prompts, images)),
        images=images,
    )


def folder_labels(names: Sequence[str]) -> tuple[str, ...] | None:
    """The folder of every image, without the folders that all of them share; None where that leaves any without one.

    >>> folder_labels(["train/cat/1.jpg", "train/dog/1.jpg"])
    ('cat', 'dog')
    >>> folder_labels(["1.jpg", "2.jpg"]) is None
    True
    """
    folders = [PurePosixPath(name).parent.parts for name in names]
    shared = 0
    while len({folder[: shared + 1] for folder in folders}) == 1 and len(folders[0]) > shared:
        shared += 1
    labels = tuple("/".join(folder[shared:]) for folder in folders)
    return labels if all(labels) else None


def _passes(name: str, keep: re.Pattern[str] | None, drop: re.Pattern[str] | None, removed: Counter[str]) -> bool:
    if keep is not None and not keep.search(name):
        removed["keep"] += 1
        return False
    if drop is not None and drop.search(name):
        removed["drop"] += 1
        return False
    return True


def _keyed(source: ImageSource, names: Sequence[str], *, seed: int) -> Iterator[tuple[int, str, str]]:
    """Key, name and content hash of every image; one file is in memory at a time."""
    met = Occurrences()
    for name in names:
        identity = blake2b(source.read(name), digest_size=8).hexdigest()
        yield prompt_key(identity, seed=seed, occurrence=met.before(identity)), name, identity


def _notes(removed: Counter[str], prompts: int | None, images: Sequence[ImageFile]) -> list[str]:
    notes = [f"{reason}: {removed[reason]} dropped" for reason in ("keep", "drop") if removed[reason]]
    if prompts is not None and len(images) < prompts:
        notes.append(f"{prompts} prompts asked for, all {len(images)} there are used")
    copies = len(images) - len({image.id for image in images})
    if copies:
        notes.append(f"{copies} of {len(images)} prompts are exact copies of an earlier one (kept)")
    return notes
