"""Checkpoints found, ordered and refused, and the evolution of tiny ones."""

from __future__ import annotations

import pytest

from gramian.layers import is_checkpoint_name, training_step
from gramian.runs import read_run
from gramian.sweeps import evolve_plan, folder_checkpoints, hub_checkpoints, run_plan
from tests.layers._tiny import save_in_hub_cache, save_tiny

SETTINGS = {"prompts": 10, "groups": 2, "measures": ["prompt_entropy", "dataset_entropy"], "max_tokens": 24}


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Checkpoints whose names sort otherwise as text than as numbers."""
    folder = tmp_path_factory.mktemp("training") / "neox"
    for step in (2, 16, 128):
        save_tiny(folder / f"step{step}", "gpt_neox", seed=step)
    (folder / "logs").mkdir()
    return folder


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("step1000", 1000),
        ("step-000064", 64),
        ("global_step250", 250),
        ("checkpoint-500", 500),
        ("stage1-step1000-tokens5B", 1000),
        ("pythia-410m-step8", 8),
        ("epoch=3-step=1500", 1500),
        ("iter_0005000", 5000),
        ("128", 128),
        ("main", None),
        ("gpt2", None),
        ("v1.0", None),
        ("step1-to-step2", None),
    ],
)
def test_the_step_a_name_states(name, step):
    assert training_step(name) == step


def test_names_that_say_which_checkpoint_but_not_of_what():
    assert [is_checkpoint_name(n) for n in ("step-000064", "global_step250", "ckpt7")] == [True] * 3
    assert [is_checkpoint_name(n) for n in ("pythia-step8", "step", "128")] == [False] * 3


def test_a_folder_of_checkpoints_is_read_in_the_order_of_steps(series):
    assert [checkpoint.step for checkpoint in folder_checkpoints([series])] == [2, 16, 128]
    given = [series / "step128", series / "step2"]
    assert [checkpoint.step for checkpoint in folder_checkpoints(given)] == [2, 128]


def test_checkpoints_of_two_trainings_keep_the_names_of_both(series, tmp_path):
    """Folders such as step-000064 are named after the folder above, or two trainings would be one model in a table."""
    from gramian.layers import load_model

    assert load_model(str(series / "step16")).name == "neox/step16"
    assert load_model(str(save_tiny(tmp_path / "tiny"))).name == "tiny"


def test_folders_that_are_no_checkpoints_are_refused(series, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    save_tiny(tmp_path / "unnamed" / "final")
    (tmp_path / "step8").mkdir()
    for folders, match in [
        ([], "checkpoints: expected at least one folder; got none"),
        ([tmp_path / "nothing"], "nothing, nothing there"),
        ([tmp_path / "file"], "file, a file"),
        ([tmp_path / "empty"], "expected a checkpoint or a folder of checkpoints"),
        ([tmp_path / "unnamed"], "names state their step.*got 'final'"),
        ([tmp_path / "step8"], "config.json"),
        ([series, series / "step2"], "got step 2 twice"),
    ]:
        with pytest.raises(ValueError, match=match):
            folder_checkpoints(folders)


def test_revisions_are_ordered_by_step_and_looked_up_first(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    save_in_hub_cache(tmp_path, "org/tiny", {"step1000": 0, "step8": 1, "main": 2})
    found = hub_checkpoints("org/tiny", ["main=2000", "step1000", "step8"])
    assert [(c.revision, c.step) for c in found] == [("step8", 8), ("step1000", 1000), ("main", 2000)]
    plan = evolve_plan(found)
    assert [(c.model_options.get("revision"), c.step, c.untrained) for c in plan.cells] == [
        ("step8", 8.0, False),
        ("step1000", 1000.0, False),
        ("main", 2000.0, False),
        ("main", 0.0, True),
    ]
    for revisions, match in [
        ([], "revisions: expected at least one; got none"),
        (["main"], "got 'main'. Write it as main=STEP"),
        (["main=last"], "got 'main=last'"),
        (["=5"], "got '=5'"),
        (["step8", "main=8"], "got step 8 twice, step8 and main"),
        (["step8", "step9"], "no revision 'step9' of it"),
    ]:
        with pytest.raises(ValueError, match=match):
            hub_checkpoints("org/tiny", revisions)


def test_no_checkpoint_is_no_plan():
    with pytest.raises(ValueError, match="checkpoints: expected at least one; got none"):
        evolve_plan([])


@pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")
def test_an_evolution_has_every_step_and_the_untrained_copy(series, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n\n".join(f"Prompt {i} has a few words that differ: {i * 7} and {i * i}." for i in range(10)))
    plan = evolve_plan(folder_checkpoints([series]), corpus=str(corpus), settings=SETTINGS)
    result = run_plan(plan, out=tmp_path / "run")
    cells = read_run(result.directory).tables["cells"].to_pylist()
    assert [(c["model"], c["step"], c["untrained"], c["axis"]) for c in cells] == [
        ("neox/step2", 2.0, False, "step"),
        ("neox/step16", 16.0, False, "step"),
        ("neox/step128", 128.0, False, "step"),
        ("neox/step128 (untrained)", 0.0, True, "step"),
    ]
    rows = read_run(result.directory).tables["measures"].to_pylist()
    final = {
        row["model"]: row["value"]
        for row in rows
        if (row["measure"], row["variant"], row["layer"], row["stream"])
        == ("prompt_entropy", "alpha=1;norm=raw;tokens=all", 3, "residual")
    }
    assert len(set(final.values())) == 4, "four different models"
