"""ImageNet and ImageNet-100: a folder a synset, below ``train`` and ``val``."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from gramian.itl._errors import value_fault
from gramian.ssl._data.class_folders import Place, class_folders, labelled_files, listed, split_place
from gramian.ssl._data.facts import DataFacts, Split
from gramian.ssl._data.image_set import ImageSet
from gramian.ssl._data.trees import open_tree

__all__ = ["open_imagenet"]

# Files that name the classes of ImageNet-100, one synset a line, beside ImageNet's own folders.
CLASS_LISTS = ("imagenet100.txt", "imagenet-100.txt", "classes.txt")
_NAMES = {"train": ("train",), "test": ("val", "validation", "test")}


def open_imagenet(facts: DataFacts, root: Path, split: Split, download: bool) -> ImageSet:
    """ImageNet, or ImageNet-100 in a folder of its own or as a list of classes beside ImageNet; ``test`` is ``val``.

    Raises:
        ValueError: Files are not laid out as expected.
    """
    if download:
        remedy = "Its terms ask for an account: image-net.org. Unpack train/ and val/ below the root."
        raise value_fault("download", "a data set of torchvision", f"download=True for {facts.name}", remedy)
    train = _class_places(facts, root, "train")
    chosen = _listed(root) if facts.name == "imagenet100" else None
    classes = tuple(sorted(train)) if chosen is None else chosen
    if len(classes) != facts.classes:
        hint = f", or a file {CLASS_LISTS[0]} that lists them" if facts.name == "imagenet100" else ""
        rule = f"{facts.classes} class folders for training in {root}{hint}"
        raise value_fault("root", rule, f"{len(classes)}", "Check that the data set is whole.")
    places = train if split == "train" else _class_places(facts, root, "test")
    missing = [name for name in classes if name not in places]
    unknown = [] if chosen is not None else sorted(set(places) - set(classes))
    if missing or unknown:
        got = f"no folder {listed(missing)}" if missing else f"{listed(unknown)}, which the train split lacks"
        rule = f"the same classes in the train and validation folders of {root}"
        raise value_fault("root", rule, got, "Check that both are whole.")
    files = labelled_files({name: places[name] for name in classes}, classes, where=root)
    text = "\0".join([facts.name, split, *classes, files.fingerprint])
    identity = sha256(text.encode()).hexdigest()
    return ImageSet(files.store, files.labels, classes=classes, facts=facts, identity=identity)


def _class_places(facts: DataFacts, root: Path, part: str) -> dict[str, Place]:
    """The folder of every class: below ``train`` or ``val``, or below parts such as ``train.X1`` and ``train.X2``."""
    for base in (root, root / facts.name):
        if not base.is_dir():
            continue
        places = _parts(base, part)
        found: dict[str, Place] = {}
        for place in places:
            for name in class_folders(place):
                if name in found:
                    remedy = "Move its images into one of them."
                    raise value_fault(
                        "root", "every class in one folder", f"{found[name]} and {place.inside(name)}", remedy
                    )
                found[name] = place.inside(name)
        if not found and any(place.tree.images(place.under, below=False) for place in places):
            rule = f"a folder a class in {places[0]}"
            remedy = "torchvision.datasets.ImageNet(root, split='val') sorts the validation images into folders."
            raise value_fault("root", rule, "images without folders", remedy)
        if places:
            return found
    folders = " or ".join(f"{name}/" for name in _NAMES[part])
    rule = f"{folders} in {root}, with a folder a class (n01440764/ and so on)"
    raise value_fault("root", rule, "none", "Check the path, and unpack the archives there.")


def _parts(base: Path, part: str) -> list[Place]:
    if (whole := split_place(base, _NAMES[part])) is not None:
        return [whole]
    tree = open_tree(base)
    return [Place(tree, name) for name in tree.folders() if re.fullmatch(rf"{_NAMES[part][0]}\.X\d*", name)]


def _listed(root: Path) -> tuple[str, ...] | None:
    """The classes that a list names: the first word of every line; None where there is no list."""
    for place in (root, root / "imagenet100"):
        for name in CLASS_LISTS:
            if (place / name).is_file():
                lines = (place / name).read_text().splitlines()
                return tuple(sorted({line.split()[0] for line in lines if line.strip()}))
    return None
