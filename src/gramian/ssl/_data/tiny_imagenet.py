"""Tiny-ImageNet as it is published: classes in folders for training, a table for validation."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np

from gramian.itl._errors import value_fault
from gramian.ssl._data.class_folders import Place, class_folders, labelled_files, no_images
from gramian.ssl._data.facts import DataFacts, Split
from gramian.ssl._data.image_set import ImageSet
from gramian.ssl._data.stores import FileStore
from gramian.ssl._data.trees import FileTree, open_tree

__all__ = ["open_tiny_imagenet"]

_FOLDER = "tiny-imagenet-200"
_TABLE = "val/val_annotations.txt"


def open_tiny_imagenet(facts: DataFacts, root: Path, split: Split, download: bool) -> ImageSet:
    """``tiny-imagenet-200``, unpacked or as the zip it is published as; ``test`` is the validation split.

    Raises:
        ValueError: Files are not laid out as published.
    """
    if download:
        got = "download=True for tiny-imagenet"
        raise value_fault(
            "download", "a data set of torchvision", got, f"Unpack {_FOLDER}.zip below the root yourself."
        )
    tree, top = _tree(root)
    base = f"{top}/" if top else ""
    train = Place(tree, f"{base}train")
    classes = class_folders(train)
    if len(classes) != facts.classes:
        rule = f"{facts.classes} class folders in {train}"
        raise value_fault("root", rule, f"{len(classes)}", "Unpack the archive again.")
    if split == "train":
        files = labelled_files({name: train.inside(name) for name in classes}, classes, where=train)
        store, labels, fingerprint = files.store, files.labels, files.fingerprint
    else:
        names, labels = _validation(tree, base, classes)
        store, fingerprint = FileStore(tree, names), tree.fingerprint(names)
    text = "\0".join([facts.name, split, *classes, fingerprint])
    digest = sha256(text.encode() + labels.astype("<i8").tobytes())
    return ImageSet(store, labels, classes=classes, facts=facts, identity=digest.hexdigest())


def _tree(root: Path) -> tuple[FileTree, str]:
    for place in (root, root / _FOLDER):
        if (place / "train").is_dir() and (place / _TABLE).is_file():
            return open_tree(place), ""
    packed = root / f"{_FOLDER}.zip"
    if packed.is_file():
        tree = open_tree(packed)
        if tree.has(f"{_FOLDER}/{_TABLE}"):
            return tree, _FOLDER
    rule = f"{_FOLDER}/ (or its zip) in {root}, with train/CLASS/images/, val/images/ and {_TABLE}"
    raise value_fault("root", rule, "neither", "Unpack the archive there, and leave its folders as they are.")


def _validation(tree: FileTree, base: str, classes: tuple[str, ...]) -> tuple[list[str], np.ndarray]:
    """Images of the validation split, with the labels that its table states."""
    numbers = {name: number for number, name in enumerate(classes)}
    table = tree.read(f"{base}{_TABLE}").decode()
    rows = [line.split("\t") for line in table.splitlines() if line.strip()]
    stated = {}
    for row in rows:
        if len(row) < 2 or row[1] not in numbers:
            got = "\t".join(row)[:60]
            raise value_fault("root", f"image and class, by tabs, in {_TABLE}", repr(got), "Unpack the archive again.")
        stated[f"{base}val/images/{row[0]}"] = numbers[row[1]]
    names = tree.images(f"{base}val/images")
    if not names:
        raise no_images(Place(tree, f"{base}val/images"))
    for wrong, why in ((set(names) - set(stated), "no row for"), (set(stated) - set(names), "no image")):
        if wrong:
            got = f"{why} {min(wrong)}"
            raise value_fault("root", f"one row in {_TABLE} for every image", got, "Unpack the archive again.")
    return names, np.array([stated[name] for name in names], dtype=np.int64)
