"""Image sets: folders and zips, subsets, caches."""

import multiprocessing
import os
import pickle
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from gramian.ssl._data import ImageSet, data_facts, open_images
from gramian.ssl._data.stores import PackedNames, PixelStore
from gramian.ssl._data.trees import open_tree
from tests.ssl.data._layouts import jpeg, pixels, write_class_folders, write_layout, write_zip


@pytest.fixture
def folders(tmp_path):
    write_class_folders(tmp_path / "set" / "train", ["cat", "dog", "fox"], 4, size=40)
    write_class_folders(tmp_path / "set" / "val", ["cat", "dog", "fox"], 2, size=40, seed=1)
    return tmp_path / "set"


def numbered(counts, facts=None):
    """A set whose image i has the value i, with so many images a class."""
    n = sum(counts)
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    store = PixelStore(np.broadcast_to(np.arange(n, dtype=np.uint8).reshape(-1, 1, 1), (n, 2, 2)).copy())
    classes = [str(label) for label in range(len(counts))]
    return ImageSet(store, labels, classes=classes, facts=facts or data_facts("cifar10"), identity="x")


def values(images):
    return [images[index][0].getpixel((0, 0))[0] for index in range(len(images))]


def test_a_folder_with_splits_has_the_classes_of_its_training_split(folders):
    train, test = open_images(folders), open_images(folders, split="test")
    assert train.classes == test.classes == ("cat", "dog", "fox")
    assert train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert test.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert train.facts.splits == ("train", "test")
    assert train.name(5) == "train/dog/dog_1.JPEG"


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_zip_of_a_folder_is_that_folder(folders, tmp_path, wrapped):
    """Also one that holds the folder itself, as file managers pack it."""
    packed = write_zip(folders.parent if wrapped else folders, tmp_path / "packed.zip")
    for split in ("train", "test"):
        loose, zipped = open_images(folders, split=split), open_images(packed, split=split)
        assert loose.classes == zipped.classes
        assert np.array_equal(loose.labels, zipped.labels)
        assert all(
            np.array_equal(np.asarray(loose[index][0]), np.asarray(zipped[index][0])) for index in range(len(loose))
        )


def test_images_straight_in_a_folder_have_no_labels(tmp_path):
    for number, image in enumerate(pixels(0, 1, 3, 100)):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(image))
    (tmp_path / ".hidden.jpg").write_bytes(b"")
    images = open_images(tmp_path)
    assert images.labels.tolist() == [-1, -1, -1]
    assert images.classes == ()
    assert images.facts.classes == 0


def test_unlabelled_images_lie_beside_the_training_split(folders):
    write_class_folders(folders / "unlabelled", ["a"], 3, size=40)
    both = open_images(folders, split="train+unlabelled")
    assert both.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [-1] * 3
    assert both.facts.pretraining_split == "train+unlabelled"
    assert both.name(13) == "unlabelled/a/a_1.JPEG"
    assert np.array_equal(np.asarray(both.cached()[13][0]), np.asarray(both[13][0]))


@pytest.mark.parametrize(
    ("side", "size", "stem"),
    [(20, 32, "cifar"), (40, 32, "cifar"), (64, 64, "imagenet"), (100, 96, "imagenet"), (300, 224, "imagenet")],
)
def test_the_size_of_a_folder_is_the_largest_that_its_images_fill(tmp_path, side, size, stem):
    write_class_folders(tmp_path, ["a", "b"], 1, size=side)
    facts = open_images(tmp_path).facts
    assert (facts.size, facts.stem, facts.classes) == (size, stem, 2)


def test_modes_other_than_rgb_become_rgb(tmp_path):
    for mode in ("L", "RGBA", "P", "CMYK"):
        suffix = "tif" if mode == "CMYK" else "png"
        Image.new("RGB", (40, 40), (200, 30, 60)).convert(mode).save(tmp_path / f"{mode}.{suffix}")
    images = open_images(tmp_path)
    assert {images[index][0].mode for index in range(4)} == {"RGB"}


def test_a_subset_holds_every_class_in_proportion():
    images = numbered([40, 40, 20, 100])
    for n in (5, 17, 100):
        part = images.subset(n, seed=0)
        assert len(part) == n
        for label, count in enumerate([40, 40, 20, 100]):
            # Within one image of the exact share.
            assert abs((part.labels == label).sum() - n * count / 200) <= 1


def test_subsets_of_one_seed_are_nested_and_of_others_differ():
    images = numbered([60, 60, 30])
    sizes = (1, 7, 50, 149, 150)
    parts = [set(values(images.subset(n, seed=3))) for n in sizes]
    assert all(smaller < larger for smaller, larger in pairwise(parts))
    assert parts[2] != set(values(images.subset(50, seed=4)))
    assert values(images.subset(150, seed=3)) == list(range(150))


def test_a_subset_keeps_labels_names_and_order_of_the_whole(folders):
    images = open_images(folders)
    part = images.subset(6, seed=1)
    assert [part.name(index) for index in range(6)] == sorted(part.name(index) for index in range(6))
    assert all(part.name(index).split("/")[1] == part.classes[part[index][1]] for index in range(6))
    assert Counter(part.labels.tolist()) == {0: 2, 1: 2, 2: 2}
    again = part.subset(3, seed=0)
    assert {again.name(index) for index in range(3)} <= {part.name(index) for index in range(6)}


