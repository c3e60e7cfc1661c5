"""CIFAR, STL-10 and Fashion-MNIST in the files they are published in, through torchvision."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from gramian.itl._errors import value_fault
from gramian.ssl._data.class_folders import open_class_folders
from gramian.ssl._data.facts import DataFacts, Split
from gramian.ssl._data.image_set import ImageSet
from gramian.ssl._data.stores import JoinedStore, PixelStore, PlaneStore

__all__ = ["open_cifar", "open_fashion_mnist", "open_stl10"]

_BORDER = 2


def open_cifar(facts: DataFacts, root: Path, split: Split, download: bool) -> ImageSet:
    """CIFAR-10 or CIFAR-100: the Python version's pickles, opened after their checksums; or images in class folders."""
    from torchvision.datasets import CIFAR10, CIFAR100

    reader = CIFAR100 if facts.name == "cifar100" else CIFAR10
    own = root.name == reader.base_folder
    place = root.parent if own else root
    if download:
        _download(facts, reader, place)
    if not (place / reader.base_folder).is_dir():
        return _as_folders(facts, root, split, expected=_cifar_files(reader))
    meta = (reader.meta["filename"], reader.meta["md5"])
    _check_files(place / reader.base_folder, [*reader.train_list, *reader.test_list, meta])
    opened = reader(place, train=split == "train")
    return _pixels(facts, opened.data, opened.targets, opened.classes, split)


def open_stl10(facts: DataFacts, root: Path, split: Split, download: bool) -> ImageSet:
    """STL-10's binary files, mapped after their checksums; or images in class folders."""
    from torchvision.datasets import STL10

    place = root.parent if root.name == STL10.base_folder else root
    if download:
        _download(facts, STL10, place)
    folder = place / STL10.base_folder
    if not folder.is_dir():
        expected = f"{STL10.base_folder}/ with train_X.bin, train_y.bin, test_X.bin, test_y.bin, unlabeled_X.bin"
        return _as_folders(facts, root, split, expected=expected)
    sums = dict(map(tuple, STL10.train_list + STL10.test_list))
    needed = [
        name
        for part in split.split("+")
        for name in {"train": ("train_X.bin", "train_y.bin"), "test": ("test_X.bin", "test_y.bin")}.get(
            part, ("unlabeled_X.bin",)
        )
    ]
    _check_files(folder, [(name, sums[name]) for name in needed])
    stores, labels = [], []
    for part in split.split("+"):
        name = "unlabeled" if part == "unlabelled" else part
        store = PlaneStore(folder / f"{name}_X.bin", side=96)
        stores.append(store)
        if part == "unlabelled":
            labels.append(np.full(len(store), -1, dtype=np.int64))
        else:
            labels.append(np.fromfile(folder / f"{name}_y.bin", dtype=np.uint8).astype(np.int64) - 1)
    listed = folder / STL10.class_names_file
    classes = listed.read_text().split() if listed.is_file() else [str(number) for number in range(1, 11)]
    identity = sha256("\0".join([facts.name, split, *(sums[name] for name in needed)]).encode()).hexdigest()
    joined = JoinedStore(stores) if len(stores) > 1 else stores[0]
    return ImageSet(joined, np.concatenate(labels), classes=classes, facts=facts, identity=identity)


def open_fashion_mnist(facts: DataFacts, root: Path, split: Split, download: bool) -> ImageSet:
    """Fashion-MNIST's four files, unpacked, with a border of two black pixels; or images in class folders."""
    from torchvision.datasets import FashionMNIST

    names = [Path(name).stem for name, _ in FashionMNIST.resources]
    place = root.parent.parent if (root.name, root.parent.name) == ("raw", "FashionMNIST") else root
    folder = place / "FashionMNIST" / "raw"
    if download:
        _download(facts, FashionMNIST, place)
    if not folder.is_dir():
        expected = f"FashionMNIST/raw/ with {', '.join(names)} (unpacked)"
        return _as_folders(facts, root, split, expected=expected)
    _check_files(folder, [(name, None) for name in names])
    try:
        opened = FashionMNIST(place, train=split == "train")
        pixels, labels = opened.data.numpy(), opened.targets.numpy()
    except (AssertionError, ValueError, RuntimeError) as error:
        got = f"damaged ones in {folder} ({' '.join(str(error).split()) or type(error).__name__})"
        raise value_fault("root", f"the whole files of {facts.name}", got, "Unpack them again.") from error
    if pixels.shape[1:] != (28, 28) or len(pixels) != len(labels):
        got = f"{pixels.shape} and {labels.shape} in {folder}"
        raise value_fault("root", "images of 28 x 28 with a label each", got, "Unpack the files again.")
    padded = np.pad(pixels, ((0, 0), (_BORDER, _BORDER), (_BORDER, _BORDER)))
    return _pixels(facts, padded, labels, opened.classes, split)


def _pixels(facts: DataFacts, pixels: Any, labels: Any, classes: Any, split: Split) -> ImageSet:
    pixels = np.ascontiguousarray(pixels, dtype=np.uint8)
    labels = np.asarray(labels, dtype=np.int64)
    digest = sha256(f"{facts.name}\0{split}\0".encode())
    digest.update(labels.astype("<i8").tobytes())
    digest.update(pixels)
    return ImageSet(PixelStore(pixels), labels, classes=classes, facts=facts, identity=digest.hexdigest())


def _download(facts: DataFacts, reader: Any, place: Path) -> None:
    """Have torchvision fetch what is missing; nothing, where all is there."""
    try:
        reader(place, download=True)
    except (OSError, RuntimeError) as error:
        source = getattr(reader, "url", None) or reader.mirrors[0]
        got = " ".join(str(error).split()) or type(error).__name__
        remedy = f"Fetch it by other means, and unpack it in {place}."
        raise value_fault("download", f"{facts.name} from {source}", got, remedy) from error


def _check_files(folder: Path, files: Any) -> None:
    """Name the first file that is missing or differs from what was published; torchvision says only that one does."""
    from torchvision.datasets.utils import check_integrity

    for name, checksum in files:
        if not (folder / name).is_file():
            wanted = ", ".join(name for name, _ in files)
            raise value_fault("root", f"{wanted} in {folder}", f"no {name}", "Unpack the archive again.")
        if not check_integrity(str(folder / name), checksum):
            got = f"another one, {folder / name}"
            raise value_fault("root", "a file with its published checksum", got, "Download and unpack it again.")


def _as_folders(facts: DataFacts, root: Path, split: Split, *, expected: str) -> ImageSet:
    """The same data set as images in class folders below ``train`` and ``test``."""
    for place in (root, root / facts.name):
        if (place / "train").is_dir() or (place / "train.zip").is_file():
            return open_class_folders(place, split, facts=facts)
    rule = f"{expected} in {root}; or folders (or zips) train and test with a folder a class"
    raise value_fault("root", rule, "neither", "Check the path, or download it with download=True.")


def _cifar_files(reader: Any) -> str:
    return f"{reader.base_folder}/ with {', '.join(name for name, _ in reader.train_list + reader.test_list)}"
