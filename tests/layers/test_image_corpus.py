"""Images out of folders and zips: which are taken, how they are named, and what is refused."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from gramian.layers import ImageFile, is_image_source, load_corpus
from gramian.layers._image_corpus import folder_labels
from gramian.layers._images import as_rgb, decoded
from tests.layers._tiny_vision import cifar10, save_pictures, tiny_pictures, zipped


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty pictures in two classes; not to be changed."""
    return save_pictures(tmp_path_factory.mktemp("images") / "pictures", 20)


def png(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def test_every_image_is_a_prompt_named_by_its_path_and_labelled_by_its_folder(folder):
    corpus = load_corpus(folder)
    assert (corpus.name, corpus.modality, len(corpus)) == ("pictures", "image", 20)
    assert list(corpus.texts) == sorted(corpus.texts)
    assert corpus.labels == tuple(name.split("/")[0] for name in corpus.texts)
    assert Counter(corpus.labels) == {"cat": 10, "dog": 10}
    assert corpus.prompts == corpus.images
    assert all(isinstance(image, ImageFile) for image in corpus.images)
    assert corpus.ids == tuple(image.id for image in corpus.images)
    assert len(set(corpus.ids)) == 20
    assert corpus.notes == ()


def test_a_zip_of_a_folder_is_the_same_corpus(folder, tmp_path):
    whole, packed = load_corpus(folder), load_corpus(zipped(folder, tmp_path / "pictures.zip"))
    assert (packed.texts, packed.labels, packed.ids) == (whole.texts, whole.labels, whole.ids)
    assert packed.hash == whole.hash
    for one, other in zip(whole.images[:3], packed.images[:3], strict=True):
        assert np.array_equal(np.asarray(one.open()), np.asarray(other.open()))


def test_a_text_corpus_says_that_it_is_one():
    corpus = load_corpus("python-docs", prompts=2)
    assert (corpus.modality, corpus.images, corpus.prompts) == ("text", None, corpus.texts)


def test_samples_are_nested_and_depend_on_the_content_alone(folder, tmp_path):
    small, large = load_corpus(folder, prompts=5, seed=1), load_corpus(folder, prompts=12, seed=1)
    assert len(small) == 5
    assert set(small.ids) < set(large.ids)
    assert load_corpus(folder, prompts=5, seed=2).ids != small.ids
    for number, path in enumerate(sorted(folder.rglob("*.png"), reverse=True)):
        (tmp_path / f"renamed-{number:02d}.png").write_bytes(path.read_bytes())
    assert set(load_corpus(tmp_path, prompts=5, seed=1).ids) == set(small.ids)


def test_copies_are_counted_and_kept(tmp_path):
    data = png(tiny_pictures(1)[0])
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(data)
    corpus = load_corpus(tmp_path)
    assert len(corpus) == 3
    assert len(set(corpus.ids)) == 1
    assert corpus.notes == ("2 of 3 prompts are exact copies of an earlier one (kept)",)


def test_keep_and_drop_look_at_the_path(folder):
    assert set(load_corpus(folder, keep="^cat/").labels) == {"cat"}
    kept = load_corpus(folder, keep="cat|0001", drop=r"0000\.png$")
    assert "dog/0001.png" in kept.texts
    assert "cat/0000.png" not in kept.texts
    assert kept.notes == ("keep: 9 dropped", "drop: 1 dropped")
    with pytest.raises(ValueError, match=r"expected at least one image in .*pictures; got none \(keep removed 20\)"):
        load_corpus(folder, keep="zebra")


def test_more_than_there_are_takes_all_with_a_note(folder):
    corpus = load_corpus(folder, prompts=50)
    assert len(corpus) == 20
    assert corpus.notes == ("50 prompts asked for, all 20 there are used",)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["cat/1.jpg", "dog/1.jpg"], ("cat", "dog")),
        (["train/cat/1.jpg", "train/dog/1.jpg"], ("cat", "dog")),
        (["a/x/1.jpg", "b/x/1.jpg"], ("a/x", "b/x")),
        (["1.jpg", "2.jpg"], None),
        (["one/1.jpg", "one/2.jpg"], None),
        (["cat/1.jpg", "2.jpg"], None),
    ],
)
def test_labels_are_the_folders_that_images_do_not_share(names, labels):
    assert folder_labels(names) == labels


def test_a_sample_of_one_class_keeps_its_label(folder):
    """Whether folders are labels depends on the whole folder, not on what is drawn from it."""
    assert load_corpus(folder, prompts=1).labels[0] in ("cat", "dog")


def test_hidden_files_and_other_kinds_are_left_out(tmp_path):
    save_pictures(tmp_path, 2, classes=())
    (tmp_path / ".thumbnails").mkdir()
    (tmp_path / ".thumbnails" / "a.png").write_bytes(b"no picture")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "0000.png").write_bytes(b"no picture")
    (tmp_path / "labels.csv").write_text("a,b\n")
    assert load_corpus(tmp_path).texts == ("0000.png", "0001.png")
    assert load_corpus(zipped(tmp_path, tmp_path.parent / "all.zip")).texts == ("0000.png", "0001.png")


def test_kinds_of_sources_are_told_apart(folder, tmp_path):
    assert is_image_source(folder)
    assert is_image_source(tmp_path / "any.zip")
    assert not is_image_source(tmp_path)
    assert not is_image_source("python-docs")


