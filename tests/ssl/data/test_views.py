"""Views: the changes are torchvision's and lightly's, the draws have the stated distributions, and the seed decides all."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from torchvision.transforms import InterpolationMode, RandomResizedCrop, functional

from gramian.ssl._data import DATA_FACTS, data_facts
from gramian.ssl._views import (
    VIEW_PRESETS,
    ViewRecipe,
    build_views,
    evaluation_view,
    probe_views,
    view_preset,
)
from gramian.ssl._views.changes import JITTER_ORDERS, crop_box, jittered, resized_centre, with_contrast, with_hue
from gramian.ssl._views.draws import Draws, mixed

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
NOTHING = ViewRecipe(crop=False, jitter=0.0, grey=0.0, blur=0.0, flip=0.0)


def picture(width=32, height=32, seed=0):
    """Smooth colours with some noise, every hue and shade among them."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / (3 + k) + columns / (5 - k) + 2 * k) for k in range(3)]
    values = 128 + 110 * np.stack(waves, axis=-1) + generator.normal(0, 15, (height, width, 3))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def as_image(view):
    """A view without normalisation as the pixels it was made of."""
    return (view * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


def one_view(image, recipe, *, size=32, seed=0):
    return as_image(build_views(recipe, views=1, size=size, **PLAIN)(image, seed=seed)[0])


@pytest.mark.parametrize("factor", [0.2, 0.9, 1.0, 1.7])
def test_contrast_is_torchvisions(factor):
    for seed in range(5):
        image = picture(seed=seed)
        assert np.array_equal(with_contrast(image, factor), functional.adjust_contrast(image, factor))


@pytest.mark.parametrize("turn", [-0.5, -0.31, -0.001, 0.0, 0.07, 0.5])
def test_hue_is_torchvisions(turn):
    for seed in range(5):
        image = picture(seed=seed)
        assert np.array_equal(with_hue(image, turn), functional.adjust_hue(image, turn))


def test_jitter_changes_in_the_order_that_is_drawn():
    image = picture()
    brightness, contrast, saturation, hue = factors = (1.3, 0.6, 1.5, 0.2)
    changes = (
        lambda given: functional.adjust_brightness(given, brightness),
        lambda given: functional.adjust_contrast(given, contrast),
        lambda given: functional.adjust_saturation(given, saturation),
        lambda given: functional.adjust_hue(given, hue),
    )
    assert len(JITTER_ORDERS) == 24
    for order in JITTER_ORDERS:
        expected = image
        for which in order:
            expected = changes[which](expected)
        assert np.array_equal(jittered(image, factors, order), expected)


@pytest.mark.parametrize("shape", [(32, 32), (48, 32), (31, 70), (100, 100)])
def test_the_whole_image_is_resized_and_cut_as_torchvision_does(shape):
    image = picture(*shape)
    expected = functional.center_crop(functional.resize(image, 32, InterpolationMode.BICUBIC), 32)
    assert np.array_equal(resized_centre(image, shorter=32, size=32), expected)
    assert np.array_equal(one_view(image, NOTHING), expected)


def test_a_view_without_changes_is_the_normalised_image():
    image, facts = picture(), data_facts("cifar10")
    view = build_views(NOTHING, views=1, size=32, mean=facts.mean, std=facts.std)(image, seed=1)[0]
    expected = functional.normalize(functional.to_tensor(image), facts.mean, facts.std)
    assert view.dtype == torch.float32
    assert view.is_contiguous()
    torch.testing.assert_close(view, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (replace(NOTHING, flip=1.0), functional.hflip),
        (replace(NOTHING, grey=1.0), lambda image: functional.to_grayscale(image, num_output_channels=3)),
        (replace(NOTHING, solarize=1.0), lambda image: functional.solarize(image, 128)),
        (
            replace(NOTHING, jitter=1.0, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0),
            lambda image: image,
        ),
    ],
    ids=["flip", "grey", "solarize", "jitter of no strength"],
)
def test_a_change_that_always_happens_is_torchvisions(recipe, expected):
    assert np.array_equal(one_view(picture(), recipe), expected(picture()))


