"""A pretraining run: what it leaves behind, that it goes on, and that nothing beside it reaches the weights."""

import dataclasses
import shutil

import pytest
import pytorch_lightning as pl
import torch

from gramian.runs import RunMismatch, read_run
from gramian.ssl import EvaluationPlan, load_recipe, pretrain, read_recipe, resolve_recipe
from gramian.training import CheckpointFault, NonFiniteTraining
from tests.ssl.pretrain._images import CLASSES, EPOCHS, SMALL, STEPS, TRAIN, same_weights, small_run, write_images


class Stopped(Exception):
    pass


class StopAt(pl.Callback):
    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.step:
            raise Stopped


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def undisturbed(images, tmp_path_factory):
    return small_run(images, tmp_path_factory.mktemp("runs") / "a")


def columns(directory, table):
    """A table without its times."""
    found = read_run(directory).tables[table].to_pydict()
    found.pop("seconds", None)
    return found


def test_a_run_leaves_recipe_checkpoint_and_tables(undisturbed, images):
    record = read_run(undisturbed.directory)
    assert set(record.tables) == {"training", "training_spectra", "training_measures"}
    assert undisturbed.checkpoint == undisturbed.directory / "checkpoints" / "last.ckpt"
    assert read_recipe(undisturbed.directory / "recipe.yaml") == undisturbed.recipe
    assert undisturbed.recipe.split == "train"
    data = record.manifest["data"]
    assert (data["images"], data["classes"], data["split"]) == (TRAIN * len(CLASSES), len(CLASSES), "train")
    assert record.manifest["steps"] == STEPS * EPOCHS


def test_the_training_table_counts_steps_epochs_and_views(undisturbed):
    table = read_run(undisturbed.directory).tables["training"]
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("step", "int64"), ("epoch", "double"), ("metric", "string"), ("value", "double"), ("seconds", "double"), ("views", "int64"),
    ]  # fmt: skip
    rows = table.to_pylist()
    losses = [row for row in rows if row["metric"] == "loss"]
    assert [row["step"] for row in losses] == list(range(1, STEPS * EPOCHS + 1))
    assert all(row["views"] == row["step"] * 8 * 2 and row["epoch"] == row["step"] / STEPS for row in rows)
    ends = [STEPS * epoch for epoch in range(EPOCHS + 1)]
    assert [row["step"] for row in rows if row["metric"] == "knn20_accuracy"] == ends
    assert [row["step"] for row in rows if row["metric"] == "probe_accuracy"] == ends[1:]
    assert not any(row["metric"].startswith("spectrum/") for row in rows), (
        "the monitor's values have tables of their own"
    )


def test_classes_that_differ_in_colour_are_told_apart(undisturbed):
    """By chance a third of them."""
    assert undisturbed.last("knn20_accuracy") > 0.5
    assert undisturbed.last("probe_accuracy") > 0.5
    assert undisturbed.last("no such metric") is None


@pytest.mark.parametrize("step", [STEPS + 3, 2 * STEPS, 2 * STEPS + 1])
def test_a_stopped_run_goes_on_to_the_same_weights_and_tables(undisturbed, images, step, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Stopped):
        small_run(images, out, checkpoint_steps=2, callbacks=[StopAt(step)])
    result = small_run(images, out)
    assert result.resumed
    assert same_weights(result.directory, undisturbed.directory)
    for table in ("training", "training_measures", "training_spectra"):
        assert columns(out, table) == columns(undisturbed.directory, table), table


def test_a_run_killed_before_its_tables_writes_them_without_training(undisturbed, images, tmp_path, monkeypatch):
    def fail(*arguments, **named):
        raise Stopped

    with monkeypatch.context() as patched:
        patched.setattr("gramian.ssl._pretrain.training_table", fail)
        with pytest.raises(Stopped):
            small_run(images, tmp_path / "run")
    result = small_run(images, tmp_path / "run", callbacks=[StopAt(STEPS * EPOCHS)])
    assert same_weights(result.directory, undisturbed.directory)
    assert columns(tmp_path / "run", "training") == columns(undisturbed.directory, "training")
    assert columns(tmp_path / "run", "training_spectra") == columns(undisturbed.directory, "training_spectra")


@pytest.mark.parametrize(
    "options",
    [{"evaluation": None}, {"monitor": False}, {"workers": 1}, {"evaluation": EvaluationPlan(every=2, bank=5, test=4)}],
    ids=["not judged", "not watched", "workers", "judged less"],
)
def test_nothing_beside_training_reaches_the_weights(undisturbed, images, options, tmp_path):
    result = small_run(images, tmp_path / "run", **options)
    assert same_weights(result.directory, undisturbed.directory)


def test_another_seed_gives_other_weights(undisturbed, images, tmp_path):
    result = small_run(images, tmp_path / "run", overrides=["seed=1"])
    assert not same_weights(result.directory, undisturbed.directory)


def test_a_finished_run_is_read_back(undisturbed, images):
    before = undisturbed.checkpoint.stat().st_mtime_ns
    again = small_run(images, undisturbed.directory)
    assert again.resumed
    assert undisturbed.checkpoint.stat().st_mtime_ns == before
    assert again.last("loss") == undisturbed.last("loss")


