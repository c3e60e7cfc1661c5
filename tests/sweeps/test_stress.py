"""The plan of `gramian stress`, and that it runs, resumes and says what it should on a tiny model."""

from __future__ import annotations

import pytest

from gramian.layers import Condition
from gramian.runs import read_run
from gramian.sweeps import run_plan, stress_plan
from tests.layers._tiny import save_tiny

SETTINGS = {"prompts": 10, "groups": 2, "measures": ["prompt_entropy", "dataset_entropy"], "max_tokens": 24}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A small file: reading a large corpus for every cell would take most of the time."""
    file = tmp_path_factory.mktemp("corpora") / "corpus.txt"
    file.write_text("\n\n".join(f"Prompt {i} has a few words that differ: {i * 7} and {i * i}." for i in range(10)))
    return str(file)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_tiny(tmp_path_factory.mktemp("models") / "tiny-neox", "gpt_neox"))


def test_natural_is_measured_once_and_every_kind_at_every_strength():
    plan = stress_plan("m", kinds=["shuffle", "repetition"], strengths=[0.5, 0, 1], untrained=False, seed=7)
    assert [(cell.perturbation, cell.strength) for cell in plan.cells] == [
        ("natural", 0.0),
        ("shuffle", 0.5),
        ("shuffle", 1.0),
        ("repetition", 0.5),
        ("repetition", 1.0),
    ]
    assert [cell.condition for cell in plan.cells[:2]] == [None, Condition("shuffle", 0.5, 7)]
    assert {cell.axis for cell in plan.cells} == {"strength"}
    assert plan.command == "stress"


def test_the_untrained_copy_gets_the_same_cells():
    plan = stress_plan("m", strengths=[1], lengths=[8])
    trained, untrained = plan.cells[:5], plan.cells[5:]
    assert [cell.untrained for cell in plan.cells] == [False] * 5 + [True] * 5
    assert [(c.condition, c.strength) for c in trained] == [(c.condition, c.strength) for c in untrained]


def test_all_cells_read_prompts_that_the_longest_prefix_fits_into():
    assert stress_plan("m", lengths=[8, 64]).settings["min_tokens"] == 64
    assert stress_plan("m", lengths=[8, 64]).settings["max_tokens"] == 128
    assert stress_plan("m", lengths=[8, 200]).settings["max_tokens"] == 200
    assert stress_plan("m", kinds=["shuffle"], lengths=[8, 64]).settings["min_tokens"] == 8
    assert stress_plan("m", lengths=[8, 64], settings={"max_tokens": 64}).settings["max_tokens"] == 64
    assert stress_plan("m", kinds=["shuffle"], settings={"max_tokens": 16}).settings["max_tokens"] == 16


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"kinds": []}, "kinds: expected at least one other than natural.*got none"),
        ({"kinds": ["natural"]}, "kinds: expected at least one other than natural.*got natural"),
        ({"kinds": ["repeat"]}, "kind: expected one of natural"),
        ({"kinds": ["shuffle", "shuffle"]}, "kinds: expected each once"),
        ({"strengths": [0.5, 0.5]}, "strengths: expected each once"),
        ({"strengths": [1.5]}, "strength: expected a probability"),
        ({"kinds": ["shuffle"], "strengths": [0]}, "strengths: expected at least one above 0"),
        ({"kinds": ["shuffle"], "strengths": []}, "strengths: expected at least one above 0"),
        ({"lengths": [1]}, "lengths: expected at least one, in tokens; got 1"),
        ({"lengths": []}, "lengths: expected at least one, in tokens; got none"),
        ({"lengths": [3]}, "strength: expected a share .* or a whole number of tokens from 4"),
        ({"lengths": [8, 64], "settings": {"max_tokens": 63}}, "max_tokens: expected at least 64.*; got 63"),
        ({"settings": {"views": 2}}, "views: expected 0 under stress; got 2"),
        ({"model_options": {"untrained": True}}, "model_options: expected no untrained"),
    ],
)
def test_plans_that_make_no_sense_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        stress_plan("m", **arguments)


@pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")
def test_a_stress_run_tells_its_cells_apart_and_goes_on_after_a_stop(model, corpus, tmp_path):
    plan = stress_plan(
        model, kinds=["repetition", "prefix"], strengths=[1], lengths=[8], corpus=corpus, settings=SETTINGS
    )

    class StopError(Exception):
        pass

    done = []

    def stop_in_the_third_cell(progress):
        done.append(progress)
        if len(list((tmp_path / "run" / "cells").iterdir())) == 3:
            raise StopError

    with pytest.raises(StopError):
        run_plan(plan, out=tmp_path / "run", progress=stop_in_the_third_cell)
    resumed = run_plan(plan, out=tmp_path / "run")
    whole = run_plan(plan, out=tmp_path / "whole")
    assert resumed.resumed
    assert done
    assert not whole.resumed
    one, other = (read_run(result.directory) for result in (resumed, whole))
    for table in ("measures", "cells"):
        assert one.tables[table].equals(other.tables[table])
    cells = one.tables["cells"].to_pylist()
    assert [(c["condition"], c["untrained"]) for c in cells] == [
        (condition, untrained)
        for untrained in (False, True)
        for condition in ("natural", "repetition p=1", "prefix n=8")
    ]
    values = {
        (row["model"], row["condition"]): row["value"]
        for row in one.tables["measures"].to_pylist()
        if (row["measure"], row["variant"], row["layer"]) == ("prompt_entropy", "alpha=1;norm=raw;tokens=all", 0)
    }
    # Before the first block only the tokens count: repeating some of them, or fewer of them, leaves less entropy.
    for name in {row["model"] for row in cells}:
        assert values[name, "repetition p=1"] < values[name, "natural"]
        assert values[name, "prefix n=8"] < values[name, "natural"]