@pytest.mark.parametrize("sigma", [0.1, 1.0, 2.0])
def test_blur_and_solarization_are_lightlys(sigma):
    from lightly.transforms.gaussian_blur import GaussianBlur
    from lightly.transforms.solarize import RandomSolarization

    blurred = GaussianBlur(prob=1.0, sigmas=(sigma, sigma))(picture())
    assert np.array_equal(one_view(picture(), replace(NOTHING, blur=1.0, blur_sigma=(sigma, sigma))), blurred)
    solarized = RandomSolarization(prob=1.0)(picture())
    assert np.array_equal(one_view(picture(), replace(NOTHING, solarize=1.0)), solarized)


def test_a_crop_is_torchvisions_resized_crop_of_its_box():
    recipe = replace(NOTHING, crop=True, crop_scale=(0.3, 0.3))
    seen = {one_view(picture(50, 40), recipe, seed=seed).tobytes() for seed in range(4)}
    possible = set()
    for seed in range(4):
        draws = Draws(seed, 0)
        for _ in range(11):  # what a view draws before its crop
            draws.next()
        left, upper, right, lower = crop_box(50, 40, (0.3, 0.3), draws)
        box = (upper, left, lower - upper, right - left)
        crop = functional.resized_crop(picture(50, 40), *box, [32, 32], InterpolationMode.BICUBIC)
        possible.add(np.asarray(crop).tobytes())
    assert seen == possible
    assert len(seen) == 4


@pytest.mark.parametrize("scale", [(0.08, 1.0), (0.5, 1.0)])
def test_crops_are_distributed_as_torchvisions(scale):
    """Two-sample Kolmogorov-Smirnov tests of what 3,000 crops of each keep; seeds fixed, so this fails always or never."""
    torch.manual_seed(0)
    tensor = torch.empty(3, 60, 80)
    theirs = np.array([RandomResizedCrop.get_params(tensor, list(scale), [3 / 4, 4 / 3]) for _ in range(3000)])
    boxes = np.array([crop_box(80, 60, scale, Draws(seed)) for seed in range(3000)])
    ours = np.stack([boxes[:, 1], boxes[:, 0], boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]], axis=1)
    for column in range(4):
        assert stats.ks_2samp(ours[:, column], theirs[:, column]).pvalue > 1e-3
    areas, aspects = ours[:, 2] * ours[:, 3], ours[:, 3] / ours[:, 2]
    assert stats.ks_2samp(areas, theirs[:, 2] * theirs[:, 3]).pvalue > 1e-3
    assert stats.ks_2samp(aspects, theirs[:, 3] / theirs[:, 2]).pvalue > 1e-3


@pytest.mark.parametrize("shape", [(300, 10), (10, 300)])
def test_crops_of_a_strip_take_the_largest_permitted_shape_in_the_middle(shape):
    width, height = shape
    theirs = RandomResizedCrop.get_params(torch.empty(3, height, width), [1.0, 1.0], [3 / 4, 4 / 3])
    left, upper, right, lower = crop_box(width, height, (1.0, 1.0), Draws(0))
    assert (upper, left, lower - upper, right - left) == theirs


@pytest.mark.parametrize("name", ["flip", "grey", "solarize", "blur"])
def test_a_change_of_probability_p_happens_that_often(name):
    """2,000 views, within four standard errors."""
    p = 0.3
    recipe = replace(NOTHING, **{name: p, "blur_sigma": (1.0, 1.0)})
    unchanged = one_view(picture(8, 8), NOTHING, size=8)
    build = build_views(recipe, views=1, size=8, **PLAIN)
    changed = sum(not np.array_equal(as_image(build(picture(8, 8), seed=seed)[0]), unchanged) for seed in range(2000))
    assert abs(changed / 2000 - p) < 4 * math.sqrt(p * (1 - p) / 2000)


