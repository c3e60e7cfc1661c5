"""Official tasks of MTEB with data from local files."""

import json
import math

import pytest

from gramian.downstream import local_tasks
from tests.downstream._fake_embed import embed_with
from tests.downstream._local_task_files import FILES, PAIRS, SPEC, main_score, write_tasks
from tests.downstream.test_local_files import write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tasks(tmp_path_factory.mktemp("tasks"))


OFFICIAL = {
    "no task": ({"Banking78": {"test": "test.csv"}}, "Did you mean 'Banking77"),
    "another split": ({"STS15": {"train": "pairs.csv"}}, "expected the splits test; got 'train'"),
    "no training split": ({"Banking77Classification": {"test": "test.csv"}}, "expected the splits train, test"),
    "no subset": ({"STS17": {"test": "pairs.csv"}}, "expected subset to say which one the files are of"),
    "an unknown subset": ({"STS17": {"test": "pairs.csv", "subset": "en-xx"}}, "expected subset to be one of"),
    "a kind without files": ({"SummEval": {"test": "pairs.csv"}}, "got Summarization"),
    "an unknown language": (
        {"mine": {"type": "sts", "test": "pairs.csv", "language": "english"}},
        "expected language as a code",
    ),
    "a transform that fails": (
        {"TwitterURLCorpus": {"test": "pairs.csv", "transform": True}},
        "expected data that its transform",
    ),
}


@pytest.mark.parametrize("case", OFFICIAL)
def test_wrong_data_for_an_official_task_are_refused(folder, case):
    (folder / "wrong.json").write_text(json.dumps(OFFICIAL[case][0]))
    with pytest.raises(ValueError, match=OFFICIAL[case][1]):
        local_tasks(folder / "wrong.json")


def test_official_tasks_of_every_kind_take_local_files(folder):
    spec = {
        "TwentyNewsgroupsClustering": {"test": "test.csv"},
        "ArXivHierarchicalClusteringP2P": {"test": "test.csv"},
        "TwitterURLCorpus": {"test": "pairs.csv"},
        "AskUbuntuDupQuestions": {"test": "rerank.csv"},
        "SciFact": {key: value for key, value in SPEC["search"].items() if key != "type"},
        "STS17": {"test": "pairs.csv", "subset": "en-en"},
        "AmazonCounterfactualClassification": {"train": "train.csv", "test": "test.csv", "subset": "en"},
    }
    (folder / "official.json").write_text(json.dumps(spec))
    for task in local_tasks(folder / "official.json"):
        scores = task.score(embed_with())
        assert main_score(scores).subset == spec[task.name].get("subset", "default"), task.name
        assert math.isfinite(main_score(scores).value), task.name
        prepares = task.name in ("TwitterURLCorpus", "ArXivHierarchicalClusteringP2P")
        assert ("dataset_transform" in " ".join(task.notes)) == prepares, task.notes


def test_the_hash_is_of_what_is_in_the_files_and_not_of_where_they_are(folder, tmp_path):
    def of(place, name="similarity"):
        return next(task.hash for task in local_tasks(place) if task.name == name)

    for name, columns in FILES.items():
        write(tmp_path / name, columns)
    (tmp_path / "tasks.json").write_text(json.dumps(SPEC))
    assert of(tmp_path) == of(folder)
    write(tmp_path / "pairs.csv", {**PAIRS, "score": PAIRS["score"][::-1]})
    assert of(tmp_path) != of(folder)
