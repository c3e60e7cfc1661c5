"""`gramian multiview`: what it trains, writes and refuses."""

import json
import sys

import numpy as np
import pytest

pytest.importorskip("pytorch_lightning", reason="needs PyTorch Lightning: the extra `ssl`")
pytest.importorskip("sklearn", reason="needs scikit-learn")

from gramian.cli._app import main
from gramian.multiview import load_encoder
from tests.multiview._digits import mixed_pairs, noisy_pairs

QUICK = ("--alpha", 2, "--latent", 2, "--epochs", 2, "--batch-size", 32, "--device", "cpu")


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["gramian", "multiview", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        return printed.out if code == 0 else printed.err

    return call


@pytest.fixture
def arrays(tmp_path):
    views, _ = mixed_pairs(100)
    for name, view in zip(("left", "right"), views, strict=True):
        np.save(tmp_path / f"{name}.npy", view)
    return [tmp_path / "left.npy", tmp_path / "right.npy"]


def test_arrays_become_an_encoder_latents_and_a_page(arrays, run, tmp_path):
    out = tmp_path / "run"
    found = json.loads(run(*arrays, "--out", out, *QUICK, "--json"))
    assert (found["training"], found["held_out"], found["steps"]) == (80, 20, 2 * 2)
    assert found["views"] == ["left", "right"]
    views = [np.load(path) for path in arrays]
    encoder = load_encoder(out / "encoder")
    with np.load(out / "latents.npz") as latents:
        np.testing.assert_allclose(encoder.transform(views)[1], latents["shared_2"], atol=1e-6)
        held = latents["held_out"]
    assert held.sum() == 20
    assert encoder.score([view[held] for view in views]) == pytest.approx(found["dime_held_out"], abs=1e-5)
    assert json.loads((out / "multiview.json").read_text())["dime_held_out"] == found["dime_held_out"]
    page = (out / "report.html").read_text()
    assert "What left and right share" in page
    assert "coordinate after the other" not in page
    assert '<script src="http' not in page


def test_the_same_command_goes_on_and_overwrite_starts_anew(arrays, run, tmp_path):
    told = (*arrays, "--out", tmp_path / "run", *QUICK, "--no-report", "--json")
    first, again = json.loads(run(*told)), json.loads(run(*told))
    assert (first.pop("resumed"), again.pop("resumed")) == (False, True)
    assert first == again
    assert "lr=0.5" in run(*told, "--lr", 0.5, code=2)
    assert not json.loads(run(*told, "--lr", 0.5, "--overwrite"))["resumed"]


def test_several_starts_go_on_and_are_removed_by_overwrite(arrays, run, tmp_path):
    told = (*arrays, "--out", tmp_path / "run", *QUICK, "--no-report", "--json")
    first = json.loads(run(*told, "--n-init", 2))
    assert len(first["start_losses"]) == 2
    assert len(set(first["start_losses"])) == 2
    again = json.loads(run(*told, "--n-init", 2))
    assert (first.pop("resumed"), again.pop("resumed")) == (False, True)
    assert again == first
    run(*told, "--overwrite")
    assert not list((tmp_path / "run").glob("start-*"))


def test_one_archive_of_views_and_exclusive_codes(arrays, run, tmp_path):
    np.savez(tmp_path / "both.npz", **{path.stem: np.load(path) for path in arrays})
    printed = run(tmp_path / "both.npz", "--out", tmp_path / "run", *QUICK, "--exclusive", 1, "--independence", 0.5)
    assert "2 views of 100 samples; 4 steps." in printed
    assert load_encoder(tmp_path / "run" / "encoder").independence == 0.5
    page = (tmp_path / "run" / "report.html").read_text()
    for view, part in ((1, "exclusive"), (2, "shared")):
        assert f"View {view}: sample 0, one {part} coordinate after the other" in page
    with np.load(tmp_path / "run" / "latents.npz") as latents:
        assert latents["exclusive_2"].shape == (100, 1)


def test_folders_of_images_are_paired_by_name(run, tmp_path):
    image = pytest.importorskip("PIL.Image")
    views, _ = noisy_pairs(40)
    for folder, view in zip(("plain", "noisy"), views, strict=True):
        (tmp_path / folder).mkdir()
        for number, pixels in enumerate(view):
            grey = (255 * pixels.clip(0, 1)).astype(np.uint8)
            image.fromarray(grey).save(tmp_path / folder / f"{number:03d}.png")
    told = (tmp_path / "plain", tmp_path / "noisy", *QUICK, "--encoder", "conv", "--image-size", 8, "--no-report")
    run(*told, "--out", tmp_path / "run")
    assert load_encoder(tmp_path / "run" / "encoder").shapes_ == [(1, 8, 8)] * 2
    with np.load(tmp_path / "run" / "latents.npz") as latents:
        assert latents["names"][3] == "003.png"
    (tmp_path / "noisy" / "003.png").rename(tmp_path / "noisy" / "other.png")
    assert "expected the same file names in every folder; got 003.png" in run(*told, "--out", tmp_path / "b", code=2)


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (lambda x: x[:-1], (), "views[1]: expected as many samples as the first view, 100; got 99"),
        (lambda x: np.ones_like(x), (), "views[1]: expected rows that differ; got all rows equal"),
        (lambda x: x * np.nan, (), "views[1]: expected finite numbers"),
        (lambda x: x, ("--encoder", "deep"), "encoders: expected one of linear, mlp, conv"),
        (lambda x: x, ("--bandwidth", "wide"), "bandwidth: expected dimension, median, learned or a positive number"),
        (lambda x: x, ("--independence", -1), "independence: expected a number from 0; got -1"),
        (lambda x: x, ("--held-out", 2), "--held-out"),
        (lambda x: x, ("gone.npy",), "expected a .npy or .npz file or a folder of images; got nothing at gone.npy"),
    ],
)
def test_wrong_use_is_one_line_and_leaves_nothing(change, arguments, message, arrays, run, tmp_path):
    np.save(arrays[1], change(np.load(arrays[1])))
    said = run(*arrays, *arguments, "--out", tmp_path / "run", code=2)
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_directory_of_other_things_is_left_alone(arrays, run, tmp_path):
    said = run(*arrays, "--out", tmp_path, *QUICK, "--overwrite", code=2)
    assert "expected a new directory or a run of this command" in said
    assert arrays[0].exists()


def test_one_view_alone_is_refused(arrays, run, tmp_path):
    assert "expected at least two arrays; got one" in run(arrays[0], "--out", tmp_path / "run", code=2)
