"""What is wrong with a data set is said in one line that names the file and what was expected."""

import shutil
import zipfile

import numpy as np
import pytest

from gramian.ssl._data import DamagedImageError, open_images
from tests.ssl.data._layouts import jpeg, write_class_folders, write_layout, write_zip

SMALL = {"per_class": 1, "test_per_class": 1}
PIXELS = np.zeros((8, 8, 3), dtype=np.uint8)


@pytest.fixture
def folders(tmp_path):
    """Two classes of two images, with a test split."""
    for part in ("train", "test"):
        write_class_folders(tmp_path / part, ["cat", "dog"], 2, size=40)
    return tmp_path


def test_an_unknown_name_lists_the_data_sets_and_the_nearest():
    with pytest.raises(ValueError, match=r"data: expected one of cifar10, .*; got 'cifar-10'. Did you mean cifar10\?"):
        open_images("cifar-10", root=".")


@pytest.mark.parametrize("path", ["no/such/folder", "photos.zip"])
def test_a_path_that_does_not_exist_is_named(path):
    with pytest.raises(ValueError, match=rf"data: expected a folder of images or a .zip of one; got {path}, which"):
        open_images(path)


def test_a_data_set_of_a_name_needs_a_root(tmp_path):
    with pytest.raises(ValueError, match="root: expected the folder that holds cifar10; got none"):
        open_images("cifar10")
    with pytest.raises(ValueError, match="which is no folder"):
        open_images("cifar10", root=tmp_path / "absent")


def test_a_split_that_is_no_split_or_that_a_data_set_lacks_is_refused(tmp_path):
    with pytest.raises(ValueError, match="split: expected one of train, test, unlabelled, "):
        open_images("cifar10", root=tmp_path, split="valid")
    with pytest.raises(ValueError, match=r"split: expected one of train, test for cifar10; got unlabelled"):
        open_images("cifar10", root=tmp_path, split="unlabelled")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cifar10", r"cifar-10-batches-py/ with data_batch_1, .*test_batch in"),
        ("cifar100", r"cifar-100-python/ with train, test in"),
        ("stl10", r"stl10_binary/ with train_X.bin, "),
        ("fashion-mnist", r"FashionMNIST/raw/ with train-images-idx3-ubyte, "),
        ("tiny-imagenet", r"tiny-imagenet-200/ \(or its zip\) in .*val/val_annotations.txt"),
        ("imagenet100", r"train/ in .*, with a folder a class"),
        ("imagenet", r"train/ in .*, with a folder a class"),
    ],
)
def test_a_root_without_the_data_set_says_which_files_belong_there(tmp_path, name, expected):
    with pytest.raises(ValueError, match=rf"root: expected {expected}"):
        open_images(name, root=tmp_path)


