"""The example of coloured digits: its views are what it says, it runs, and its codes tell digit and colour apart."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")
pytest.importorskip("plotly", reason="needs plotly")

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def example():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        yield importlib.import_module("coloured_views")


@pytest.mark.parametrize("pairing", ["same", "class"])
def test_views_have_the_digit_in_common_and_colours_of_their_own(example, pairing):
    train, test = example.coloured_digits(copies=4, pairing=pairing)
    first, second = train.views
    assert first.shape == second.shape == (4 * 1297, 3, 8, 8)
    assert len(test.digits) == 2 * 500
    # The brightest channel of the first view and the complement of the darkest of the second are the digit's shades.
    ink = [first.max(1), second.min(1)]
    assert (np.abs(ink[0] - ink[1]).max((1, 2)) < 1e-6).all() == (pairing == "same")
    joint = np.zeros((12, 12))
    np.add.at(joint, tuple(train.colours), 1)
    assert np.abs(joint / joint.sum() - 1 / 144).max() < 0.005
    dark = ink[1] < 0.01
    background = np.where(dark[:, None], second, 0).sum((2, 3)) / dark.sum((1, 2))[:, None]
    for colour in range(12):
        own = background[train.colours[1] == colour]
        np.testing.assert_allclose(own, np.broadcast_to(own[0], own.shape), atol=0.02)


def test_it_prints_four_accuracies_against_chance_and_leaves_traversals(example, tmp_path, capsys):
    example.main(["--epochs", "1", "--copies", "1", "--out", str(tmp_path / "out")])
    lines = capsys.readouterr().out.splitlines()
    assert [line[:22].strip() for line in lines[1:5]] == [
        f"{target} from {part}" for part in ("shared", "exclusive") for target in ("digit", "colour")
    ]
    assert [line.split()[-1] for line in lines[1:3]] == ["0.100", "0.083"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "traversal-exclusive.html",
        "traversal-shared.html",
    }


@pytest.mark.slow
def test_the_digit_is_in_shared_codes_and_the_colour_in_exclusive_ones(example):
    train, test = example.coloured_digits(copies=8)
    found = example.accuracies(example.fitted_encoder(train, epochs=8), train, test)
    assert min(found["digit from shared"]) > 0.5
    assert max(found["colour from shared"]) < 0.4
    assert max(found["digit from exclusive"]) < 0.35
    assert min(found["colour from exclusive"]) > 0.7
