"""Two real processes over gloo are one process with both their batches: loss, terms and gradients."""

import itertools
import math
from pathlib import Path

import pytest
import torch

from gramian.ssl import frossl_terms
from tests.ssl._ranks import results_of_ranks
from tests.ssl._two_processes import encoder

ROOT = Path(__file__).parents[2]
WIDTH = 6
CASES = {
    f"{shape}, {count} views{', ' if options else ''}{', '.join(map(str, options.values()))}, {sizes}": {
        "images": [
            torch.randn(sum(sizes), WIDTH, generator=torch.Generator().manual_seed(count + view), dtype=torch.float64)
            for view in range(count)
        ],
        "sizes": list(sizes),
        "out": 5 if shape == "tall" else 30,
        "options": options,
    }
    for shape, count, (options, sizes) in itertools.product(
        ("tall", "wide"),
        (2, 4),
        [
            ({}, (8, 8)),
            ({}, (9, 5)),
            ({"normalization": "standardized"}, (8, 8)),
            ({"normalization": "sample"}, (7, 9)),
            ({"alpha": 1.0}, (8, 8)),
            ({"alpha": 3.0, "invariance": "mean"}, (10, 6)),
            ({"batch": "local"}, (8, 8)),
        ],
    )
}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What each of two processes found in every case; they start once for all of them."""
    return results_of_ranks("tests.ssl._two_processes", list(CASES.values()), tmp_path_factory.mktemp("ranks"), "2")


def one_process(case):
    """The same case in this process, with the whole batch."""
    model = encoder(WIDTH, case["out"])
    embeddings = [model(view) for view in case["images"]]
    for embedding in embeddings:
        embedding.retain_grad()
    terms = frossl_terms(embeddings, **case["options"])
    terms.loss.backward()
    return terms, [e.grad for e in embeddings], [p.grad for p in model.parameters()]


GLOBAL = [name for name, case in CASES.items() if "batch" not in case["options"]]
LOCAL = [name for name in CASES if name not in GLOBAL]


def found(ranks, name):
    number = list(CASES).index(name)
    return [rank["results"][number] for rank in ranks]


@pytest.mark.parametrize("name", GLOBAL)
def test_every_rank_has_the_loss_and_terms_of_the_whole_batch(ranks, name):
    terms, _, _ = one_process(CASES[name])
    for rank in found(ranks, name):
        assert float(rank["loss"]) == pytest.approx(terms.loss.item(), rel=1e-10)
        assert float(rank["invariance"]) == pytest.approx(terms.invariance.item(), rel=1e-10)
        assert rank["entropies"].tolist() == pytest.approx(terms.entropies.tolist(), rel=1e-10)


@pytest.mark.parametrize("name", GLOBAL)
def test_gradients_under_distributed_data_parallel_are_those_of_the_whole_batch(ranks, name):
    _, views, parameters = one_process(CASES[name])
    both = found(ranks, name)
    for rank in both:
        for mine, expected in zip(rank["parameters"], parameters, strict=True):
            scale = max(float(expected.norm()), 1e-4)  # a bias before centring has no gradient but rounding
            assert float((mine - expected).norm()) < 1e-10 * scale
    for view, expected in enumerate(views):
        rows = torch.cat([rank["views"][view] for rank in both]) / len(both)  # the mean that the wrapper takes
        assert float((rows - expected).norm()) < 1e-10 * float(expected.norm())


@pytest.mark.parametrize("name", LOCAL)
def test_local_batches_have_their_own_loss_and_the_mean_of_their_gradients(ranks, name):
    case = CASES[name]
    halves = []
    for start, stop in itertools.pairwise(itertools.accumulate([0, *case["sizes"]])):
        halves.append(one_process(case | {"images": [view[start:stop] for view in case["images"]]}))
    both = found(ranks, name)
    for rank, (terms, _, _) in zip(both, halves, strict=True):
        assert float(rank["loss"]) == pytest.approx(terms.loss.item(), rel=1e-10)
    assert not math.isclose(float(both[0]["loss"]), float(both[1]["loss"]), rel_tol=1e-3)
    for rank in both:
        for number, mine in enumerate(rank["parameters"]):
            mean = sum(parameters[number] for _, _, parameters in halves) / 2
            assert float((mine - mean).norm()) < 1e-10 * float(mean.norm())


def test_ranks_with_different_features_say_so_on_every_rank(ranks):
    for rank in ranks:
        assert "rank 0: 2 views of 3, rank 1: 2 views of 4" in rank["mismatch"]
