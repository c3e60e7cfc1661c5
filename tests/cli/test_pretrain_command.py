"""`gramian pretrain`, `probe` and `export` as a user types them, on tiny images."""

import json
import random
import resource
import signal
import subprocess
import sys
import time

import pytest
import torch
import yaml
from safetensors.torch import load_file

from gramian.cli import main
from gramian.runs import read_run
from tests.cli._program import command, environment, gramian
from tests.ssl.data._layouts import LAYOUTS, write_layout
from tests.ssl.pretrain._images import same_weights, weights_of, write_images

QUICK = (
    "--epochs", 2, "--batch-size", 8, "--width", 2, "--set", "projector.hidden=8", "--set", "projector.output=4",
    "--accelerator", "cpu", "--workers", 0, "--log-every", 1,
)  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def images(home):
    return write_images(home / "images")


@pytest.fixture
def typed(monkeypatch, capsys):
    """The command line in this process: exit code, output, errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gramian", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def trained(home, images):
    out = home / "run"
    done = gramian("pretrain", "--method", "frossl", "--data", images, *QUICK, "--out", out, "--json", home=home)
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def test_json_has_the_run_its_last_values_and_the_manifest(trained):
    out, document = trained
    assert document["run"] == str(out)
    assert document["manifest"]["command_line"].startswith("gramian pretrain --method frossl --data ")
    assert {"loss", "knn20_accuracy", "probe_accuracy"} <= document["last"].keys()
    assert not document["resumed"]
    assert read_run(out).manifest["parameters"]["recipe"]["backbone"]["width"] == 2


def test_the_same_command_again_reads_the_finished_run(trained, images, typed):
    code, out, _ = typed("pretrain", "--method", "frossl", "--data", images, *QUICK, "--out", trained[0])
    assert code == 0
    assert "frossl on images: 48 images, 2 epochs, 12 steps of 8 images in 2 views" in " ".join(out.split())
    assert "knn20_accuracy" in out


def test_a_dry_run_prints_a_recipe_that_is_read_back(typed, tmp_path):
    code, out, _ = typed("pretrain", "--method", "frossl", "--data", "stl10", "--lr", "1e-5", "--views", 4, "--dry-run")
    assert code == 0
    recipe = yaml.safe_load(out)
    assert (recipe["optimizer"]["lr"], recipe["number_of_views"], recipe["split"]) == (1e-5, 4, "train+unlabelled")
    file = tmp_path / "mine.yaml"
    file.write_text(out)
    assert typed("pretrain", "--recipe", file, "--dry-run")[1] == out


def test_probe_says_how_good_the_features_are(trained, typed, tmp_path):
    arguments = ("probe", trained[0], "--protocol", "features", "--epochs", 3)
    code, out, _ = typed(*arguments, "--out", tmp_path / "probe.json")
    assert code == 0
    assert "2 epochs of frossl on images; images: 48 training and 18 test images." in out
    assert "20 nearest neighbours" in out
    assert json.loads((tmp_path / "probe.json").read_text())["linear"]["value"] == pytest.approx(
        json.loads(typed(*arguments, "--json")[1])["linear"]["value"]
    )
    assert "Untrained encoder" in typed(*arguments, "--untrained", "--no-linear")[1]


def test_export_writes_the_backbone_of_a_run_or_a_checkpoint(trained, typed, tmp_path):
    code, out, _ = typed("export", trained[0], tmp_path / "a.safetensors")
    assert code == 0
    assert "resnet18 of width 2 after 2 epochs of frossl on images: 16 features" in out
    code, out, _ = typed("export", trained[0] / "checkpoints" / "last.ckpt", tmp_path / "b.safetensors", "--json")
    assert code == 0
    assert not json.loads(out)["loads_as_is"]
    one, other = (load_file(tmp_path / name) for name in ("a.safetensors", "b.safetensors"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pretrain"], "method: expected one, or a recipe; got none"),
        (["pretrain", "--method", "frosl", "--data", "cifar10"], "method: expected one of frossl"),
        (["pretrain", "--method", "frossl", "--data", "cifar10"], "root: expected the folder that holds cifar10; got none"),
        (["pretrain", "--method", "simclr", "--data", "imagenet"], "data: expected a data set that simclr has a recipe for"),
        (["pretrain", "--method", "frossl", "--data", "IMAGES", "--set", "optimzer.lr=1"], "optimizer"),
        (["pretrain", "--method", "frossl", "--data", "IMAGES", "--views", "9", "--batch-size", "8"],
         "number_of_views: expected 2 to 8 for frossl"),
        (["pretrain", "--method", "frossl", "--data", "IMAGES", "--devices", "two"], "--devices: expected auto, a number"),
        (["pretrain", "--method", "frossl", "--data", "IMAGES"], "batch_size: expected at most the number of images"),
        (["pretrain", "--method", "frossl", "--data", "IMAGES", "--no-evaluate", "--evaluate-every", "2"],
         "--evaluate-every: expected none"),
        (["pretrain", "--recipe", "nowhere.yaml"], "recipe: expected a file; got 'nowhere.yaml'"),
        (["probe", "nowhere.ckpt"], "checkpoint: expected a checkpoint, or a run directory that has one"),
        (["probe", "RUN", "--neighbors", "some"], "--neighbors: expected numbers separated by commas"),
        (["probe", "RUN", "--protocol", "best"], "protocol: expected augmented or features; got 'best'"),
        (["probe", "RUN", "--data", "cifar10"], "root: expected the folder that holds cifar10; got none"),
        (["export", "RUN", "a.safetensors", "--layer", "3"], "--layer: expected none with a pretrained backbone"),
        (["export", "RUN", "a.pt"], "out: expected a file that ends in .safetensors; got a.pt"),
        (["export", "nowhere.ckpt", "a.safetensors"], "checkpoint: expected a checkpoint"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_2(arguments, message, trained, images, typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = {"IMAGES": images, "RUN": trained[0]}
    code, out, errors = typed(*(places.get(argument, argument) for argument in arguments))
    assert (code, out) == (2, "")
    assert errors.startswith("gramian: ")
    assert errors.count("\n") == 1
    assert message in errors
    assert not (tmp_path / "runs").exists(), "a command that was wrong leaves nothing in the way of the right one"


def test_a_damaged_image_is_named_and_nothing_is_lost(typed, tmp_path):
    folder = write_images(tmp_path / "images")
    bad = folder / "train" / "blue" / "03.png"
    whole = bad.read_bytes()
    bad.write_bytes(whole[:60])
    arguments = ("pretrain", "--method", "frossl", "--data", folder, *QUICK, "--out", tmp_path / "run")
    code, _, errors = typed(*arguments)
    assert code == 2
    assert "03.png" in errors
    bad.write_bytes(whole)
    code, _, errors = typed(*arguments)
    assert code == 0, errors


def test_another_command_in_a_directory_is_refused_with_the_difference(trained, images, typed):
    code, _, errors = typed(
        "pretrain", "--method", "frossl", "--data", images, *QUICK, "--lr", 0.7, "--out", trained[0]
    )
    assert code == 2
    assert "recipe.optimizer.lr: 0.3 there, 0.7 now" in errors


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_random_moments_the_same_command_ends_in_the_same_weights(home, images, tmp_path):
    arguments = [
        "pretrain", "--method", "frossl", "--data", images, *QUICK, "--epochs", 12, "--checkpoint-steps", 2, "--json"
    ]  # fmt: skip
    assert gramian(*arguments, "--out", tmp_path / "a", home=home).returncode == 0
    out, draw, killed = tmp_path / "b", random.Random(0), 0
    last = out / "checkpoints" / "last.ckpt"
    while killed < 4:
        before = last.stat().st_mtime_ns if last.exists() else None
        process = subprocess.Popen(
            command(*arguments, "--out", out), env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        while process.poll() is None and (not last.exists() or last.stat().st_mtime_ns == before):
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.4))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += 1
    assert killed >= 2, "the run ended before it could be killed"
    done = gramian(*arguments, "--out", out, home=home)
    assert done.returncode == 0, done.stderr
    assert same_weights(tmp_path / "a", out)
    for table in ("training", "training_measures", "training_spectra"):
        one, other = (read_run(run).tables[table].to_pydict() for run in (tmp_path / "a", out))
        for columns in (one, other):
            columns.pop("seconds", None)
        assert one == other, table


@pytest.mark.slow
def test_two_processes_that_lightning_starts_share_one_run(home, images, tmp_path):
    arguments = ["pretrain", "--method", "frossl", "--data", images, *QUICK, "--strategy", "ddp", "--devices", 2]
    done = gramian(*arguments, "--out", tmp_path / "run", "--json", home=home)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["manifest"]["hardware_used"]["processes"] == 2
    assert document["manifest"]["steps"] == 12
    assert document["last"]["knn20_accuracy"] > 0.3


# What makes the packaged recipe small; data, method and everything else stay as a user would type them.
TINY = (
    "--epochs", 1, "--batch-size", 8, "--width", 2, "--set", "projector.hidden=8", "--set", "projector.output=4",
    "--accelerator", "cpu", "--workers", 0, "--log-every", 1, "--precision", "32-true",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_data_set_trains_and_is_probed_in_its_own_layout(name, tmp_path, monkeypatch, typed):
    layout = write_layout(name, tmp_path / "data", per_class=2, test_per_class=1).accept(monkeypatch)
    run, root = tmp_path / "run", ("--root", layout.root)
    small = ("--subset", 64) if sum(layout.counts.values()) > 400 else ()
    code, out, errors = typed(
        "pretrain", "--method", "frossl", "--data", name, *root, *TINY, *small, "--out", run, "--json"
    )
    assert code == 0, errors
    document = json.loads(out)
    assert document["manifest"]["data"]["classes"] == layout.classes
    assert document["manifest"]["data"]["split"] == ("train+unlabelled" if name == "stl10" else "train")
    assert all(value.isfinite().all() for value in weights_of(run).values())
    code, out, errors = typed("probe", run, *root, "--protocol", "features", "--epochs", 1, "--json")
    assert code == 0, errors
    found = json.loads(out)
    assert found["data"] == name
    assert found["test"] == layout.counts["test"]
    assert 0 <= found["linear"]["value"] <= 1
    assert typed("export", run, tmp_path / "encoder.safetensors")[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("method", ["simclr", "swav", "dino"])
def test_rivals_train_on_stl10_from_their_recipes(method, tmp_path, monkeypatch, typed):
    layout = write_layout("stl10", tmp_path / "data", per_class=4).accept(monkeypatch)
    more = {
        "swav": ["--set", "settings.prototypes=6", "--set", "settings.queue=16"],
        "dino": ["--set", "settings.prototypes=6"],
    }
    code, _, errors = typed(
        "pretrain", "--method", method, "--data", "stl10", "--root", layout.root, *TINY, *more.get(method, []),
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, errors


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_same_command_goes_on(home, images, tmp_path):
    """Files of the process may not grow beyond what is smaller than a checkpoint: as on a full disk, the write fails half-way."""
    arguments = ["pretrain", "--method", "frossl", "--data", images, *QUICK, "--json"]
    straight, out = tmp_path / "a", tmp_path / "b"
    assert gramian(*arguments, "--out", straight, home=home).returncode == 0
    limit = (straight / "checkpoints" / "last.ckpt").stat().st_size // 2
    failed = subprocess.run(
        command(*arguments, "--out", out), env=environment(home), capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert failed.returncode == 2
    lines = [line for line in failed.stderr.splitlines() if line.startswith("gramian: ")]
    assert len(lines) == 1
    assert "last.ckpt: expected to be able to write it; got File too large" in lines[0]
    assert not list((out / "checkpoints").iterdir()), "nothing half-written"
    assert gramian(*arguments, "--out", out, home=home).returncode == 0
    assert same_weights(straight, out)
