"""Data sets by name or path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gramian.itl._errors import value_fault
from gramian.ssl._data.class_folders import open_class_folders
from gramian.ssl._data.decoding import require_ssl_extra
from gramian.ssl._data.facts import DATA_FACTS, SPLITS, DataFacts, Split, data_facts
from gramian.ssl._data.image_set import ImageSet
from gramian.ssl._data.imagenet import open_imagenet
from gramian.ssl._data.published import open_cifar, open_fashion_mnist, open_stl10
from gramian.ssl._data.tiny_imagenet import open_tiny_imagenet

__all__ = ["open_images"]

_READERS: dict[str, Callable[[DataFacts, Path, Split, bool], ImageSet]] = {
    "cifar10": open_cifar,
    "cifar100": open_cifar,
    "stl10": open_stl10,
    "fashion-mnist": open_fashion_mnist,
    "tiny-imagenet": open_tiny_imagenet,
    "imagenet100": open_imagenet,
    "imagenet": open_imagenet,
}


def open_images(
    data: str | Path, *, root: str | Path | None = None, split: Split = "train", download: bool = False
) -> ImageSet:
    """A data set, by its name or by the path of an image folder or a zip of one.

    The layouts on disk are those the data sets are published in; the guide lists them. A path holds one folder a class, or
    images straight in it, which then have no labels; with folders (or zips) ``train`` and ``test`` in it, those are its splits.

    Args:
        data: ``cifar10``, ``cifar100``, ``stl10``, ``tiny-imagenet``, ``imagenet100``, ``imagenet``, ``fashion-mnist``, or a path.
        root: Folder that holds the data set of a name, or its own folder; paths need none.
        split: ``train``, ``test``, ``unlabelled`` or ``train+unlabelled``. Where the labels of a test split are not published
            (ImageNet, Tiny-ImageNet) ``test`` is the validation split, as in the papers.
        download: Whether torchvision may download the data set into ``root`` where it is missing: CIFAR, STL-10 and
            Fashion-MNIST.

    Returns:
        The images. CIFAR's pickles and STL-10's files are read only after their published checksums.

    Raises:
        ValueError: An unknown name, a split that the data set lacks, or files that are not laid out as expected.
        DamagedImageError: An image that cannot be read, at the latest when it is asked for.
        ImportError: The extra ``ssl`` is not installed.

    Cost: names and labels only; CIFAR and Fashion-MNIST are read into memory.
    """
    require_ssl_extra()
    if split not in SPLITS:
        raise value_fault("split", f"one of {', '.join(SPLITS)}", repr(split), "Check the spelling.")
    if str(data) not in DATA_FACTS and _looks_like_path(data):
        if download:
            raise value_fault("download", "the name of a data set", f"a path, {data}", "Give a path that exists.")
        return open_class_folders(Path(data).expanduser(), split)
    facts = data_facts(str(data))
    if split not in facts.splits:
        remedy = "Of these data sets only stl10 has unlabelled images."
        raise value_fault("split", f"one of {', '.join(facts.splits)} for {facts.name}", split, remedy)
    if root is None:
        raise value_fault("root", f"the folder that holds {facts.name}", "none", "Give root=, or --root DIR.")
    place = Path(root).expanduser()
    if not place.is_dir() and not download:
        raise value_fault(
            "root", f"the folder that holds {facts.name}", f"{place}, which is no folder", "Check the path."
        )
    return _READERS[facts.name](facts, place, split, download)


def _looks_like_path(data: str | Path) -> bool:
    """A path that exists, or one that was meant as such: its error should name the path, not the data sets."""
    text = str(data)
    return isinstance(data, Path) or Path(text).expanduser().exists() or "/" in text or text.lower().endswith(".zip")