def test_identities_tell_subsets_apart_and_do_not_depend_on_the_cache(folders):
    images = open_images(folders)
    assert images.subset(6, seed=1).identity == open_images(folders).subset(6, seed=1).identity
    assert len({images.identity, *(images.subset(6, seed=seed).identity for seed in range(3))}) == 4
    assert images.cached().identity == images.identity


def test_the_identity_of_a_folder_sees_another_size_and_of_a_zip_another_content(folders, tmp_path):
    before = open_images(folders).identity
    file = folders / "train" / "dog" / "dog_1.JPEG"
    whole = file.read_bytes()
    file.write_bytes(whole + b"a")
    assert open_images(folders).identity != before
    packed = open_images(write_zip(folders, tmp_path / "a.zip")).identity
    file.write_bytes(whole + b"b")
    assert open_images(write_zip(folders, tmp_path / "a.zip")).identity != packed


@pytest.mark.parametrize("n", [0, 151, -1])
def test_a_subset_larger_than_the_set_or_empty_is_refused(n):
    with pytest.raises(ValueError, match="subset: expected between 1 and 150 images; got"):
        numbered([150]).subset(n)


@pytest.mark.parametrize("n", [1.5, True, "10"])
def test_a_subset_of_no_whole_number_is_refused(n):
    with pytest.raises(TypeError, match="subset: expected a whole number of images"):
        numbered([150]).subset(n)


def test_a_cached_set_has_the_same_images_and_reads_no_file_again(folders):
    images = open_images(folders)
    cached = images.cached()
    assert cached is images.cached()
    assert cached is cached.cached()
    before = [np.asarray(images[index][0]) for index in range(len(images))]
    names = [images.name(index) for index in range(len(images))]
    for file in folders.rglob("*.JPEG"):
        file.unlink()
    assert all(np.array_equal(np.asarray(cached[index][0]), before[index]) for index in range(len(images)))
    assert [cached.name(index) for index in range(len(images))] == names
    assert np.array_equal(cached.labels, images.labels)


def test_sets_over_the_limit_or_of_several_shapes_stay_on_the_disk(folders):
    images = open_images(folders)
    assert images.cached(limit=12 * 40 * 40 * 3 - 1) is images
    assert open_images(folders).cached(limit=12 * 40 * 40 * 3) is not images
    (folders / "train" / "cat" / "large.jpg").write_bytes(jpeg(pixels(0, 1, 1, 64)[0]))
    mixed = open_images(folders)
    assert mixed.cached() is mixed


def test_an_index_beyond_the_set_raises_and_negative_ones_count_from_the_end():
    images = numbered([30])
    assert values(images)[-1] == images[-1][0].getpixel((0, 0))[0] == 29
    for index in (30, -31):
        with pytest.raises(IndexError):
            images[index]


def test_labels_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        numbered([3]).labels[0] = 2


def _last_image(images):
    return np.asarray(images[len(images) - 1][0])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_sets_in_zips_and_mapped_files_can_be_read_in_other_processes(tmp_path, monkeypatch, method):
    if method == "spawn":
        pytest.importorskip("torchvision")
    write_class_folders(tmp_path / "train", ["a", "b"], 2, size=33)
    packed = open_images(write_zip(tmp_path / "train", tmp_path / "train.zip"))
    write_layout("stl10", tmp_path / "stl", per_class=1, test_per_class=1).accept(monkeypatch)
    mapped = open_images("stl10", root=tmp_path / "stl")
    expected = [_last_image(images) for images in (packed, mapped)]  # opened here first: a fork shares what is open
    assert len(pickle.dumps(mapped)) < 10_000
    with multiprocessing.get_context(method).Pool(1) as pool:
        for images, image in zip((packed, mapped), expected, strict=True):
            assert np.array_equal(pool.apply_async(_last_image, (images,)).get(timeout=120), image)


def test_a_forked_process_does_not_move_its_parents_place_in_a_zip(tmp_path):
    """Two processes that share a place read each other's bytes; each must have a file of its own."""
    write_class_folders(tmp_path / "train", ["a", "b"], 8, size=33)
    tree = open_tree(write_zip(tmp_path / "train", tmp_path / "train.zip"))
    first, *_, last = tree.images()
    tree.read(first)
    descriptor = tree._archive().fp.fileno()
    before = os.lseek(descriptor, 0, os.SEEK_CUR)
    process = multiprocessing.get_context("fork").Process(target=tree.read, args=(last,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert os.lseek(descriptor, 0, os.SEEK_CUR) == before


def test_packed_names_are_a_sequence_of_strings():
    names = ["a", "", "naïve", "folder/äöü.jpg"]
    packed = PackedNames(names)
    assert list(packed) == names
    assert packed[-1] == names[-1]
    assert packed[1:3] == names[1:3]
    with pytest.raises(IndexError):
        packed[4]