def test_brightness_factors_are_uniform_in_their_range():
    """Of a grey image of value 100, brightness alone is the value of the view over 100."""
    image = Image.new("RGB", (4, 4), (100, 100, 100))
    recipe = replace(NOTHING, jitter=1.0, brightness=0.8, contrast=0.0, saturation=0.0, hue=0.0)
    build = build_views(recipe, views=1, size=4, **PLAIN)
    factors = [as_image(build(image, seed=seed)[0])[0, 0, 0] / 100 for seed in range(2000)]
    assert stats.kstest(factors, stats.uniform(0.2, 1.6).cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", VIEW_PRESETS)
def test_views_depend_on_the_seed_alone(name):
    build = build_views(view_preset(name), views=2, size=32, **PLAIN)
    image = picture()
    first, again, other = build(image, seed=5), build(image, seed=5), build(image, seed=6)
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert not any(torch.equal(one, two) for one, two in zip(first, other, strict=True))
    assert not torch.equal(first[0], first[1])
    fresh, anew = build(image), build(image)
    assert not torch.equal(fresh[0], anew[0])


def test_view_k_is_the_same_for_any_number_of_views():
    two, eight = (build_views(ViewRecipe(), views=views, size=32, **PLAIN)(picture(), seed=3) for views in (2, 8))
    assert len(eight) == 8
    assert all(torch.equal(one, other) for one, other in zip(two, eight, strict=False))


def test_a_strength_that_is_changed_leaves_the_other_draws_as_they_are():
    """The flip and the crop of a view without colour changes are those of one with them, so recipes are comparable."""
    colours = {"jitter": 0.0, "grey": 0.0}
    for seed in range(8):
        with_blur = one_view(picture(), ViewRecipe(**colours, blur=1.0, blur_sigma=(0.0, 0.0)), seed=seed)
        without = one_view(picture(), ViewRecipe(**colours, blur=0.0), seed=seed)
        assert np.array_equal(with_blur, without)


def test_every_second_view_has_the_second_strengths():
    recipe = replace(NOTHING, second_solarize=1.0)
    views = [as_image(view) for view in build_views(recipe, views=5, size=32, **PLAIN)(picture(), seed=0)]
    plain, solarized = np.asarray(picture()), np.asarray(functional.solarize(picture(), 128))
    for number, view in enumerate(views):
        assert np.array_equal(view, solarized if number % 2 else plain)
    assert VIEW_PRESETS["asymmetric"].second_blur == 0.1


def test_small_views_come_last_and_have_strengths_of_their_own():
    recipe = replace(NOTHING, small_views=3, small_solarize=1.0)
    build = build_views(recipe, views=2, size=32, **PLAIN)
    assert build.sizes == (32, 32, 14, 14, 14)
    white = build(Image.new("RGB", (32, 32), (255, 255, 255)), seed=0)
    assert [tuple(view.shape[1:]) for view in white] == [(size, size) for size in build.sizes]
    assert [float(view.mean()) for view in white] == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert build_views(replace(recipe, small_size=18), views=2, size=32, **PLAIN).sizes[-1] == 18
    assert build_views(view_preset("multicrop"), views=2, size=224, **PLAIN).sizes == (224, 224, *[96] * 6)


def test_evaluation_is_the_image_itself_or_imagenets_centre():
    facts = data_facts("cifar10")
    view = evaluation_view(facts)(picture())
    assert len(view) == 1
    expected = functional.normalize(functional.to_tensor(picture()), facts.mean, facts.std)
    torch.testing.assert_close(view[0], expected, rtol=1e-6, atol=1e-6)
    facts = data_facts("imagenet")
    large = picture(400, 300)
    centre = functional.center_crop(functional.resize(large, 256, InterpolationMode.BICUBIC), 224)
    expected = functional.normalize(functional.to_tensor(centre), facts.mean, facts.std)
    torch.testing.assert_close(evaluation_view(facts)(large)[0], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", DATA_FACTS)
def test_views_of_a_data_set_have_its_size(name):
    facts = DATA_FACTS[name]
    for build in (evaluation_view(facts), probe_views(facts)):
        (view,) = build(picture(50, 40))
        assert view.shape == (3, facts.size, facts.size)


def test_views_for_the_probe_are_crops_and_mirror_images_only():
    facts = data_facts("cifar10")
    grey = Image.new("RGB", (32, 32), (90, 140, 20))
    expected = functional.normalize(functional.to_tensor(grey), facts.mean, facts.std)
    for seed in range(20):
        torch.testing.assert_close(probe_views(facts)(grey, seed=seed)[0], expected, rtol=1e-5, atol=1e-5)
    assert not torch.equal(probe_views(facts)(picture(), seed=0)[0], probe_views(facts)(picture(), seed=1)[0])


def test_draws_are_uniform_and_keys_are_independent():
    draws = Draws(1, 2)
    long = [draws.next() for _ in range(3000)]
    heads = [Draws(1, key).next() for key in range(3000)]
    for sample in (long, heads):
        assert stats.kstest(sample, "uniform").pvalue > 1e-3
        assert abs(np.corrcoef(sample[1:], sample[:-1])[0, 1]) < 4 / math.sqrt(3000)
    assert len({mixed(seed, epoch, index) for seed in range(5) for epoch in range(20) for index in range(50)}) == 5000
    assert {Draws(0, key).below(3) for key in range(50)} == {0, 1, 2}


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"jitter": 1.2}, r"jitter: expected a probability in \[0, 1\]; got 1.2. Give a share, not a percentage"),
        ({"blur": -0.1}, r"blur: expected a probability in \[0, 1\]; got -0.1"),
        ({"second_blur": 50}, r"second_blur: expected a probability in \[0, 1\]; got 50"),
        ({"brightness": -1}, r"brightness: expected a strength of 0 or more; got -1"),
        ({"contrast": math.nan}, r"contrast: expected a finite number; got nan"),
        ({"hue": 0.6}, r"hue: expected a share of the colour circle in \[0, 0.5\]; got 0.6"),
        ({"crop_scale": (0.0, 1.0)}, r"crop_scale: expected two shares with 0 < smallest <= largest <= 1; got"),
        ({"crop_scale": (0.5, 0.2)}, r"crop_scale: expected two shares"),
        ({"crop_scale": 0.2}, r"crop_scale: expected two numbers, smallest and largest; got 0.2"),
        ({"small_crop_scale": (0.1, 1.1)}, r"small_crop_scale: expected two shares"),
        ({"blur_sigma": (2.0, 0.1)}, r"blur_sigma: expected two standard deviations"),
        ({"small_views": -1}, r"small_views: expected a whole number of 0 or more; got -1"),
        ({"small_size": 0}, r"small_size: expected a whole number of 1 or more; got 0"),
    ],
)
def test_strengths_without_a_meaning_are_refused(given, match):
    with pytest.raises(ValueError, match=match):
        ViewRecipe(**given)


