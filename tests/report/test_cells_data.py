"""Collections of cells on their way to the page: a few of them as curves, all of them as heat maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gramian.report import render
from gramian.report._cells import Cell, Grid, Row
from gramian.report._grids import grids_of
from gramian.report._headline import headline
from gramian.report._series import Point, Series
from gramian.report._source import Source
from gramian.report._sources import read_sources
from gramian.runs import read_run
from tests.report import _synthetic_cells
from tests.report._synthetic import MEASURES, RunSpec
from tests.report._synthetic_cells import (
    PERTURBATIONS,
    STEPS,
    STRENGTHS,
    CollectionSpec,
    write_evolution,
    write_stress,
    write_sweep,
)
from tests.report._synthetic_scores import ScoreSpec, write_scores
from tests.report.test_page_data import _data

SMALL = CollectionSpec(RunSpec(depth=4, prompts=40, measures=MEASURES[:2], spectra=False, texts=False, revision=""))


@pytest.fixture(scope="module")
def stress(tmp_path_factory):
    return write_stress(tmp_path_factory.mktemp("stress") / "run", SMALL)


@pytest.fixture(scope="module")
def evolution(tmp_path_factory):
    return write_evolution(tmp_path_factory.mktemp("evolution") / "run", SMALL)


def test_a_stress_run_draws_the_natural_text_of_each_model(stress, tmp_path):
    runs = _data(render([stress], out=tmp_path / "p.html").read_text())["runs"]
    assert [run["identity"]["condition"] for run in runs] == ["natural", "natural"]
    assert [run["label"] for run in runs] == [SMALL.base.model, f"{SMALL.base.model} (untrained)"]
    assert {run["stands_for"] for run in runs} == {"the prompts as they are, of 9 conditions"}


def test_rows_of_a_heat_map_follow_the_strength_with_the_natural_text_first(stress, tmp_path):
    data = _data(render([stress], out=tmp_path / "p.html").read_text())
    grids = data["runs"][0]["grids"]
    assert [(grid["axis"], grid["perturbation"]) for grid in grids] == [("strength", kind) for kind in PERTURBATIONS]
    for grid in grids:
        assert [row["at"] for row in grid["rows"]] == [None, *STRENGTHS]
        assert [row["label"] for row in grid["rows"]] == ["natural", "0.1", "0.25", "0.5", "1"]
        assert grid["rows"][0]["cell"] == grids[0]["rows"][0]["cell"], "the natural text is held once"
    assert len(data["cells"]) == 18


def test_every_number_of_a_cell_is_that_of_the_measures_table(stress, tmp_path):
    data = _data(render([stress], out=tmp_path / "p.html").read_text())
    table = (
        read_run(stress).tables["measures"].to_pandas() if False else read_run(stress).tables["measures"].to_pylist()
    )
    row = data["runs"][1]["grids"][1]["rows"][3]
    for series in data["cells"][row["cell"]]["series"]["prompt_entropy"]:
        expected = [
            each
            for each in table
            if each["model"].endswith("(untrained)")
            and each["condition"] == f"{PERTURBATIONS[1]} p=0.5"
            and each["measure"] == "prompt_entropy"
            and each["variant"] == series["variant"]
            and each["stream"] == "residual"
        ]
        for name in ("value", "low", "high"):
            assert series[name] == pytest.approx([each[name] for each in expected], rel=1e-3)


def test_an_evolution_draws_the_last_step_and_the_untrained_copy(evolution, tmp_path):
    runs = _data(render([evolution], out=tmp_path / "p.html").read_text())["runs"]
    assert [run["stands_for"] for run in runs] == ["step 1000, the last of 11 steps", "the untrained copy"]
    (grid,) = runs[0]["grids"]
    assert [row["at"] for row in grid["rows"]] == [None, *STEPS], (
        "steps sort as numbers, the untrained copy stands apart"
    )
    assert [row["label"] for row in grid["rows"]][:3] == ["untrained", "1", "2"]
    assert runs[1]["grids"] == []


def test_checkpoints_named_by_their_folders_are_one_training(tmp_path, monkeypatch):
    def renamed(path, listed, *, command, spec):
        cells = [(replace(cell, model=f"run/{cell.revision or 'last'}", revision=""), facts) for cell, facts in listed]
        return original(path, cells, command=command, spec=spec)

    original = _synthetic_cells.write_collection
    monkeypatch.setattr(_synthetic_cells, "write_collection", renamed)
    source, untrained = read_sources([write_evolution(tmp_path / "run", SMALL)])
    assert source.identity["model"] == "run/step1000"
    assert source.grids[0].name == "run"
    assert [row.label for row in source.grids[0].rows] == ["untrained", *map(str, STEPS)]
    assert untrained.grids == ()


def test_two_trainings_give_two_heat_maps(evolution, tmp_path):
    other = write_evolution(tmp_path / "other", replace(SMALL, base=replace(SMALL.base, model="Mamba", depth=7)))
    data = _data(render([evolution, other], out=tmp_path / "p.html").read_text())
    assert [len(run["grids"]) for run in data["runs"]] == [1, 0, 1, 0]
    assert {cell["depth"] for cell in data["cells"]} == {4, 7}


def test_cells_bring_the_spectra_and_prompts_of_their_own_directory(tmp_path):
    spec = replace(SMALL, base=replace(SMALL.base, spectra=True, texts=True), untrained=False)
    (source,) = read_sources([write_stress(tmp_path / "run", spec)])
    assert source.spectra
    assert source.distributions
    assert source.directory.parent.name == "cells"
    assert source.others[0][0] == tmp_path / "run"


def test_collection_without_its_cells_directories_still_renders(tmp_path):
    spec = replace(SMALL, directories=False, untrained=False)
    (source,) = read_sources([write_stress(tmp_path / "run", spec)])
    assert source.directory == tmp_path / "run"
    assert set(source.series) == set(SMALL.base.measures)


@pytest.mark.parametrize(("count", "drawn", "grids"), [(6, 6, 0), (9, 6, 1)])
def test_cells_without_an_axis_do_not_become_dozens_of_curves(tmp_path, count, drawn, grids):
    sources = read_sources([write_sweep(tmp_path / "run", count)])
    assert len(sources) == drawn
    found = [grid for source in sources for grid in source.grids]
    assert len(found) == grids
    if found:
        assert [row.label for row in found[0].rows] == [f"model-{n}" for n in range(count)]
        assert sources[0].stands_for == "one cell for each model, of 9 cells"


def test_scores_join_the_model_of_a_collection(stress, tmp_path):
    scored = write_scores(tmp_path / "s", ScoreSpec(model=SMALL.base.model, revision="", depth=4))
    sources = read_sources([stress, scored])
    assert [bool(source.scores) for source in sources] == [True, False]
    assert sources[0].grids


def _cell(layers: int, variants: int, name: str) -> Cell:
    points = tuple(Point(layer, 0.123456, 0.1, 0.2, 0.05, 10) for layer in range(layers))
    series = {"prompt_entropy": [Series("prompt_entropy", f"v{n}", points, None) for n in range(variants)]}
    return Cell({"perturbation": name}, series)


@pytest.mark.parametrize(("cells", "numbers", "variants"), [(10, 3, 20), (100, 1, 20), (300, 1, 1)])
def test_cells_are_cut_to_what_a_page_can_carry(cells, numbers, variants):
    rows = tuple(Row(_cell(80, 20, str(n)), str(n), float(n)) for n in range(cells))
    held, (grids,), left_out = grids_of([[Grid("strength", "shuffle", rows)]])
    assert len(held) == len(grids[0]["rows"]) == cells
    listed = held[0]["series"]["prompt_entropy"]
    assert len(listed) == variants
    assert len(set(listed[0]) - {"variant"}) == numbers
    assert bool(left_out) is (numbers == 1)
    assert sum(len(s[k]) for c in held for s in c["series"]["prompt_entropy"] for k in s if k != "variant") <= 360_000


def test_headline_names_the_perturbation_that_moves_prompt_entropy_most(stress):
    texts = [sentence.text for sentence in headline(read_sources([stress]))]
    (text,) = [text for text in texts if text.startswith(f"{SMALL.base.model}: of the perturbations")]
    assert "moves prompt entropy most: at layer 2 (50 % of the depth), from 1." in text
    assert text.endswith("at strength 1.")


def test_headline_says_where_training_moved_prompt_entropy(evolution):
    texts = [sentence.text for sentence in headline(read_sources([evolution]))]
    (text,) = [text for text in texts if ": training moves prompt entropy most at layer 2" in text]
    assert "nats (untrained) to" in text
    assert text.endswith("at step 1000.")


def _change_sentence(*rows: tuple[str, float | None, float], half: float, kind: str = "shuffle") -> list[str]:
    made = []
    for label, at, value in rows:
        levels = [value * (1 + layer) for layer in range(3)]
        points = tuple(Point(layer, v, v - half, v + half, half, 90) for layer, v in enumerate(levels))
        series = {"prompt_entropy": [Series("prompt_entropy", "tokens=all", points, None)]}
        made.append(Row(Cell({"perturbation": kind}, series), label, at))
    identity = {"model": "m", "revision": "", "corpus": "", "condition": ""}
    source = Source(Path("run"), identity, {}, made[0].cell.series, grids=(Grid("strength", kind, tuple(made)),))
    return [sentence.text for sentence in headline([source]) if "moves" in sentence.text]


def test_a_change_within_the_intervals_is_not_told():
    assert _change_sentence(("natural", None, 1.0), ("1", 1.0, 1.01), half=0.5) == []
    (text,) = _change_sentence(("natural", None, 1.0), ("1", 1.0, 2.0), half=0.1)
    assert (
        text
        == "Shuffle moves prompt entropy most at layer 2 (100 % of the depth): from 3.00 ± 0.10 nats to 6.00 ± 0.10 at strength 1."
    )


def test_entropy_that_falls_because_the_prefix_is_short_is_no_finding():
    assert _change_sentence(("natural", None, 1.0), ("8", 8.0, 3.0), half=0.1, kind="prefix") == []


def test_small_samples_of_every_cell_are_said_once(tmp_path):
    spec = replace(SMALL, base=replace(SMALL.base, prompts=12))
    warnings = [s.text for s in headline(read_sources([write_stress(tmp_path / "run", spec)])) if s.kind == "warning"]
    assert warnings == [
        "Only 12 prompts were measured: intervals are wide, and differences between layers may be chance."
    ]


def test_places_are_read_from_the_table_not_from_names(stress):
    table = read_run(stress).tables["cells"]
    assert not np.all(np.diff([row["strength"] for row in table.to_pylist()]) >= 0), (
        "the rows are out of order on purpose"
    )
    assert pa.types.is_float64(table.schema.field("strength").type)
