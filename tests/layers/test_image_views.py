"""Views of images: what each rate does, and that nothing but content, view, seed and rates decides."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gramian.layers import ImageRates, Rates, augment_image, load_corpus
from gramian.layers._image_views import AugmentedImage
from tests.layers._tiny_vision import save_pictures, tiny_pictures

NONE = ImageRates(crop=0, flip=0, jitter=0, grayscale=0)


def pixels(image):
    return np.asarray(image).astype(int)


@pytest.fixture(scope="module")
def picture():
    return tiny_pictures(1, size=(48, 36))[0]


def test_without_rates_a_view_is_the_image(picture):
    assert np.array_equal(pixels(augment_image(picture, view=0, seed=0, rates=NONE)), pixels(picture))


def test_a_view_is_the_same_whenever_it_is_made_and_another_for_another_seed_or_number(picture):
    first = pixels(augment_image(picture, view=1, seed=5))
    augment_image(picture, view=0, seed=5)
    assert np.array_equal(first, pixels(augment_image(picture, view=1, seed=5)))
    assert not np.array_equal(first, pixels(augment_image(picture, view=2, seed=5)))
    assert not np.array_equal(first, pixels(augment_image(picture, view=1, seed=6)))


def test_the_same_draws_for_equal_content_and_others_for_other_content(picture):
    copy, other = picture.copy(), tiny_pictures(2, size=(48, 36))[1]
    mirrored = [
        augment_image(p, view=0, seed=s, rates=replace(NONE, flip=0.5)) for p in (picture, copy) for s in range(8)
    ]
    assert all(np.array_equal(pixels(a), pixels(b)) for a, b in zip(mirrored[:8], mirrored[8:], strict=True))
    flips = [flipped(p, s) for p in (picture, other) for s in range(16)]
    assert flips[:16] != flips[16:]


def flipped(picture, seed):
    view = augment_image(picture, view=0, seed=seed, rates=replace(NONE, flip=0.5))
    return np.array_equal(pixels(view), pixels(picture)[:, ::-1])


def test_flips_mirror_left_and_right_at_their_rate(picture):
    assert all(
        np.array_equal(
            pixels(augment_image(picture, view=v, seed=0, rates=replace(NONE, flip=1))), pixels(picture)[:, ::-1]
        )
        for v in range(3)
    )
    share = np.mean([flipped(picture, seed) for seed in range(400)])
    assert abs(share - 0.5) < 4 * 0.5 / 20  # four standard errors


def test_grey_images_have_equal_channels_at_their_rate(picture):
    grey = pixels(augment_image(picture, view=0, seed=0, rates=replace(NONE, grayscale=1)))
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert np.array_equal(grey[..., 0], pixels(picture.convert("L")))


def ramp(size=(64, 64)):
    """A picture whose red is the column and green the row: a crop tells where it was taken."""
    width, height = size
    red = np.broadcast_to(np.linspace(0, 255, width)[None], (height, width))
    green = np.broadcast_to(np.linspace(0, 255, height)[:, None], (height, width))
    return Image.fromarray(np.stack([red, green, np.zeros_like(red)], -1).astype(np.uint8))


def kept_area(view):
    """Share of the area that a crop of `ramp` kept, from the span of its colours."""
    spans = [np.ptp(pixels(view)[..., channel]) / 255 for channel in (0, 1)]
    return spans[0] * spans[1]


def test_crops_keep_the_declared_share_of_the_area_and_the_size():
    areas = []
    for view in range(200):
        cropped = augment_image(ramp(), view=view, seed=0, rates=replace(NONE, crop=0.5))
        assert cropped.size == (64, 64)
        areas.append(kept_area(cropped))
    assert min(areas) > 0.5 * 0.9  # the span of a bilinear ramp is a pixel short
    assert max(areas) < 1.01
    # Uniform within [1/2, 1], less what lies beyond the image where the shape is stretched.
    assert abs(np.mean(areas) - 0.73) < 0.05
    small = [kept_area(augment_image(ramp(), view=v, seed=0, rates=replace(NONE, crop=0.92))) for v in range(200)]
    assert min(small) < 0.2


def test_crops_lie_anywhere():
    centres = [
        pixels(augment_image(ramp(), view=v, seed=0, rates=replace(NONE, crop=0.9))).mean((0, 1))[:2]
        for v in range(200)
    ]
    assert np.abs(np.mean(centres, 0) - 127).max() < 12
    assert (np.std(centres, 0) > 20).all()


def test_jitter_changes_colours_and_no_places(picture):
    grey = Image.new("RGB", (8, 8), (100, 100, 100))
    levels = [pixels(augment_image(grey, view=v, seed=0, rates=replace(NONE, jitter=0.4)))[0, 0] for v in range(100)]
    assert all(len(set(level)) == 1 for level in levels), "grey has no hue to turn"
    brightness = np.array(levels)[:, 0] / 100
    assert 0.59 <= brightness.min() < 0.7
    assert 1.3 < brightness.max() <= 1.41
    weak = augment_image(picture, view=0, seed=0, rates=replace(NONE, jitter=0.01))
    assert 0 < np.abs(pixels(weak) - pixels(picture)).max() < 20


def test_views_leave_the_global_random_states_alone(picture):
    random.seed(0)
    before = random.getstate(), np.random.get_state()[1].copy(), torch.random.get_rng_state()
    augment_image(picture, view=0, seed=0)
    assert random.getstate() == before[0]
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert torch.equal(torch.random.get_rng_state(), before[2])


def test_an_image_of_a_corpus_is_named_by_its_file(tmp_path):
    corpus = load_corpus(save_pictures(tmp_path, 2, classes=()))
    image = corpus.images[0]
    made = AugmentedImage(image, view=1, seed=3, rates=ImageRates()).open()
    assert np.array_equal(pixels(made), pixels(augment_image(image, view=1, seed=3)))
    moved = load_corpus(save_pictures(tmp_path / "moved", 2, classes=())).images[0]
    assert np.array_equal(pixels(made), pixels(augment_image(moved, view=1, seed=3)))


@pytest.mark.parametrize(
    ("rates", "error", "message"),
    [
        ({"crop": 1}, ValueError, "crop: expected a rate below 1; got 1"),
        ({"crop": 8}, ValueError, r"crop: expected a rate in \[0, 1\]; got 8"),
        ({"flip": -0.1}, ValueError, r"flip: expected a rate in \[0, 1\]; got -0.1"),
        ({"jitter": float("nan")}, ValueError, r"jitter: expected a rate in \[0, 1\]; got nan"),
        ({"grayscale": True}, TypeError, r"grayscale: expected a number in \[0, 1\]; got bool"),
        ({"jitter": "0.4"}, TypeError, r"jitter: expected a number in \[0, 1\]; got str"),
    ],
)
def test_rates_outside_their_range_are_refused(rates, error, message):
    with pytest.raises(error, match=message):
        ImageRates(**rates)


def test_views_that_make_no_sense_are_refused(picture):
    with pytest.raises(ValueError, match="view: expected a number from 0 on; got -1"):
        augment_image(picture, view=-1, seed=0)
    with pytest.raises(TypeError, match="seed: expected a whole number; got float"):
        augment_image(picture, view=0, seed=0.5)
    with pytest.raises(TypeError, match="rates: expected ImageRates for images; got Rates"):
        augment_image(picture, view=0, seed=0, rates=Rates())
    with pytest.raises(TypeError, match="image: expected a Pillow image or an image of a corpus; got str"):
        augment_image("a.png", view=0, seed=0)
