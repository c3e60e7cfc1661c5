"""What a user calls tasks: presets, tasks and benchmarks of MTEB, files; and what is refused."""

import math

import pytest

from gramian.downstream import LAYER_BY_LAYER, choose_tasks, mteb_tasks
from gramian.downstream._mteb.names import layer_by_layer
from gramian.downstream._tasks.choice import split_names
from tests.downstream._fake_embed import embed_with
from tests.downstream._local_task_files import main_score, write_tasks


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tasks(tmp_path_factory.mktemp("tasks"))


def test_the_32_tasks_of_the_preset_are_in_the_benchmark_of_2024_in_english():
    assert {kind: len(names) for kind, names in LAYER_BY_LAYER.items()} == {
        "Classification": 10,
        "STS": 9,
        "Clustering": 6,
        "Reranking": 4,
        "PairClassification": 3,
    }
    tasks = layer_by_layer()
    assert [task.name for task in tasks] == [name for names in LAYER_BY_LAYER.values() for name in names]
    assert [task.type for task in tasks] == [kind for kind, names in LAYER_BY_LAYER.items() for _ in names]


def test_the_preset_keeps_the_english_subsets():
    """MTEB's own object of the name alone would bring eleven language pairs."""
    (alone,) = mteb_tasks("STS17")
    of_preset = next(task for task in choose_tasks(["layer-by-layer"]) if task.name == "STS17")
    assert alone.hash != of_preset.hash


def test_a_benchmark_whose_name_has_a_comma_is_one_name():
    assert split_names("STS15, MTEB(eng, v2),MTEB(Medical, v1)") == ["STS15", "MTEB(eng, v2)", "MTEB(Medical, v1)"]
    names = [task.name for task in choose_tasks(["STS15,MTEB(eng, v2)"])]
    assert names[0] == "STS15"
    assert len(names) == 41, "MTEB(eng, v2) has 41 tasks, STS15 among them"


def test_an_aggregate_task_is_scored_as_its_parts():
    names = [task.name for task in mteb_tasks("CQADupstackRetrieval")]
    assert len(names) == 12
    assert all(name.startswith("CQADupstack") for name in names)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("STS155", "got 'STS155'. Did you mean 'STS15'"),
        ("Flickr30kI2TRetrieval", "expected tasks of text; got Flickr30kI2TRetrieval, of text and image"),
        ("no/such/folder", "expected a file or folder; got no/such/folder"),
        (" , ", "tasks: expected at least one"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(name, match):
    with pytest.raises(ValueError, match=match):
        choose_tasks([name])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"label_field": "label"}, "label_field: expected none without a file with labels"),
        ({"field": "text"}, "field: expected none"),
        ({"probe": "knn"}, "probe: expected none without texts with labels"),
        ({"prompts": 5}, "prompts: expected none"),
    ],
)
def test_an_argument_that_no_task_takes_is_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        choose_tasks(["STS15"], **arguments)


def test_without_mteb_its_tasks_name_the_extra_and_labelled_files_work(folder, monkeypatch):
    monkeypatch.setattr("gramian.downstream._mteb.extra.find_spec", lambda name: None)
    for name in ("STS15", "layer-by-layer", str(folder), "MTEB(eng, v2)"):
        with pytest.raises(ImportError, match=r"expected mteb, for .*; got none\. Install it with: pip install"):
            choose_tasks([name])
    tasks = choose_tasks([str(folder / "test.csv"), "python-docs"], label_field="label")
    assert [task.type for task in tasks] == ["Classification", "Classification"]
    assert math.isfinite(main_score(tasks[0].score(embed_with())).value)


def test_data_that_cannot_be_had_are_one_line(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)

    def unreachable(*_, **__):
        raise ConnectionError("Couldn't reach 'mteb/sts15-sts' on the Hub\nand more")

    monkeypatch.setattr("mteb.abstasks.abstask.load_dataset", unreachable)
    with pytest.raises(
        ValueError, match=r"task STS15: expected its data on the hub or in the hub's cache; got none \(Could"
    ):
        mteb_tasks("STS15")[0].score(embed_with())
