"""The example of paired views runs as it stands, beats its first weights and leaves its figures."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")
pytest.importorskip("plotly", reason="needs plotly")

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("rotated_and_noisy_views")


def scores(line):
    _, rotated, noisy = (part.split() for part in line.replace("rotated", "|").replace("noisy", "|").split("|"))
    return float(rotated[0]), float(noisy[0])


def test_codes_beat_those_of_first_weights_and_figures_are_there(example, tmp_path, monkeypatch, capsys):
    told = ["--epochs", "8", "--copies", "1", "--batch-size", "320", "--latent", "5", "--out", str(tmp_path / "run")]
    monkeypatch.setattr(sys, "argv", ["rotated_and_noisy_views", *told])
    example.main()
    printed = {line[:14].strip(): line for line in capsys.readouterr().out.splitlines()}
    for before, after in zip(scores(printed["first weights"]), scores(printed["DiME"]), strict=True):
        assert after > before + 0.05
    assert {file.name for file in (tmp_path / "run").iterdir()} == {"latent_map.html", "training.html"}


def test_partners_are_other_images_of_the_class(example):
    """Images of one grey each: the least pixel of a noisy view is near its image's grey, which is never that of its partner."""
    labels = np.arange(30) % 3
    grey = np.arange(30, dtype=np.float32) / 60
    images = np.broadcast_to(grey[:, None, None], (30, 40, 40)).copy()
    turned, noisy = example.paired_views(images, labels, np.random.default_rng(0))
    partners = np.rint(noisy.min((1, 2)) * 60).astype(int)
    np.testing.assert_array_equal(labels[partners], labels)
    assert (partners != np.arange(30)).all()
    np.testing.assert_allclose(turned[:, 20, 20], grey, atol=1e-6)
    assert noisy.max() <= 1


def test_fashion_mnist_is_read_from_its_folder(example, tmp_path):
    pytest.importorskip("torchvision", reason="needs torchvision")
    from tests.ssl.data._layouts import write_layout

    write_layout("fashion-mnist", tmp_path, per_class=2, test_per_class=1)
    (images, labels), (held, _) = example.load_images(tmp_path)
    assert images.shape[1:] == held.shape[1:] == (28, 28)
    assert images.dtype == np.float32
    assert float(images.max()) <= 1
    assert len(labels) == len(images)