def test_another_recipe_or_other_images_are_refused_and_overwritten_when_told(images, tmp_path):
    out = tmp_path / "run"
    quick = {"evaluation": None, "monitor": False}
    small_run(images, out, overrides=["epochs=1"], **quick)
    with pytest.raises(RunMismatch, match=r"recipe\.optimizer\.lr: 0\.5 there, 0\.25 now"):
        small_run(images, out, overrides=["epochs=1", "optimizer.lr=0.25"], **quick)
    with pytest.raises(RunMismatch, match=r"images\.identity"):
        small_run(images, out, overrides=["epochs=1"], subset=24, **quick)
    result = small_run(images, out, overrides=["epochs=1", "optimizer.lr=0.25"], overwrite=True, **quick)
    assert not result.resumed
    assert result.recipe.optimizer.lr == 0.25


def test_data_without_labels_are_not_judged(images, tmp_path):
    folder = tmp_path / "plain"
    folder.mkdir()
    for number, path in enumerate(sorted((images / "train").rglob("*.png"))):
        shutil.copy(path, folder / f"{number:02d}.png")
    result = small_run(folder, tmp_path / "run", overrides=["epochs=1"])
    assert not any(row.metric.endswith("_accuracy") for row in result.history)
    assert result.last("loss") is not None


def test_a_subset_has_every_class_in_proportion(images, tmp_path):
    result = small_run(images, tmp_path / "run", subset=24, overrides=["epochs=1"], evaluation=None, monitor=False)
    assert result.manifest["data"]["images"] == 24
    assert result.manifest["steps"] == 3


def test_more_images_a_batch_than_there_are_is_a_clear_line(images, tmp_path):
    with pytest.raises(ValueError, match=r"batch_size: expected at most the number of images; got 64 with 48 images"):
        small_run(images, tmp_path / "run", overrides=["batch_size=64"])


def test_a_loss_that_diverges_names_the_checkpoint_that_is_kept(images, tmp_path):
    class Spoil(pl.Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            if trainer.global_step == STEPS + 1:
                batch[0][0].fill_(float("nan"))

    with pytest.raises(
        NonFiniteTraining, match=rf"got nan at step {STEPS + 2} .* The checkpoint of step {STEPS} is kept"
    ):
        small_run(images, tmp_path / "run", callbacks=[Spoil()])
    result = small_run(images, tmp_path / "run")
    assert result.resumed
    assert result.manifest["steps"] == STEPS * EPOCHS


def test_a_damaged_checkpoint_is_a_clear_line_and_nothing_is_lost(images, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Stopped):
        small_run(images, out, callbacks=[StopAt(STEPS + 1)])
    last = out / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(CheckpointFault, match=r"last\.ckpt, which cannot be read"):
        small_run(images, out)
    assert last.stat().st_size == 1000


def test_recipes_come_from_the_package_a_file_or_a_value(images, tmp_path):
    packaged = resolve_recipe("frossl", "stl10")
    assert packaged == dataclasses.replace(load_recipe("frossl", "stl10"), split="train+unlabelled")
    file = tmp_path / "mine.yaml"
    file.write_text(packaged.to_yaml())
    assert resolve_recipe(recipe=file) == packaged
    assert resolve_recipe(recipe=file, overrides=["epochs=3"]).epochs == 3
    assert resolve_recipe(data="cifar10", recipe=packaged).data == "cifar10"
    assert resolve_recipe("frossl", images).data == str(images)
    with pytest.raises(ValueError, match="method: expected frossl, as in the recipe; got simclr"):
        resolve_recipe("simclr", recipe=file)
    with pytest.raises(ValueError, match="overrides: expected none with a Recipe"):
        resolve_recipe(recipe=packaged, overrides=["epochs=3"])
    with pytest.raises(ValueError, match="data: expected one, or a recipe; got none"):
        resolve_recipe("frossl")
    with pytest.raises(TypeError, match="recipe: expected a Recipe or a file; got int"):
        resolve_recipe(recipe=3)


def test_narrow_networks_do_not_lay_channels_last():
    """Torch's gradient of their shortcuts ends the process at ImageNet's size."""
    assert not resolve_recipe("frossl", "imagenet", overrides=["backbone.width=8"]).channels_last
    assert resolve_recipe("frossl", "imagenet", overrides=["backbone.width=16"]).channels_last


def test_data_of_a_name_need_a_root(tmp_path):
    with pytest.raises(ValueError, match="root: expected the folder that holds cifar10; got none"):
        pretrain("frossl", "cifar10", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "method", ["simclr", "moco", "byol", "simsiam", "swav", "dino", "barlow", "vicreg", "wmse", "mmcr"]
)
def test_every_rival_trains_stops_and_goes_on_to_the_same_weights(method, images, tmp_path):
    """From its recipe for CIFAR-10, on other images."""
    settings = {
        "swav": ["settings.prototypes=6", "settings.queue=16"],
        "dino": ["settings.prototypes=6"],
        "moco": ["settings.queue=16"],
    }
    more = settings.get(method, []) + (["settings.whitening_size=8"] if method == "wmse" else [])
    recipe = load_recipe(method, "cifar10", overrides=[*SMALL, *more])
    options = {"recipe": recipe, "root": None, "accelerator": "cpu", "log_every": 1}
    straight = pretrain(data=images, out=tmp_path / "a", **options)
    with pytest.raises(Stopped):
        pretrain(data=images, out=tmp_path / "b", checkpoint_steps=2, callbacks=[StopAt(STEPS + 3)], **options)
    result = pretrain(data=images, out=tmp_path / "b", **options)
    assert result.resumed
    assert same_weights(result.directory, straight.directory)
    assert columns(tmp_path / "b", "training") == columns(tmp_path / "a", "training")


def test_half_precision_of_graphics_processors_becomes_bfloat16_on_others(images, tmp_path):
    result = small_run(images, tmp_path / "run", overrides=["epochs=1", "precision=16-mixed"])
    assert torch.isfinite(torch.tensor(result.last("loss")))
