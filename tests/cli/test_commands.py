"""The commands as a user types them: output, exit codes, files left behind."""

import json

import numpy as np
import pytest

from gramian import __version__, quality
from gramian.runs import read_run
from tests.cli._program import gramian
from tests.layers._tiny import tiny_llama_folder


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_llama_folder(tmp_path_factory)


@pytest.fixture(scope="module")
def measured(home, folder):
    return gramian(
        "measure", folder, "--prompts", 20, "--views", 2, "--max-tokens", 24, "--out", home / "run", home=home
    )


def test_measure_prints_a_table_and_where_things_are(measured, home):
    assert measured.returncode == 0, measured.stderr
    assert "prompt entropy" in measured.stdout
    assert "normed" in measured.stdout
    assert f"Run:    {home / 'run'}" in measured.stdout
    assert (home / "run" / "report.html").is_file()
    assert "Small sample for" in measured.stdout, "20 prompts are few, and the terminal says so"


def test_the_same_command_again_uses_the_run(measured, home, folder):
    before = (home / "run" / "measures.parquet").stat().st_mtime_ns
    again = gramian(
        "measure", folder, "--prompts", 20, "--views", 2, "--max-tokens", 24, "--out", home / "run", home=home
    )
    assert again.returncode == 0, again.stderr
    assert (home / "run" / "measures.parquet").stat().st_mtime_ns == before


def test_other_parameters_exit_2_with_the_difference(measured, home, folder):
    other = gramian(
        "measure", folder, "--prompts", 20, "--views", 3, "--max-tokens", 24, "--out", home / "run", home=home
    )
    assert other.returncode == 2
    assert "views: 2 there, 3 now" in other.stderr
    assert len(other.stderr.strip().splitlines()) == 1 + other.stderr.count("Loading")


def test_json_is_all_that_goes_to_standard_output(home, folder, tmp_path):
    options = ["--prompts", 8, "--views", 0, "--measures", "curvature,sink_share", "--no-report", "--json"]
    done = gramian("measure", folder, *options, "--out", tmp_path / "run", home=home)
    summary = json.loads(done.stdout)
    assert summary["report"] is None
    assert summary["manifest"]["state"] == "complete"
    assert {r["measure"] for r in read_run(tmp_path / "run").tables["measures"].to_pylist()} == {
        "curvature",
        "sink_share",
    }


def test_untrained_and_trained_runs_overlay_in_one_report(measured, home, folder, tmp_path):
    options = ["--prompts", 20, "--views", 2, "--max-tokens", 24, "--no-report"]
    baseline = gramian("measure", folder, "--untrained", *options, "--out", tmp_path / "untrained", home=home)
    assert baseline.returncode == 0, baseline.stderr
    page = gramian("report", home / "run", tmp_path / "untrained", "--out", tmp_path / "both.html", home=home)
    assert page.returncode == 0, page.stderr
    assert (tmp_path / "both.html").stat().st_size > 100_000


def test_saved_activations_take_the_place_of_a_model(home, tmp_path):
    np.save(tmp_path / "states.npy", np.random.Generator(np.random.Philox(1)).normal(size=(3, 60, 16)))
    done = gramian("measure", tmp_path / "states.npy", "--out", tmp_path / "run", home=home)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").is_file()


def test_metrics_lists_every_measure(home):
    rows = json.loads(gramian("metrics", "--json", home=home).stdout)
    assert [row["name"] for row in rows] == [m.name for m in quality.available()]
    assert all(row["unit"] and row["bounds"] and row["source"] for row in rows)
    table = gramian("metrics", home=home).stdout
    assert all(m.name in table for m in quality.available())


def test_version(home):
    assert gramian("--version", home=home).stdout.strip() == __version__


def test_help_names_the_commands(home):
    text = gramian("--help", home=home).stdout
    assert all(name in text for name in ("measure", "report", "metrics"))
