"""Tiny data sets in the layouts that the real ones are published in: `write_layout(name, root)`.

A class has a colour of its own, with noise, so that an encoder can tell classes apart. Files of CIFAR and STL-10 have other
checksums than the published ones: `Layout.accept(monkeypatch)` puts theirs into torchvision's lists.
"""

from __future__ import annotations

import colorsys
import hashlib
import io
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

__all__ = ["LAYOUTS", "Layout", "jpeg", "write_class_folders", "write_layout", "write_zip"]


@dataclass(frozen=True)
class Layout:
    """A data set on disk.

    Attributes:
        data: Its name, for ``open_images`` and ``--data``.
        root: For ``root=`` and ``--root``.
        classes: Number of classes.
        counts: Number of images by split.
        checksums: Lists of torchvision's classes that state checksums, with what they must state instead.
    """

    data: str
    root: Path
    classes: int
    counts: dict[str, int]
    checksums: tuple[tuple[str, str, object], ...] = ()

    def accept(self, monkeypatch: pytest.MonkeyPatch) -> Layout:
        """Have torchvision take these files for the published ones, until the test ends."""
        for owner, name, value in self.checksums:
            monkeypatch.setattr(f"torchvision.datasets.{owner}.{name}", value)
        return self


def write_layout(name: str, root: Path, *, per_class: int = 3, test_per_class: int = 2) -> Layout:
    """Write a data set of a name, with so many images a class (at least), below ``root``."""
    root.mkdir(parents=True, exist_ok=True)
    return LAYOUTS[name](root, per_class, test_per_class)


def pixels(label: int, classes: int, count: int, size: int, seed: int = 0) -> np.ndarray:
    """Images of a class, ``(count, size, size, 3)`` uint8."""
    generator = np.random.default_rng([seed, label])
    colour = 255 * np.array(colorsys.hsv_to_rgb(label / classes, 0.8, 0.9))
    return np.clip(colour + generator.normal(0, 30, (count, size, size, 3)), 0, 255).astype(np.uint8)


