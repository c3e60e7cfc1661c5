"""Data sets of a name open from their published layouts, with the right pixels, labels and classes."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gramian.ssl._data import DATA_FACTS, open_images
from tests.ssl.data._layouts import LAYOUTS, write_class_folders, write_layout, write_zip

SMALL = {"per_class": 1, "test_per_class": 1}


@pytest.fixture(scope="module", params=[name for name in LAYOUTS if name != "imagenet"])
def layout(request, tmp_path_factory):
    return write_layout(request.param, tmp_path_factory.mktemp(request.param), per_class=2, test_per_class=1)


def dominant_hue(image: Image.Image) -> float:
    """Hue of the mean colour, 0 to 1: what the layouts tell classes by."""
    mean = np.asarray(image, dtype=float).mean(axis=(0, 1)).round().astype(np.uint8)
    return Image.fromarray(mean.reshape(1, 1, 3)).convert("HSV").getpixel((0, 0))[0] / 255


def test_every_split_of_every_layout_has_its_images_labels_and_classes(layout, monkeypatch):
    layout.accept(monkeypatch)
    for split, count in layout.counts.items():
        images = open_images(layout.data, root=layout.root, split=split)
        assert len(images) == count
        assert images.facts == DATA_FACTS[layout.data]
        assert len(images.classes) == layout.classes
        labelled = images.labels[images.labels >= 0]
        if split != "unlabelled":
            assert np.array_equal(np.unique(labelled), np.arange(layout.classes))
        image, label = images[count - 1]
        assert image.mode == "RGB"
        assert label == images.labels[count - 1]


def test_images_come_with_their_own_labels(layout, monkeypatch):
    if layout.data == "fashion-mnist":
        pytest.skip("grey images have no hue to tell classes by")
    layout.accept(monkeypatch)
    for split in ("train", "test"):
        images = open_images(layout.data, root=layout.root, split=split)
        for index in range(0, len(images), max(1, len(images) // 20)):
            image, label = images[index]
            distance = abs(dominant_hue(image) - label / layout.classes)
            # Classes lie 1 / 200 of the circle apart at the closest; noise and JPEG move a mean hue by about as much.
            assert min(distance, 1 - distance) < 0.03


def test_unlabelled_images_of_stl10_have_label_minus_one_and_come_last(tmp_path, monkeypatch):
    layout = write_layout("stl10", tmp_path, **SMALL).accept(monkeypatch)
    both = open_images("stl10", root=tmp_path, split="train+unlabelled")
    assert (both.labels[10:] == -1).all()
    assert (both.labels[:10] >= 0).all()
    assert both.facts.pretraining_split == "train+unlabelled"
    unlabelled = open_images("stl10", root=tmp_path, split="unlabelled")
    assert np.array_equal(np.asarray(both[10][0]), np.asarray(unlabelled[0][0]))
    assert len(both) == layout.counts["train+unlabelled"]


@pytest.mark.parametrize(("split", "theirs"), [("train", "train"), ("test", "test"), ("unlabelled", "unlabeled")])
def test_stl10_is_what_torchvision_reads(tmp_path, monkeypatch, split, theirs):
    from torchvision.datasets import STL10

    write_layout("stl10", tmp_path, **SMALL).accept(monkeypatch)
    images = open_images("stl10", root=tmp_path, split=split)
    reference = STL10(tmp_path, split=theirs)
    assert len(images) == len(reference)
    for index in range(len(images)):
        image, label = reference[index]
        assert np.array_equal(np.asarray(images[index][0]), np.asarray(image))
        assert images[index][1] == label


def test_fashion_mnist_has_two_black_pixels_around_its_images(tmp_path):
    from torchvision.datasets import FashionMNIST

    write_layout("fashion-mnist", tmp_path, **SMALL)
    images = open_images("fashion-mnist", root=tmp_path)
    inner, label = FashionMNIST(tmp_path)[3]
    pixels = np.asarray(images[3][0])
    assert pixels.shape == (32, 32, 3)
    assert np.array_equal(pixels[2:30, 2:30, 1], np.asarray(inner))
    assert pixels.sum() == 3 * np.asarray(inner, dtype=int).sum()
    assert images[3][1] == label


def test_facts_of_padded_fashion_mnist_are_its_moments():
    """A border of zeros around values of mean m and deviation s: both moments shrink by the share of the area."""
    facts = DATA_FACTS["fashion-mnist"]
    inner = np.concatenate([np.full(28 * 28 // 2, 0.2860 - 0.3530), np.full(28 * 28 // 2, 0.2860 + 0.3530)])
    padded = np.concatenate([inner, np.zeros(32 * 32 - 28 * 28)])
    assert facts.mean[0] == pytest.approx(padded.mean(), rel=1e-12)
    assert facts.std[0] == pytest.approx(padded.std(), rel=1e-12)


@pytest.mark.slow
def test_imagenet_opens_from_a_folder_a_synset(tmp_path):
    write_layout("imagenet", tmp_path, **SMALL)
    for split in ("train", "test"):
        images = open_images("imagenet", root=tmp_path, split=split)
        assert len(images) == len(images.classes) == 1000


def test_imagenet100_is_the_classes_that_a_list_names_of_a_larger_set(tmp_path):
    synsets = [f"n{number:08d}" for number in range(103)]
    for part in ("train", "val"):
        write_class_folders(tmp_path / part, synsets, 1, size=8)
    (tmp_path / "imagenet100.txt").write_text("".join(f"{name} some words\n" for name in synsets[3:]))
    for split in ("train", "test"):
        images = open_images("imagenet100", root=tmp_path, split=split)
        assert images.classes == tuple(synsets[3:])
        assert len(images) == 100
    (tmp_path / "imagenet100.txt").unlink()
    with pytest.raises(ValueError, match=r"100 class folders for training in .*or a file imagenet100.txt.*; got 103"):
        open_images("imagenet100", root=tmp_path)


def test_imagenet100_opens_from_folders_in_several_parts(tmp_path):
    """As one distribution has it: the classes spread over train.X1 to train.X4, and val.X."""
    synsets = [f"n{number:08d}" for number in range(100)]
    for number in range(4):
        write_class_folders(tmp_path / f"train.X{number + 1}", synsets[number::4], 1, size=8)
    write_class_folders(tmp_path / "val.X", synsets, 1, size=8)
    train, test = (open_images("imagenet100", root=tmp_path, split=split) for split in ("train", "test"))
    assert train.classes == test.classes == tuple(synsets)
    for images in (train, test):
        assert all(images.name(index).split("/")[1] == synsets[images.labels[index]] for index in range(100))
    write_class_folders(tmp_path / "train.X1", [synsets[1]], 1, size=8)
    with pytest.raises(
        ValueError, match=r"root: expected every class in one folder; got .*train.X1/.* and .*train.X2/"
    ):
        open_images("imagenet100", root=tmp_path)


def test_tiny_imagenet_opens_from_its_zip(tmp_path):
    layout = write_layout("tiny-imagenet", tmp_path / "loose", **SMALL)
    write_zip(layout.root, tmp_path / "tiny-imagenet-200.zip")
    for split in ("train", "test"):
        loose, packed = (open_images("tiny-imagenet", root=root, split=split) for root in (layout.root, tmp_path))
        assert np.array_equal(loose.labels, packed.labels)
        assert np.array_equal(np.asarray(loose[7][0]), np.asarray(packed[7][0]))


def test_a_root_may_be_the_data_sets_own_folder(tmp_path, monkeypatch):
    write_layout("cifar10", tmp_path / "a", **SMALL).accept(monkeypatch)
    write_layout("tiny-imagenet", tmp_path / "b", **SMALL)
    write_layout("fashion-mnist", tmp_path / "c", **SMALL)
    assert len(open_images("cifar10", root=tmp_path / "a" / "cifar-10-batches-py")) == 10
    assert len(open_images("tiny-imagenet", root=tmp_path / "b" / "tiny-imagenet-200")) == 200
    assert len(open_images("fashion-mnist", root=tmp_path / "c" / "FashionMNIST" / "raw")) == 10


def test_cifar10_opens_as_zips_of_class_folders(tmp_path):
    names = sorted(["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"])
    for part in ("train", "test"):
        write_class_folders(tmp_path / part, names, 1, size=32)
        write_zip(tmp_path / part, tmp_path / f"{part}.zip")
    for part in ("train", "test"):
        for folder in sorted((tmp_path / part).rglob("*"), reverse=True):
            folder.rmdir() if folder.is_dir() else folder.unlink()
        (tmp_path / part).rmdir()
    images = open_images("cifar10", root=tmp_path, split="test")
    assert images.classes == tuple(names)
    assert images.facts == DATA_FACTS["cifar10"]


def test_the_real_cifar10_zips_open_with_ten_equal_classes():
    given = os.environ.get("GRAMIAN_TEST_DATA")
    if not given or not (Path(given) / "cifar10" / "test.zip").is_file():
        pytest.skip("GRAMIAN_TEST_DATA has no cifar10")
    images = open_images("cifar10", root=given, split="test")
    assert np.array_equal(np.bincount(images.labels), np.full(10, 1000))
    assert (images.classes[0], images.classes[9]) == ("airplane", "truck")
    some = images.subset(100, seed=0)
    values = torch.tensor(np.stack([np.asarray(some[index][0]) for index in range(100)])) / 255
    # The published mean, within what 100 images of one standard deviation of about 0.2 leave open.
    assert values.mean(dim=(0, 1, 2)).tolist() == pytest.approx(images.facts.mean, abs=0.05)


def test_data_sets_of_equal_content_have_equal_identities_and_others_differ(layout, tmp_path, monkeypatch):
    layout.accept(monkeypatch)
    train, again = (open_images(layout.data, root=layout.root) for _ in range(2))
    test = open_images(layout.data, root=layout.root, split="test")
    assert train.identity == again.identity != test.identity
    other = write_layout(layout.data, tmp_path, per_class=3, test_per_class=1).accept(monkeypatch)
    assert open_images(layout.data, root=other.root).identity != train.identity
