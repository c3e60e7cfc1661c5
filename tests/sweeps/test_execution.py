"""A plan in process: every cell measured as by itself, all tables together, resumed, refused, told apart."""

import pytest

from gramian.layers import measure
from gramian.runs import read_run
from gramian.sweeps import Cell, Plan, run_plan
from tests.layers._tiny import save_tiny

SETTINGS = {"prompts": 12, "views": 0, "max_tokens": 24, "measures": ["prompt_entropy", "effective_rank"]}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return str(save_tiny(folder / "one", seed=0)), str(save_tiny(folder / "two", seed=1))


def test_the_parent_has_the_tables_of_all_cells(models, tmp_path):
    cells = (
        Cell(models[0]),
        Cell(models[0], model_options={"untrained": True}),
        Cell(models[1], axis="step", step=8.0),
    )
    result = run_plan(Plan(cells, SETTINGS), out=tmp_path / "sweep")
    record = read_run(result.directory)
    rows = record.tables["cells"].to_pylist()
    assert [row["cell"] for row in rows] == [0, 1, 2]
    assert [row["untrained"] for row in rows] == [False, True, False]
    assert [(row["axis"], row["step"]) for row in rows] == [(None, None), (None, None), ("step", 8.0)]
    together = record.tables["measures"].to_pylist()
    for row, path in zip(rows, result.cells, strict=True):
        assert result.directory / row["directory"] == path
        of_cell = [m for m in together if (m["model"], m["revision"]) == (row["model"], row["revision"])]
        assert of_cell == read_run(path).tables["measures"].to_pylist()


def test_a_cell_is_what_measure_gives(models, tmp_path):
    result = run_plan(Plan((Cell(models[0]),), SETTINGS), out=tmp_path / "sweep")
    alone = measure(models[0], out=tmp_path / "alone", **SETTINGS)
    found, expected = (read_run(path).tables["measures"].to_pylist() for path in (result.cells[0], alone.directory))
    assert [row["measure"] for row in found] == [row["measure"] for row in expected]
    assert [row["value"] for row in found] == pytest.approx([row["value"] for row in expected], rel=1e-6)


def test_another_plan_is_refused_with_the_difference(models, tmp_path):
    run_plan(Plan((Cell(models[0]),), SETTINGS), out=tmp_path / "sweep")
    with pytest.raises(ValueError, match=r"settings.max_tokens: 24 there, 16 now"):
        run_plan(Plan((Cell(models[0]),), {**SETTINGS, "max_tokens": 16}), out=tmp_path / "sweep")


def test_cells_that_no_column_tells_apart_are_refused(models, tmp_path):
    with pytest.raises(ValueError, match="expected cells that differ in model, revision, corpus or condition"):
        Plan((Cell(models[0]), Cell(models[0], model_options={"instruction": "query: "})), SETTINGS)
    elsewhere = save_tiny(tmp_path / "elsewhere" / "one")
    with pytest.raises(
        ValueError, match="got 000-one-python-docs and 001-one-python-docs, both one, python-docs, natural"
    ):
        run_plan(Plan((Cell(models[0]), Cell(str(elsewhere))), SETTINGS), out=tmp_path / "sweep")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Plan(()), "cells: expected at least one"),
        (lambda: Plan((Cell("a"), Cell("a"))), "expected each cell once; got number 0 again as 1"),
        (lambda: Plan((Cell("a"),), {"promts": 3}), "got 'promts'. Did you mean 'prompts'"),
        (lambda: Cell("a", model_options={"revison": "main"}), "Did you mean 'revision'"),
        (lambda: Cell("a", corpus_options={"feild": "text"}), "Did you mean 'field'"),
        (lambda: Cell("states.npy"), "expected a model; got saved activations"),
        (lambda: Cell("a", axis="depth"), "axis: expected None, 'strength' or 'step'"),
        (lambda: Cell("a", axis="step"), "step: expected a number with axis='step'"),
    ],
)
def test_plans_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