@pytest.mark.parametrize(
    "given", [{"crop": 0.08}, {"jitter": "0.8"}, {"grey": True}, {"small_views": 1.0}, {"blur_sigma": ["a", 2]}]
)
def test_strengths_of_another_type_are_refused(given):
    with pytest.raises(TypeError, match=f"{next(iter(given))}: expected"):
        ViewRecipe(**given)


def test_a_recipe_takes_lists_as_yaml_gives_them_and_equals_the_same_in_tuples():
    assert ViewRecipe(crop_scale=[0.2, 1], blur_sigma=[0.1, 2]) == ViewRecipe(crop_scale=(0.2, 1.0))
    plain = {entry.name: getattr(ViewRecipe(), entry.name) for entry in fields(ViewRecipe)}
    assert ViewRecipe(**plain) == ViewRecipe() == view_preset("symmetric")
    hash(ViewRecipe())


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(
        ValueError, match=r"views: expected one of symmetric, .*; got 'symetric'. Did you mean symmetric\?"
    ):
        view_preset("symetric")


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"views": 0}, "views: expected 1 or more; got 0"),
        ({"size": 0}, "size: expected 1 or more; got 0"),
        ({"mean": (0.5, 0.5)}, "mean, std: expected three numbers each"),
        ({"std": (0.5, 0.0, 0.5)}, "standard deviations above 0"),
    ],
)
def test_views_that_cannot_be_built_are_refused(given, match):
    with pytest.raises(ValueError, match=match):
        build_views(ViewRecipe(), **({"views": 2, "size": 32, **PLAIN} | given))


def test_views_of_another_type_are_refused():
    with pytest.raises(TypeError, match="recipe: expected a ViewRecipe; got str"):
        build_views("symmetric", views=2, size=32, **PLAIN)
    with pytest.raises(TypeError, match="views: expected a whole number; got float"):
        build_views(ViewRecipe(), views=2.0, size=32, **PLAIN)
