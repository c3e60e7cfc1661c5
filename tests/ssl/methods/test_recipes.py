"""Recipes: those that come with the package, a user's own, and values set on the command line."""

import dataclasses
from importlib.resources import files

import pytest

from gramian.ssl._recipes import SETTINGS, available_recipes, load_recipe, parse_recipe, read_recipe

SHIPPED = [(method, data) for method, sets in available_recipes().items() for data in sets]
ALL_DATA = {"cifar10", "cifar100", "stl10", "tiny-imagenet", "imagenet100", "imagenet", "fashion-mnist"}


@pytest.mark.parametrize(("method", "data"), SHIPPED)
def test_every_recipe_is_whole_states_its_source_and_survives_writing(method, data, tmp_path):
    recipe = load_recipe(method, data)
    assert (recipe.method, recipe.data) == (method, data)
    assert parse_recipe(recipe.to_yaml()) == recipe
    file = tmp_path / "own.yaml"
    file.write_text(recipe.to_yaml())
    assert read_recipe(file) == recipe
    text = (files("gramian.ssl._recipes") / "files" / f"{method}-{data}.yaml").read_text()
    assert text.startswith(("# Source: ", "# Ours: "))
    assert recipe.backbone.stem == ("cifar" if data in ("cifar10", "cifar100", "fashion-mnist") else "imagenet")


def test_frossl_has_a_recipe_for_every_data_set_and_every_rival_two():
    recipes = available_recipes()
    assert set(recipes) == set(SETTINGS)
    assert set(recipes["frossl"]) == ALL_DATA
    assert all(set(sets) == {"cifar10", "stl10"} for method, sets in recipes.items() if method != "frossl")


def test_published_settings_of_frossl():
    published = {  # epochs, batch, lr, invariance weight
        "cifar10": (1000, 256, 0.3, 1.0),
        "cifar100": (1000, 256, 0.3, 1.0),
        "stl10": (500, 256, 0.1, 1.4),
        "tiny-imagenet": (800, 512, 0.3, 1.0),
        "imagenet100": (400, 512, 0.3, 1.0),
        "imagenet": (100, 512, 0.3, 2.0),
    }
    for data, expected in published.items():
        recipe = load_recipe("frossl", data)
        assert (recipe.epochs, recipe.batch_size, recipe.optimizer.lr, recipe.settings.invariance_weight) == expected
        assert recipe.optimizer.name == "lars"
        assert recipe.optimizer.clip_lr
        assert recipe.optimizer.exclude_bias_n_norm
        assert recipe.optimizer.eta == 0.02
        assert (recipe.projector.hidden, recipe.projector.output, recipe.projector.layers) == (2048, 1024, 3)
    assert not load_recipe("frossl", "cifar10").views.crop


@pytest.mark.parametrize(
    ("size", "like"), [(28, "cifar10"), (64, "tiny-imagenet"), (96, "stl10"), (224, "imagenet100")]
)
def test_images_of_ones_own_take_the_recipe_of_the_set_with_images_as_large(size, like):
    own = load_recipe("frossl", "pictures/", size=size)
    assert dataclasses.replace(own, data=like) == load_recipe("frossl", like)


def test_overrides_are_typed_and_the_last_holds():
    recipe = load_recipe(
        "frossl",
        "cifar10",
        overrides=[
            "epochs=3",
            "epochs=5",
            "optimizer.lr=1e-2",
            "probe.decay_epochs=[2, 4]",
            "views.second_blur=0.25",
            "settings.invariance=mean",
            "sync_batchnorm=false",
            "split=train",
        ],
    )
    assert recipe.epochs == 5
    assert recipe.optimizer.lr == 0.01
    assert recipe.probe.decay_epochs == (2, 4)
    assert recipe.views.second_blur == 0.25
    assert recipe.settings.invariance == "mean"
    assert recipe.sync_batchnorm is False
    assert recipe.split == "train"


def test_a_preset_of_views_gives_what_the_section_does_not_state():
    recipe = load_recipe("frossl", "cifar10", overrides=["views.preset=vicreg"])
    assert recipe.views.solarize == 0.1
    assert not recipe.views.crop


