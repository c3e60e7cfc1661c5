"""Shared codes have the digit and exclusive ones the colour, and neither the other; with the term of independence and without."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gramian.multiview import load_encoder, save_encoder
from tests.studies._disentanglement_figure import draw_disentanglement
from tests.studies._figures import write_json
from tests.studies._runs import study_folder

pytestmark = pytest.mark.study
EXAMPLES = Path(__file__).parents[2] / "examples"
# Weight of the term of independence: seeds.
CELLS = {1.0: (0, 1, 2), 0.0: (0,)}
CHANCE = {"digit": 1 / 10, "colour": 1 / 12}


@pytest.fixture(scope="module")
def example():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        yield importlib.import_module("coloured_views")


def _cell(example: Any, weight: float, seed: int) -> dict[str, list[float]]:
    """Accuracies of one encoder, which is kept too; what is there is not trained again."""
    folder = study_folder("disentanglement") / f"same-independence-{weight:g}-seed-{seed}"
    file = folder / "accuracies.json"
    if not file.exists():
        train, test = example.coloured_digits(seed=seed)
        encoder = example.fitted_encoder(train, seed=seed, independence=weight)
        found = example.accuracies(encoder, train, test)
        found["dime held out"] = [encoder.score(test.views)]
        save_encoder(encoder, folder / "encoder")
        file.write_text(json.dumps(found))
    return json.loads(file.read_text())


@pytest.fixture(scope="module")
def accuracy(example):
    """Means over seeds and views, and a value for each, as they go into the docs; the figure is of the first seed."""
    content: dict[str, Any] = {"settings": example.SETTINGS, "chance": CHANCE, "independence": {}}
    for weight, seeds in CELLS.items():
        cells = [_cell(example, weight, seed) for seed in seeds]
        of_weight = content["independence"].setdefault(f"{weight:g}", {"seeds": list(seeds)})
        for name in cells[0]:
            values = [cell[name] for cell in cells]
            of_weight[name] = {"mean": float(np.mean(values)), "values": values}
    write_json("disentanglement", content)
    encoder = load_encoder(study_folder("disentanglement") / "same-independence-1-seed-0" / "encoder")
    draw_disentanglement(encoder, example.coloured_digits(seed=0)[1].views)
    return content["independence"]


def test_shared_codes_have_the_digit_and_not_the_colour(accuracy):
    found = accuracy["1"]
    assert found["digit from shared"]["mean"] > 0.7
    assert found["colour from shared"]["mean"] < 0.25


def test_exclusive_codes_have_the_colour_and_not_the_digit(accuracy):
    found = accuracy["1"]
    assert found["colour from exclusive"]["mean"] > 0.9
    assert found["digit from exclusive"]["mean"] < 0.25


def test_without_the_term_exclusive_codes_tell_more_of_the_digit(accuracy):
    with_it, without = (accuracy[weight]["digit from exclusive"]["mean"] for weight in ("1", "0"))
    assert with_it < without - 0.08