# What an image is decoded to


def test_pictures_are_turned_upright_and_made_rgb():
    picture = tiny_pictures(1, size=(8, 4))[0]
    turned = Image.Exif()
    turned[0x0112] = 6  # on its side, clockwise
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", exif=turned)
    upright = decoded(buffer.getvalue(), where="here")
    assert upright.size == (4, 8)
    assert np.array_equal(np.asarray(upright), np.rot90(np.asarray(picture), -1))
    for mode in ("L", "P", "RGBA", "CMYK", "1", "LA"):
        assert as_rgb(picture.convert(mode), where="here").mode == "RGB"


def test_sixteen_bits_are_refused_instead_of_clipped(tmp_path):
    Image.fromarray(np.full((8, 8), 4096, dtype=np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match=r"image: expected eight bits a channel; got mode I;16 in deep\.png"):
        load_corpus(tmp_path)


# What is refused


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("cut.png", lambda data: data[: len(data) // 2]),
        ("empty.png", lambda data: b""),
        ("text.jpg", lambda data: b"not a picture"),
        ("flipped.png", lambda data: data[:60] + bytes(b ^ 255 for b in data[60:90]) + data[90:]),
    ],
)
def test_a_damaged_image_is_named(tmp_path, name, change):
    source = save_pictures(tmp_path / "damaged", 2, classes=())
    (source / name).write_bytes(change(png(tiny_pictures(1, seed=9)[0])))
    with pytest.raises(ValueError, match=rf"source: expected a readable image; got a damaged one, {name} in .*damaged"):
        load_corpus(source)
    packed = zipped(source, tmp_path / "packed.zip")
    with pytest.raises(
        ValueError, match=rf"source: expected a readable image; got a damaged one, {name} in .*packed.zip"
    ):
        load_corpus(packed)


def drawn_or_refused(source, seed):
    try:
        return set(load_corpus(source, prompts=3, seed=seed).ids)
    except ValueError as error:
        return str(error)


def test_a_damaged_image_that_is_not_drawn_does_no_harm(folder, tmp_path):
    for path in folder.rglob("*.png"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    drawn = [load_corpus(folder, prompts=3, seed=seed).ids for seed in range(3)]
    outcomes = [drawn_or_refused(tmp_path, seed) for seed in range(3)]
    assert any(not isinstance(outcome, str) for outcome in outcomes)
    for outcome, without in zip(outcomes, drawn, strict=True):
        assert "damaged.png" in outcome if isinstance(outcome, str) else outcome == set(without)


def test_broken_and_locked_zips_are_refused(folder, tmp_path):
    whole = zipped(folder, tmp_path / "whole.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"expected a whole zip of images; got a truncated or damaged one, .*cut\.zip"):
        load_corpus(tmp_path / "cut.zip")
    with pytest.raises(ValueError, match=r"expected a \.zip of images; got .*none\.zip, which does not exist"):
        load_corpus(tmp_path / "none.zip")
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as file:
        file.writestr("a.txt", "words")
    with pytest.raises(ValueError, match=r"expected at least one image in .*texts\.zip; got none"):
        load_corpus(tmp_path / "texts.zip")
    damaged_entry = bytearray(whole)
    damaged_entry[200:260] = bytes(60)
    (tmp_path / "entry.zip").write_bytes(bytes(damaged_entry))
    with pytest.raises(
        ValueError, match=r"expected a readable image; got a damaged one, cat/0000\.png in .*entry\.zip"
    ):
        load_corpus(tmp_path / "entry.zip")


def test_a_zip_that_promises_too_much_is_not_unpacked(tmp_path, monkeypatch):
    from gramian.layers import _images

    monkeypatch.setattr(_images, "LARGEST_FILE", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.png", bytes(100_000))
    with pytest.raises(ValueError, match=r"expected image files of at most 1,000 bytes; got 100,000 in a\.png"):
        load_corpus(tmp_path / "bomb.zip")


@pytest.mark.parametrize(
    "option",
    [{"field": "a"}, {"label_field": "a"}, {"split": "a"}, {"revision": "a"}, {"paragraphs": True}, {"max_tokens": 9}],
)
def test_options_of_texts_are_refused(folder, option):
    (name,) = option
    with pytest.raises(ValueError, match=rf"{name}: expected None for .*pictures, which holds images"):
        load_corpus(folder, **option)


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ({"prompts": 0}, ValueError, "prompts: expected at least 1"),
        ({"seed": 0.5}, TypeError, "seed: expected a whole number"),
        ({"keep": "("}, ValueError, "keep: expected a regular expression"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(folder, option, error, message):
    with pytest.raises(error, match=message):
        load_corpus(folder, **option)


def test_a_corpus_of_a_zip_can_be_sent_to_another_process(folder, tmp_path):
    corpus = load_corpus(zipped(folder, tmp_path / "sent.zip"), prompts=2)
    sent = pickle.loads(pickle.dumps(corpus))
    assert sent.ids == corpus.ids
    assert np.array_equal(np.asarray(sent.images[0].open()), np.asarray(corpus.images[0].open()))


def test_cifar_images_are_labelled_by_class():
    corpus = load_corpus(cifar10(), prompts=50, keep="^(cat|dog)/")
    assert set(corpus.labels) == {"cat", "dog"}
    assert {image.open().size for image in corpus.images[:5]} == {(32, 32)}
