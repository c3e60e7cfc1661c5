"""ImageNet and ImageNet-100: a folder a synset, below ``train`` and ``val``."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from gramian.itl._errors import value_fault
from gramian.ssl._data.class_folders import Place, class_folders, labelled_files, split_place
from gramian.ssl._data.facts import DataFacts, Split
from gramian.ssl._data.image_set import ImageSet

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
    train = _place(facts, root, "train")
    chosen = _listed(root) if facts.name == "imagenet100" else None
    classes = class_folders(train) if chosen is None else chosen
    if len(classes) != facts.classes:
        hint = f", or a file {CLASS_LISTS[0]} that lists them" if facts.name == "imagenet100" else ""
        rule = f"{facts.classes} class folders in {train}{hint}"
        raise value_fault("root", rule, f"{len(classes)}", "Check that the data set is whole.")
    place = train if split == "train" else _place(facts, root, "test")
    present = set(class_folders(place))
    if not present and place.tree.images(place.under, below=False):
        rule = f"a folder a class in {place}"
        remedy = "torchvision.datasets.ImageNet(root, split='val') sorts the validation images into folders."
        raise value_fault("root", rule, "images without folders", remedy)
    missing = [name for name in classes if name not in present]
    unknown = [] if chosen is not None else sorted(present - set(classes))
    if missing or unknown:
        got = f"no folder {missing[0]}" if missing else f"{unknown[0]}, which the train split lacks"
        raise value_fault("root", f"the same classes in {place} as in {train}", got, "Check that both are whole.")
    files = labelled_files(place, classes)
    text = "\0".join([facts.name, split, *classes, files.fingerprint])
    identity = sha256(text.encode()).hexdigest()
    return ImageSet(files.store, files.labels, classes=classes, facts=facts, identity=identity)


def _place(facts: DataFacts, root: Path, part: str) -> Place:
    for place in (root, root / facts.name):
        if place.is_dir() and (found := split_place(place, _NAMES[part])) is not None:
            return found
    folders = " or ".join(f"{name}/" for name in _NAMES[part])
    rule = f"{folders} in {root}, with a folder a class (n01440764/ and so on)"
    raise value_fault("root", rule, "none", "Check the path, and unpack the archives there.")


def _listed(root: Path) -> tuple[str, ...] | None:
    """The classes that a list names: the first word of every line; None where there is no list."""
    for place in (root, root / "imagenet100"):
        for name in CLASS_LISTS:
            if (place / name).is_file():
                lines = (place / name).read_text().splitlines()
                return tuple(sorted({line.split()[0] for line in lines if line.strip()}))
    return None