def jpeg(image: np.ndarray) -> bytes:
    """An image as the bytes of a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def write_class_folders(
    folder: Path, classes: list[str], per_class: int, *, size: int, seed: int = 0, inside: str = ""
) -> int:
    """One folder a class, of JPEGs; returns the number of images."""
    for label, name in enumerate(classes):
        place = folder / name / inside
        place.mkdir(parents=True)
        for number, image in enumerate(pixels(label, len(classes), per_class, size, seed)):
            (place / f"{name}_{number}.JPEG").write_bytes(jpeg(image))
    return len(classes) * per_class


def write_zip(folder: Path, path: Path) -> Path:
    """A folder's files as a zip, with entries for its folders."""
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def _labelled(classes: int, per_class: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images ``(n, size, size, 3)`` and labels in a fixed order that mixes the classes."""
    images = np.concatenate([pixels(label, classes, per_class, size, seed) for label in range(classes)])
    labels = np.repeat(np.arange(classes), per_class)
    order = np.random.default_rng(seed).permutation(len(labels))
    return images[order], labels[order]


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def _cifar(name: str, root: Path, per_class: int, test_per_class: int) -> Layout:
    ten = name == "cifar10"
    classes = 10 if ten else 100
    folder = root / ("cifar-10-batches-py" if ten else "cifar-100-python")
    folder.mkdir()
    key = "labels" if ten else "fine_labels"

    def write(file: str, images: np.ndarray, labels: np.ndarray) -> list[str]:
        rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        (folder / file).write_bytes(pickle.dumps({"data": rows, key: labels.tolist()}, protocol=2))
        return [file, _md5(folder / file)]

    images, labels = _labelled(classes, per_class, 32, seed=0)
    files = [f"data_batch_{number}" for number in range(1, 6)] if ten else ["train"]
    parts = np.array_split(np.arange(len(labels)), len(files))
    train = [write(file, images[part], labels[part]) for file, part in zip(files, parts, strict=True)]
    test = [write("test_batch" if ten else "test", *_labelled(classes, test_per_class, 32, seed=1))]
    meta = folder / ("batches.meta" if ten else "meta")
    names = "label_names" if ten else "fine_label_names"
    meta.write_bytes(pickle.dumps({names: [f"class{label}" for label in range(classes)]}, protocol=2))
    stated = {"filename": meta.name, "key": names, "md5": _md5(meta)}
    owner = "CIFAR10" if ten else "CIFAR100"
    return Layout(
        name,
        root,
        classes,
        {"train": len(labels), "test": classes * test_per_class},
        ((owner, "train_list", train), (owner, "test_list", test), (owner, "meta", stated)),
    )


def _stl10(root: Path, per_class: int, test_per_class: int) -> Layout:
    folder = root / "stl10_binary"
    folder.mkdir()

    def write(part: str, images: np.ndarray, labels: np.ndarray | None) -> list[list[str]]:
        # Channel by channel, and each column by column.
        (folder / f"{part}_X.bin").write_bytes(images.transpose(0, 3, 2, 1).tobytes())
        if labels is not None:
            (folder / f"{part}_y.bin").write_bytes((labels + 1).astype(np.uint8).tobytes())
        files = [f"{part}_X.bin"] + ([f"{part}_y.bin"] if labels is not None else [])
        return [[file, _md5(folder / file)] for file in files]

    train = write("train", *_labelled(10, per_class, 96, seed=0))
    test = write("test", *_labelled(10, test_per_class, 96, seed=1))
    unlabelled, _ = _labelled(10, 2 * per_class, 96, seed=2)
    train += write("unlabeled", unlabelled, None)
    (folder / "class_names.txt").write_text("\n".join(f"class{label}" for label in range(10)) + "\n")
    (folder / "fold_indices.txt").write_text("0\n" * 10)
    counts = {"train": 10 * per_class, "test": 10 * test_per_class, "unlabelled": len(unlabelled)}
    counts["train+unlabelled"] = counts["train"] + counts["unlabelled"]
    return Layout("stl10", root, 10, counts, (("STL10", "train_list", train), ("STL10", "test_list", test)))


def _fashion_mnist(root: Path, per_class: int, test_per_class: int) -> Layout:
    folder = root / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for part, count, seed in (("train", per_class, 0), ("t10k", test_per_class, 1)):
        images, labels = _labelled(10, count, 28, seed)
        grey = images[..., 0]
        header = struct.pack(">IIII", 2051, len(grey), 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + grey.tobytes())
        header = struct.pack(">II", 2049, len(labels))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(header + labels.astype(np.uint8).tobytes())
    return Layout("fashion-mnist", root, 10, {"train": 10 * per_class, "test": 10 * test_per_class})


def _synsets(count: int) -> list[str]:
    return [f"n{1440764 + 7 * number:08d}" for number in range(count)]


def _tiny_imagenet(root: Path, per_class: int, test_per_class: int) -> Layout:
    top = root / "tiny-imagenet-200"
    synsets = _synsets(200)
    train = write_class_folders(top / "train", synsets, per_class, size=64, inside="images")
    for name in synsets:
        boxes = "".join(f"{name}_{number}.JPEG\t0\t0\t63\t63\n" for number in range(per_class))
        (top / "train" / name / f"{name}_boxes.txt").write_text(boxes)
    images, labels = _labelled(200, test_per_class, 64, seed=1)
    (top / "val" / "images").mkdir(parents=True)
    rows = []
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (top / "val" / "images" / f"val_{number}.JPEG").write_bytes(jpeg(image))
        rows.append(f"val_{number}.JPEG\t{synsets[label]}\t0\t0\t63\t63\n")
    (top / "val" / "val_annotations.txt").write_text("".join(rows))
    (top / "test" / "images").mkdir(parents=True)
    (top / "test" / "images" / "test_0.JPEG").write_bytes(jpeg(images[0]))
    (top / "wnids.txt").write_text("\n".join(reversed(synsets)) + "\n")
    (top / "words.txt").write_text("".join(f"{name}\tthing {name}\n" for name in synsets))
    return Layout("tiny-imagenet", root, 200, {"train": train, "test": len(labels)})


def _imagenet(name: str, count: int) -> Callable[[Path, int, int], Layout]:
    def write(root: Path, per_class: int, test_per_class: int) -> Layout:
        synsets = _synsets(count)
        train = write_class_folders(root / "train", synsets, per_class, size=48)
        test = write_class_folders(root / "val", synsets, test_per_class, size=48, seed=1)
        return Layout(name, root, count, {"train": train, "test": test})

    return write


LAYOUTS: dict[str, Callable[[Path, int, int], Layout]] = {
    "cifar10": lambda *given: _cifar("cifar10", *given),
    "cifar100": lambda *given: _cifar("cifar100", *given),
    "stl10": _stl10,
    "tiny-imagenet": _tiny_imagenet,
    "imagenet100": _imagenet("imagenet100", 100),
    "imagenet": _imagenet("imagenet", 1000),
    "fashion-mnist": _fashion_mnist,
}