def test_the_learning_rate_is_for_256_samples_unless_it_is_not_scaled():
    scaled = load_recipe("frossl", "tiny-imagenet")
    assert scaled.peak_lr == pytest.approx(0.6)
    assert dataclasses.replace(
        scaled, optimizer=dataclasses.replace(scaled.optimizer, scale_lr=False)
    ).peak_lr == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("override", "error", "match"),
    [
        ("optimizer.lrr=1", ValueError, r"got 'optimizer.lrr'. Did you mean 'optimizer.lr'\?"),
        ("epoch=1", ValueError, r"Did you mean 'epochs'\?"),
        ("settings.temperature=1", ValueError, "in settings: invariance_weight, alpha"),
        ("epochs", ValueError, "override: expected key=value; got 'epochs'"),
        ("=3", ValueError, "override: expected key=value"),
        ("epochs=many", TypeError, "epochs: expected a whole number; got 'many'"),
        ("epochs=1.5", TypeError, "epochs: expected a whole number; got 1.5"),
        ("epochs=true", TypeError, "epochs: expected a whole number; got True"),
        ("epochs=0", ValueError, "epochs: expected a number of at least 1; got 0"),
        ("epochs.all=1", ValueError, "override: expected a section at 'epochs'"),
        ("optimizer=3", TypeError, "optimizer: expected a section with keys; got 3"),
        ("optimizer.name=lion", ValueError, "optimizer.name: expected one of lars, sgd, adam, adamw; got 'lion'"),
        ("optimizer.lr=nan", ValueError, "optimizer.lr: expected a positive number; got nan"),
        ("optimizer.lr=-1", ValueError, "optimizer.lr: expected a positive number"),
        ("optimizer.momentum=1.5", ValueError, r"optimizer.momentum: expected a number within \[0, 1\]"),
        ("optimizer.betas=[0.9]", ValueError, "optimizer.betas: expected 2 values; got 1 of them"),
        ("optimizer.betas=0.9", TypeError, "optimizer.betas: expected a list"),
        ("probe.decay_epochs=[a]", TypeError, "probe.decay_epochs: expected a whole number; got 'a'"),
        ("views.preset=weird", ValueError, "views: expected one of symmetric"),
        ("views.flip=2", ValueError, "flip"),
        ("method=byol", ValueError, "override: expected a key other than method, data"),
        ("epochs=[1", ValueError, "override: expected a value in YAML"),
        ("precision=8", ValueError, "precision: expected one of 32-true"),
    ],
)
def test_bad_overrides(override, error, match):
    with pytest.raises(error, match=match):
        load_recipe("frossl", "cifar10", overrides=[override])


def test_a_rival_elsewhere_says_what_there_is_and_how_to_start_from_it():
    with pytest.raises(
        ValueError, match=r"barlow has a recipe for: cifar10, stl10; got 'imagenet'.*--dry-run.*--recipe"
    ):
        load_recipe("barlow", "imagenet")


def test_unknown_method_and_unknown_data_are_errors():
    with pytest.raises(ValueError, match="method: expected one of frossl, simclr"):
        load_recipe("frosl", "cifar10")
    with pytest.raises(ValueError, match="data: expected a data set that frossl has a recipe for"):
        load_recipe("frossl", "cifar11")


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("method: frossl\nepochs: 1\nepochs: 2\n", ValueError, "each key once; got 'epochs' twice"),
        ("method: frossl\n  epochs: [", ValueError, "expected YAML"),
        ("- 1\n", TypeError, "expected keys and values; got list"),
        ("epochs: 1\n", ValueError, "method: expected one of"),
        ("method: frossl\ndata: cifar10\n", ValueError, "expected the key 'epochs'"),
    ],
)
def test_bad_files(text, error, match, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(error, match=match):
        read_recipe(file)


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"got 'nowhere\.yaml'"):
        read_recipe("nowhere.yaml")


def test_settings_of_another_method_are_refused():
    recipe = load_recipe("frossl", "cifar10")
    with pytest.raises(TypeError, match="settings: expected those of frossl; got BYOLSettings"):
        dataclasses.replace(recipe, settings=SETTINGS["byol"]())
