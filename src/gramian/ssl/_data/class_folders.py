"""Images in one folder a class, in a folder or zip; with several splits beside each other, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from gramian.itl._errors import value_fault
from gramian.ssl._data.decoding import SUFFIXES
from gramian.ssl._data.facts import SPLITS, DataFacts, Split, facts_of_folder
from gramian.ssl._data.image_set import ImageSet
from gramian.ssl._data.stores import FileStore, ImageStore, JoinedStore
from gramian.ssl._data.trees import FileTree, FolderTree, ZipTree, open_tree

__all__ = [
    "Place",
    "class_folders",
    "labelled_files",
    "listed",
    "no_images",
    "open_class_folders",
    "split_place",
    "unlabelled_files",
]

_SPLIT_NAMES: dict[str, tuple[str, ...]] = {
    "train": ("train",),
    "test": ("test", "val", "valid", "validation"),
    "unlabelled": ("unlabelled", "unlabeled"),
}
# Images whose headers decide the size that a folder's images are brought to.
_MEASURED = 25


@dataclass(frozen=True)
class Place:
    """A folder of a tree."""

    tree: FileTree
    under: str = ""

    def __str__(self) -> str:
        return f"{self.tree.path}/{self.under}" if self.under else str(self.tree.path)

    def inside(self, folder: str) -> Place:
        """A folder of this folder."""
        return Place(self.tree, f"{self.under}/{folder}" if self.under else folder)


@dataclass(frozen=True)
class LabelledFiles:
    """Files of a split with their labels."""

    store: ImageStore
    labels: np.ndarray
    fingerprint: str


def open_class_folders(path: Path, split: Split, *, facts: DataFacts | None = None) -> ImageSet:
    """Open an image folder, or a zip of one.

    Args:
        path: The folder or zip.
        split: Which part.
        facts: What is known of it; None takes it from the images.

    Raises:
        ValueError: No images, an empty class folder, images beside class folders, a class that only the test split has, a
            split that is not there.
    """
    places = _splits(path)
    parts = ("train", "unlabelled") if split == "train+unlabelled" else (split,)
    for part in parts:
        if part not in places:
            wanted = " or ".join(f"{name}/" for name in _SPLIT_NAMES[part])
            raise value_fault("split", f"a folder {wanted} in {path}", f"no images for {part!r}", _remedy(part))
    classes = class_folders(places["train"]) if "train" in places else ()
    files = [_part(places[part], part, classes) for part in parts]
    labels = np.concatenate([entry.labels for entry in files])
    store = files[0].store if len(files) == 1 else JoinedStore([entry.store for entry in files])
    if facts is None:
        available = tuple(name for name in SPLITS if all(part in places for part in name.split("+")))
        facts = facts_of_folder(path.name, side=_side(store), classes=len(classes), splits=available)
    elif len(classes) != facts.classes:
        remedy = "Check that this is the right data set, whole."
        rule = f"{facts.classes} class folders in {places['train']}"
        raise value_fault("root", rule, f"{len(classes)}", remedy)
    text = "\0".join([split, *classes, *(entry.fingerprint for entry in files)])
    return ImageSet(store, labels, classes=classes, facts=facts, identity=sha256(text.encode()).hexdigest())


def class_folders(place: Place) -> tuple[str, ...]:
    """Names of the classes of a folder, sorted; none where images lie straight in it.

    Raises:
        ValueError: Images lie beside class folders.
    """
    folders = tuple(place.tree.folders(place.under))
    loose = place.tree.images(place.under, below=False)
    if folders and loose:
        got = f"{len(folders)} folders beside {len(loose)} images such as {loose[0]}"
        raise value_fault("data", f"folders of classes, or images, in {place}", got, "Move one of them elsewhere.")
    return folders


def labelled_files(folders: Mapping[str, Place], classes: Sequence[str], *, where: object) -> LabelledFiles:
    """The images of class folders.

    Args:
        folders: The folder of every class that has one, all in one tree.
        classes: Classes in the order of their labels.
        where: What to call the place in an error.

    Raises:
        ValueError: A folder without an image in it, or no image at all.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    found = {name: place.tree.images(place.under) for name, place in folders.items()}
    empty = [name for name, images in found.items() if not images]
    if len(empty) == len(found):
        raise no_images(where)
    if empty:
        rule = f"at least one image in every class folder of {where}"
        raise value_fault("data", rule, f"none in {listed(empty)}", "Remove an empty folder, or copy its images again.")
    names = [name for images in found.values() for name in images]
    labels = np.repeat([numbers[name] for name in found], [len(images) for images in found.values()])
    tree = next(iter(folders.values())).tree
    return LabelledFiles(FileStore(tree, names), labels.astype(np.int64), tree.fingerprint(names))


def unlabelled_files(place: Place) -> LabelledFiles:
    """All images of a folder and of those below it, without labels.

    Raises:
        ValueError: There are none.
    """
    names = place.tree.images(place.under)
    if not names:
        raise no_images(place)
    labels = np.full(len(names), -1, dtype=np.int64)
    return LabelledFiles(FileStore(place.tree, names), labels, place.tree.fingerprint(names))


def listed(names: Sequence[str]) -> str:
    """The first three of some names.

    >>> listed(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def no_images(place: object) -> ValueError:
    """The error of a place without images."""
    remedy = f"Images are files that end in {', '.join(SUFFIXES)}."
    return value_fault("data", f"at least one image in {place}", "none", remedy)


def split_place(path: Path, names: Sequence[str]) -> Place | None:
    """The first folder or zip of ``names`` in a folder or zip, if there is one."""
    place = _top(open_tree(path))
    inside = set(place.tree.folders(place.under))
    for name in names:
        if name in inside:
            return place.inside(name)
        if isinstance(place.tree, FolderTree) and place.tree.has(f"{name}.zip"):
            return _top(open_tree(path / f"{name}.zip"))
    return None


def _splits(path: Path) -> dict[str, Place]:
    """Where the splits of a path are; a path without any is the train split."""
    found = {part: split_place(path, names) for part, names in _SPLIT_NAMES.items()}
    places = {part: place for part, place in found.items() if place is not None}
    # A class may be called "test"; what has no train split has no splits.
    return places if "train" in places else {"train": _top(open_tree(path))}


def _top(tree: FileTree) -> Place:
    """The tree itself; of a zip that holds one folder and nothing else, that folder."""
    place = Place(tree)
    if isinstance(tree, ZipTree):
        while not tree.images(place.under, below=False) and len(only := tree.folders(place.under)) == 1:
            if only[0] in _SPLIT_NAMES["train"]:
                break
            place = place.inside(only[0])
    return place


def _part(place: Place, part: str, classes: Sequence[str]) -> LabelledFiles:
    if part == "unlabelled" or not classes:
        return unlabelled_files(place)
    present = class_folders(place)
    unknown = [name for name in present if name not in set(classes)]
    if unknown:
        rule = f"in {place} only classes of the train split"
        raise value_fault("data", rule, listed(unknown), "Remove these folders, or add them to the train split.")
    return labelled_files({name: place.inside(name) for name in present}, classes, where=place)


def _side(store: ImageStore) -> int:
    """The median of the shorter sides of some images, spread evenly."""
    step = max(1, len(store) // _MEASURED)
    chosen = range(0, len(store), step)[:_MEASURED]
    return int(np.median([min(store.read(index).size) for index in chosen]))


def _remedy(part: str) -> str:
    return {
        "test": "Put the images for evaluation into test/ and the others into train/.",
        "unlabelled": "Put images without labels into unlabelled/, beside train/.",
    }.get(part, "Put the images into train/.")