def test_nothing_is_downloaded_unless_asked_for(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("a download\nwas tried")

    for place in ("cifar", "stl10", "mnist"):
        monkeypatch.setattr(f"torchvision.datasets.{place}.download_and_extract_archive", refuse)
    for name in ("cifar10", "stl10", "fashion-mnist"):
        with pytest.raises(ValueError, match="root: expected"):
            open_images(name, root=tmp_path)
        with pytest.raises(ValueError, match=rf"download: expected {name} from .*; got .*a download was tried"):
            open_images(name, root=tmp_path, download=True)
    with pytest.raises(ValueError, match="download: expected a data set of torchvision"):
        open_images("imagenet", root=tmp_path, download=True)


@pytest.mark.parametrize(
    ("name", "file"), [("cifar10", "data_batch_3"), ("cifar100", "meta"), ("stl10", "train_X.bin")]
)
def test_a_file_of_another_checksum_is_named_and_never_unpickled(tmp_path, monkeypatch, name, file):
    write_layout(name, tmp_path, **SMALL).accept(monkeypatch)
    changed = next(tmp_path.rglob(file))
    changed.write_bytes(b"cos\nsystem\n(S'echo unpickled'\ntR." + changed.read_bytes())
    with pytest.raises(ValueError, match=rf"published checksum; got another one, .*{file}"):
        open_images(name, root=tmp_path)


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    write_layout("cifar10", tmp_path, **SMALL).accept(monkeypatch)
    next(tmp_path.rglob("data_batch_4")).unlink()
    with pytest.raises(ValueError, match=r"root: expected data_batch_1, .*; got no data_batch_4"):
        open_images("cifar10", root=tmp_path)


def test_a_cut_off_fashion_mnist_file_is_refused(tmp_path):
    write_layout("fashion-mnist", tmp_path, **SMALL)
    file = next(tmp_path.rglob("train-images-idx3-ubyte"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match="root: expected the whole files of fashion-mnist; got damaged ones"):
        open_images("fashion-mnist", root=tmp_path)


def test_an_empty_class_folder_is_named(folders):
    (folders / "train" / "bird").mkdir()
    with pytest.raises(ValueError, match=r"at least one image in every class folder of .*train; got none in bird"):
        open_images(folders)
    packed = write_zip(folders, folders.parent / "packed.zip")
    with pytest.raises(ValueError, match="got none in bird"):
        open_images(packed)


def test_a_place_without_images_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("no picture")
    packed = write_zip(tmp_path / "folder", tmp_path / "packed.zip")
    for path in (tmp_path / "folder", packed):
        with pytest.raises(ValueError, match=rf"data: expected at least one image in {path}; got none"):
            open_images(path)


def test_images_beside_class_folders_are_refused(folders):
    (folders / "train" / "stray.jpg").write_bytes(jpeg(PIXELS))
    with pytest.raises(ValueError, match=r"got 2 folders beside 1 images such as train/stray.jpg"):
        open_images(folders)


def test_a_class_that_only_the_test_split_has_is_named(folders):
    write_class_folders(folders / "test", ["bird"], 1, size=8)
    with pytest.raises(ValueError, match=r"test only classes of the train split; got bird"):
        open_images(folders, split="test")


def test_a_class_that_the_test_split_lacks_keeps_the_labels_of_the_others(folders):
    shutil.rmtree(folders / "test" / "cat")
    images = open_images(folders, split="test")
    assert images.classes == ("cat", "dog")
    assert images.labels.tolist() == [1, 1]


def test_a_folder_without_a_test_split_says_how_to_make_one(folders):
    with pytest.raises(
        ValueError, match=r"split: expected a folder test/ or val/ .*Put the images for evaluation into test/"
    ):
        open_images(folders / "train", split="test")
    with pytest.raises(ValueError, match=r"a folder unlabelled/ or unlabeled/"):
        open_images(folders, split="train+unlabelled")


def test_too_few_class_folders_for_a_data_set_of_a_name_are_counted(folders):
    with pytest.raises(ValueError, match=r"root: expected 10 class folders in .*train; got 2"):
        open_images("cifar10", root=folders)
    with pytest.raises(ValueError, match=r"root: expected 1000 class folders for training in .*; got 2"):
        open_images("imagenet", root=folders)


def test_validation_images_of_imagenet_that_are_not_sorted_into_folders_say_who_sorts_them(tmp_path):
    write_layout("imagenet100", tmp_path, **SMALL)
    shutil.rmtree(tmp_path / "val")
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "ILSVRC2012_val_00000001.JPEG").write_bytes(jpeg(PIXELS))
    with pytest.raises(ValueError, match=r"expected a folder a class in .*val; got images without folders"):
        open_images("imagenet100", root=tmp_path, split="test")


def test_imagenets_validation_must_have_the_classes_of_training(tmp_path):
    write_layout("imagenet100", tmp_path, **SMALL)
    one = sorted((tmp_path / "val").iterdir())[5]
    one.rename(one.with_name("n99999999"))
    with pytest.raises(
        ValueError, match=rf"the same classes in the train and validation folders of .*; got no folder {one.name}"
    ):
        open_images("imagenet100", root=tmp_path, split="test")
    write_class_folders(tmp_path / "val", [one.name], 1, size=8)
    with pytest.raises(ValueError, match="got n99999999, which the train split lacks"):
        open_images("imagenet100", root=tmp_path, split="test")


def test_a_row_that_tiny_imagenets_table_lacks_or_has_too_many_is_named(tmp_path):
    layout = write_layout("tiny-imagenet", tmp_path, **SMALL)
    table = layout.root / "tiny-imagenet-200" / "val" / "val_annotations.txt"
    rows = table.read_text().splitlines(keepends=True)
    table.write_text("".join(rows[1:]))
    with pytest.raises(ValueError, match=r"got no row for val/images/val_0.JPEG"):
        open_images("tiny-imagenet", root=tmp_path, split="test")
    table.write_text("".join([*rows, rows[0].replace("val_0", "val_999")]))
    with pytest.raises(ValueError, match=r"got no image val/images/val_999.JPEG"):
        open_images("tiny-imagenet", root=tmp_path, split="test")
    table.write_text("val_0.JPEG n01440764 0 0 63 63\n")
    with pytest.raises(ValueError, match=r"image and class, by tabs, in val/val_annotations.txt"):
        open_images("tiny-imagenet", root=tmp_path, split="test")


def read_all(path):
    images = open_images(path)
    return [images[index] for index in range(len(images))]


@pytest.mark.parametrize("damage", [b"", b"no picture at all", jpeg(PIXELS)[:150]])
@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_image_is_named_at_the_latest_when_it_is_read(folders, damage, packed):
    (folders / "train" / "dog" / "dog_1.JPEG").write_bytes(damage)
    path = write_zip(folders, folders.parent / "packed.zip") if packed else folders
    with pytest.raises(DamagedImageError, match=rf"expected a readable image; got .* train/dog/dog_1.JPEG in {path}"):
        read_all(path)


def test_a_damaged_image_does_not_keep_others_from_being_read(folders):
    images = open_images(folders)
    (folders / "train" / "dog" / "dog_1.JPEG").write_bytes(b"")
    assert [images[index][1] for index in (0, 1, 2)] == [0, 0, 1]
    for read in (lambda: images[3], images.cached):
        with pytest.raises(DamagedImageError, match=r"train/dog/dog_1.JPEG"):
            read()


def test_sixteen_bit_images_are_refused_instead_of_being_clipped_to_white(folders):
    from PIL import Image

    Image.fromarray(np.full((40, 40), 40_000, dtype=np.uint16)).save(folders / "train" / "dog" / "deep.png")
    with pytest.raises(DamagedImageError, match=r"eight bits a channel; got mode I;16 in train/dog/deep.png"):
        read_all(folders)


def test_a_file_that_vanishes_after_opening_is_named(folders):
    images = open_images(folders)
    (folders / "train" / "cat" / "cat_0.JPEG").unlink()
    with pytest.raises(DamagedImageError, match=r"train/cat/cat_0.JPEG in .*No such file"):
        images[0]


def test_a_truncated_zip_is_refused(folders):
    path = write_zip(folders, folders.parent / "packed.zip")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"data: expected a whole zip of images; got a truncated or damaged one"):
        open_images(path)


@pytest.mark.parametrize(
    "name", ["../outside.jpg", "/etc/outside.jpg", "cat/../../outside.jpg", "cat\\..\\outside.jpg"]
)
def test_a_zip_whose_names_lead_out_of_it_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "slip.zip", "w") as archive:
        archive.writestr("cat/0.jpg", jpeg(PIXELS))
        archive.writestr(name, jpeg(PIXELS))
    with pytest.raises(ValueError, match="data: expected a zip whose names stay inside it; got"):
        open_images(tmp_path / "slip.zip")


def test_a_zip_entry_that_promises_to_be_enormous_is_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w") as archive:
        archive.writestr("cat/0.jpg", jpeg(PIXELS))
    monkeypatch.setattr("gramian.ssl._data.trees.LARGEST_FILE", 100)
    with pytest.raises(ValueError, match=r"image files of at most 100 bytes; got \d+ in cat/0.jpg"):
        open_images(tmp_path / "bomb.zip")


def test_an_archive_of_another_kind_is_refused(tmp_path):
    (tmp_path / "photos.tar").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"data: expected a folder of images or a .zip of one; got a file of another kind"
    ):
        open_images(tmp_path / "photos.tar")
