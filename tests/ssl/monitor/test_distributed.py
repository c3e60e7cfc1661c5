"""Two real processes over gloo have the spectrum of one process with both their embeddings."""

import itertools
from pathlib import Path

import pytest
import torch

from tests.ssl._ranks import results_of_ranks
from tests.ssl.monitor._two_processes import metric_of, numbers, tracker_of

ROOT = Path(__file__).parents[3]
# Rows gathered (fewer than features), sums added, one rank with rows and one with sums, means gathered beside added sums.
SHAPES = {
    "wide": ((9, 5), 60),
    "tall": ((20, 31), 6),
    "mixed": ((25, 4), 8),
    "means": ((9, 12), 25),
    "one-sided": ((12, 0), 5),
}
CASES = {
    f"{name}-{views}": {
        "sizes": list(sizes),
        "views": [
            torch.randn(sum(sizes), d, generator=torch.Generator().manual_seed(10 * views + v), dtype=torch.float64)
            + 0.5
            for v in range(views)
        ],
    }
    for (name, (sizes, d)), views in itertools.product(SHAPES.items(), (1, 2))
}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    return results_of_ranks("tests.ssl.monitor._two_processes", list(CASES.values()), tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("name", CASES)
def test_both_ranks_have_the_spectrum_of_all_embeddings(ranks, name):
    expected = numbers(tracker_of(CASES[name]["views"]).compute())
    for rank in ranks:
        found = rank["results"][list(CASES).index(name)]["tracker"]
        size = min(len(found["eigenvalues"]), len(expected["eigenvalues"]))
        assert found["samples"] == expected["samples"]
        assert found["eigenvalues"][:size].tolist() == pytest.approx(expected["eigenvalues"][:size].tolist(), rel=1e-10)
        assert not (found["eigenvalues"][size:] > 1e-12).any()
        assert found["measures"] == pytest.approx(expected["measures"], rel=1e-6, nan_ok=True)


@pytest.mark.parametrize("name", [name for name in CASES if "one-sided" not in name])
def test_the_metric_over_both_ranks_is_that_of_one_process(ranks, name):
    expected = metric_of(CASES[name]["views"]).compute()
    for rank in ranks:
        found = rank["results"][list(CASES).index(name)]["metric"]
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            # The wide case has rounding in place of the eigenvalues that are zero, which a root of them amplifies.
            assert float(found[key]) == pytest.approx(float(value), rel=1e-5 if "rank" in key else 1e-9, nan_ok=True), (
                key
            )


def test_merging_leaves_each_rank_its_own(ranks):
    for rank, result in enumerate(ranks):
        for case, found in zip(CASES.values(), result["results"], strict=True):
            assert found["own"] == 2 * [case["sizes"][rank]]


def test_ranks_that_watch_different_modules_say_so(ranks):
    for rank in ranks:
        assert (
            "embeddings: expected as many features and views on every rank; got rank 0: [2], rank 1: [3]"
            in rank["mismatch"]
        )
