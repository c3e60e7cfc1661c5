"""A plan that was stopped goes on; a plan that grew takes over what is there; overwriting leaves nothing of the old one."""

import json

import pytest

from gramian.runs import read_run
from gramian.sweeps import Cell, InProcess, Plan, run_plan
from tests.layers._tiny import save_tiny

SETTINGS = {"prompts": 24, "views": 0, "max_tokens": 24, "measures": ["prompt_entropy", "effective_rank"]}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return [str(save_tiny(folder / name, seed=seed)) for seed, name in enumerate(("one", "two"))]


@pytest.fixture(scope="module")
def plan(models):
    return Plan(tuple(Cell(model) for model in models), SETTINGS, shard_tokens=200)


@pytest.fixture(scope="module")
def undisturbed(plan, tmp_path_factory):
    return run_plan(plan, out=tmp_path_factory.mktemp("sweeps") / "undisturbed")


class Counting(InProcess):
    """Counts what is done, and stops after so much."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.done = []
        self.stop_after = stop_after

    def next(self):
        if len(self.done) == self.stop_after:
            raise KeyboardInterrupt
        task, result = super().next()
        self.done.append(task.key)
        return task, result


def assert_same(one, other):
    for name in ("measures", "cells"):
        assert read_run(one.directory).tables[name].equals(read_run(other.directory).tables[name]), name
    for a, b in zip(one.cells, other.cells, strict=True):
        for name in ("measures", "prompts", "spectra", "texts"):
            assert read_run(a).tables[name].equals(read_run(b).tables[name]), name


@pytest.mark.parametrize("stop_after", [0, 2, 5, 7])
def test_a_stopped_plan_goes_on_and_ends_with_the_same_tables(plan, undisturbed, tmp_path, stop_after):
    first = Counting(stop_after)
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, out=tmp_path / "sweep", executor=first)
    assert not list((tmp_path / "sweep").glob("*.parquet")), "no table before all of them"
    second = Counting()
    result = run_plan(plan, out=tmp_path / "sweep", executor=second)
    assert result.resumed == (stop_after > 1)
    shards = [key for key in first.done + second.done if key[1] is not None]
    assert len(shards) == len(set(shards)), "no shard is computed twice"
    assert_same(result, undisturbed)
    again = Counting()
    assert run_plan(plan, out=tmp_path / "sweep", executor=again).resumed
    assert again.done == []


def test_a_plan_that_failed_on_its_last_cell_keeps_the_others(models, undisturbed, tmp_path):
    cells = (Cell(models[0]), Cell(str(tmp_path / "nothing")))
    with pytest.raises(ValueError, match="nothing"):
        run_plan(Plan(cells, SETTINGS, shard_tokens=200), out=tmp_path / "sweep")
    finished = read_run(tmp_path / "sweep" / "cells" / undisturbed.cells[0].name)
    assert finished.tables["measures"].equals(read_run(undisturbed.cells[0]).tables["measures"])


def test_a_plan_of_more_cells_is_refused_and_extends_on_demand(models, plan, undisturbed, tmp_path):
    """The cell that was there keeps its directory, whatever its place in the new plan."""
    second = Plan(plan.cells[1:], SETTINGS, shard_tokens=200)
    run_plan(second, out=tmp_path / "sweep")
    with pytest.raises(ValueError, match=r"cells\.001-one-python-docs\.model: not given there"):
        run_plan(plan, out=tmp_path / "sweep")
    counting = Counting()
    result = run_plan(plan, out=tmp_path / "sweep", executor=counting, extend=True)
    assert {cell for cell, _ in counting.done} == {0}
    assert [path.name for path in result.cells] == ["001-one-python-docs", "000-two-python-docs"]
    rows = read_run(result.directory).tables["cells"].to_pylist()
    assert [row["directory"] for row in rows] == [f"cells/{path.name}" for path in result.cells]
    assert read_run(result.directory).tables["measures"].equals(read_run(undisturbed.directory).tables["measures"])
    assert run_plan(plan, out=tmp_path / "sweep").resumed, "the longer plan is now the one that is there"


def test_extending_does_not_reach_over_other_settings(models, plan, tmp_path):
    run_plan(Plan(plan.cells[:1], {**SETTINGS, "max_tokens": 16}), out=tmp_path / "sweep")
    with pytest.raises(ValueError, match=r"settings\.max_tokens: 16 there, 24 now"):
        run_plan(plan, out=tmp_path / "sweep", extend=True)


def test_overwriting_computes_every_cell_again(plan, undisturbed, tmp_path):
    run_plan(plan, out=tmp_path / "sweep")
    counting = Counting(stop_after=4)
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, out=tmp_path / "sweep", executor=counting, overwrite=True)
    assert counting.done[0] == (0, None)
    going_on = Counting()
    result = run_plan(plan, out=tmp_path / "sweep", executor=going_on)
    assert (1, None) in going_on.done, "a cell of the plan that was overwritten is not taken for a cell of this one"
    assert_same(result, undisturbed)


def test_other_weights_in_the_same_place_are_refused(tmp_path):
    model = save_tiny(tmp_path / "model", seed=0)
    plan = Plan((Cell(str(model)),), SETTINGS, shard_tokens=200)
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, out=tmp_path / "sweep", executor=Counting(stop_after=3))
    save_tiny(tmp_path / "model", seed=1)
    with pytest.raises(ValueError, match=r"model\.weights_hash"):
        run_plan(plan, out=tmp_path / "sweep")


def test_the_model_is_loaded_once_for_all_cells_that_share_it(models, tmp_path, monkeypatch):
    from gramian.sweeps import _tasks

    loaded = []
    real = _tasks.load_model
    monkeypatch.setattr(_tasks, "load_model", lambda name, **more: loaded.append(name) or real(name, **more))
    (tmp_path / "corpus.txt").write_text(
        "\n\n".join(f"Prompt {i} has a few words that differ: {i * 7}." for i in range(9))
    )
    corpora = ("python-docs", str(tmp_path / "corpus.txt"))
    run_plan(Plan(tuple(Cell(m, corpus=c) for m in models for c in corpora), SETTINGS), out=tmp_path / "sweep")
    assert loaded == models
    assert _tasks._Held.model is None, "and let go at the end"


def test_threads_are_set_for_the_work_alone(models, tmp_path, monkeypatch):
    import torch

    from gramian.sweeps import _executors

    asked = []
    monkeypatch.setattr(_executors.torch, "set_num_threads", asked.append)
    before = torch.get_num_threads()
    run_plan(Plan((Cell(models[0]),), SETTINGS, threads=3), out=tmp_path / "sweep")
    assert asked == [3, before] * (len(asked) // 2)
    assert asked
    asked.clear()
    run_plan(Plan((Cell(models[0]),), SETTINGS, threads=None), out=tmp_path / "other")
    assert set(asked) == {before}


def test_the_manifest_says_what_was_planned_and_not_how_it_was_done(plan, undisturbed):
    manifest = json.loads((undisturbed.directory / "manifest.json").read_text())
    assert manifest["parameters"]["settings"] == SETTINGS
    assert list(manifest["parameters"]["cells"]) == [path.name for path in undisturbed.cells]
    assert not {"workers", "executor", "ray"} & set(manifest["parameters"])
    assert manifest["tokens"] == sum(read_run(path).manifest["tokens"] for path in undisturbed.cells)
    of_cell = json.loads((undisturbed.cells[0] / "manifest.json").read_text())["parameters"]
    assert of_cell["shards"]["count"] > 1
    assert of_cell["threads"] == 1


def test_progress_counts_the_tokens_of_all_cells(plan, tmp_path):
    seen = []
    run_plan(plan, out=tmp_path / "sweep", progress=seen.append)
    read = [p for p in seen if p.stage == "model"]
    assert [p.done for p in read] == sorted(p.done for p in read)
    assert read[-1].done == read[-1].total
    assert read[0].done == 0
    assert read[0].total == pytest.approx(read[-1].total, rel=0.2), "the first cell stands for those that are not known"


def test_short_names_are_not_taken_for_folders(tmp_path, monkeypatch):
    from gramian.sweeps._tasks import _absolute

    monkeypatch.chdir(tmp_path)
    for name in ("smollm2-135m", "python-docs", "notes.txt", "data"):
        (tmp_path / name).mkdir()
    assert _absolute("smollm2-135m") == ("smollm2-135m", False)
    assert _absolute("python-docs") == ("python-docs", False)
    assert _absolute("notes.txt") == (str(tmp_path / "notes.txt"), True)
    assert _absolute("hf:data") == (f"hf:{tmp_path / 'data'}", True)
    assert _absolute("org/name") == ("org/name", False)
