"""The examples of monitors run as they stand, and leave records that the report draws."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from gramian.report import render
from gramian.runs import read_run

EXAMPLES = Path(__file__).parents[2] / "examples"
CASES = {
    "monitor_lightly": (("pytorch_lightning", "lightly"), {"encoder": 512, "projection_head": 128}, 2),
    "monitor_stable_pretraining": (("lightning.pytorch", "stable_pretraining"), {"backbone": 512, "projector": 64}, 2),
    "monitor_hugging_face": (("transformers", "accelerate"), {"bert.encoder": 64}, 1),
}
SHORT = {
    "monitor_lightly": ["--epochs", "2", "--batch-size", "128"],
    "monitor_stable_pretraining": ["--epochs", "2", "--batch-size", "64"],
    "monitor_hugging_face": ["--steps", "8", "--batch-size", "16"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_an_example_runs_and_its_record_is_drawn(name, tmp_path, monkeypatch):
    needed, sources, views = CASES[name]
    for package in needed:
        pytest.importorskip(package, reason=f"needs {package.replace('_', '-')}")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("HOME", str(tmp_path))  # stable-pretraining keeps notes there
    monkeypatch.setattr(sys, "argv", [name, *SHORT[name], "--out", str(tmp_path / "run")])
    importlib.import_module(name).main()
    tables = read_run(tmp_path / "run").tables
    spectra, measures = tables["training_spectra"], tables["training_measures"].to_pylist()
    assert {row["source"] for row in measures} == set(sources)
    for source, width in sources.items():
        ranks = [row["index"] for row in spectra.to_pylist() if row["source"] == source]
        assert max(ranks) <= width
        ranked = [row["value"] for row in measures if (row["source"], row["measure"]) == (source, "effective_rank")]
        assert len(ranked) >= 2
        assert all(1 <= value <= width for value in ranked)
        lidar = [row["value"] for row in measures if (row["source"], row["measure"]) == (source, "lidar")]
        assert all((value == value) == (views > 1) for value in lidar)
    assert render([tmp_path / "run"]).stat().st_size > 1e6
