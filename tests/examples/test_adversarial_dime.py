"""The adversarial example: what it counts, what its generator strives for, and that it does not collapse."""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def example():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        yield importlib.import_module("adversarial_dime")


def test_the_data_cover_every_mode_and_a_collapsed_generator_one(example):
    data = example.ring(4000, torch.Generator().manual_seed(0))
    found = example.coverage(data)
    # Of a plane's Gaussian, exp(-9 / 2) lie beyond three deviations.
    assert found.modes == 8
    assert found.good == pytest.approx(1 - math.exp(-4.5), abs=0.006)
    assert example.coverage(data[:1].expand(100, 2)) == (1, 1.0)
    assert example.coverage(torch.zeros(100, 2)) == (0, 0.0)


def test_equal_features_leave_the_labels_their_whole_entropy_and_clusters_none(example):
    labels = torch.arange(2).repeat_interleave(8)
    gram = example.gm.label_kernel(labels).float()
    assert example.label_entropy(gram, torch.zeros(16, 3)).item() == pytest.approx(math.log(2), abs=1e-6)
    apart = 100.0 * labels[:, None].expand(16, 3)
    assert example.label_entropy(gram, apart).item() == pytest.approx(0.0, abs=1e-6)


def test_it_runs_and_one_seed_gives_one_game(example, capsys):
    example.main(["--steps", "100", "--inner", "1"])
    said = capsys.readouterr().out
    assert said.startswith("step   100  DiME")
    assert "modes covered" in said.splitlines()[-1]
    first, again, other = (example.train(steps=2, seed=seed)(5) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.slow
def test_the_generator_covers_at_least_seven_of_eight_modes(example):
    found = example.coverage(example.train(seed=0)(5000))
    assert found.modes >= 7
    assert found.good > 0.25
