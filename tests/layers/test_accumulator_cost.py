"""What the statistics of a run cost, against the arrays that real ones hold, on disk and in memory."""

import gc

import numpy as np
import pytest
import torch

from gramian import quality
from gramian.layers import AccumulatorCost, accumulator_cost
from gramian.layers._accumulator_cost import ALL_KINDS, statistic_bytes
from gramian.layers._job import plan_job
from gramian.layers._layer_statistics import CAPACITIES, begin
from gramian.layers._settings import MeasureSettings
from gramian.layers._shards import compute_shard, plan_shards, shard_work
from gramian.layers._uncertainty import jackknife
from tests.layers._tiny import WIDTH, tiny_model
from tests.layers.test_shards import corpus_of

WHERE = {"width": 4096, "streams": 34}


def filled(kind, prompts, *, width, views, seed=0):
    generator = np.random.Generator(np.random.Philox(seed))
    x = generator.normal(size=(prompts, 1 + views, width)).astype(np.float32)
    keys = generator.permutation(prompts).astype(np.uint64)
    arguments = {
        quality.Moments: (x[:, 0],),
        quality.Rows: (x[:, 0], keys),
        quality.LayerPair: (x[:, 0], x[:, 0] + 1),
        quality.ViewScatter: (x[:, 1:],),
        quality.ViewRows: (x[:, 1:], keys),
    }
    statistic = begin(kind)
    statistic.update(*arguments[kind])
    return statistic


@pytest.mark.parametrize("kind", ALL_KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("prompts", [2, 15, 63, 64, 100, 600])
def test_a_statistic_holds_what_is_said_as_rows_and_as_sums(kind, prompts):
    held = sum(array.nbytes for array in filled(kind, prompts, width=64, views=4).state().values())
    assert statistic_bytes(kind, prompts, width=64, views=4) == pytest.approx(held, abs=150)


def test_sums_do_not_grow_with_the_prompts():
    for kind in ALL_KINDS:
        most = max(64, *CAPACITIES.values())
        sizes = {statistic_bytes(kind, n, width=64, views=4) for n in (most, 10 * most, 10**9)}
        assert len(sizes) == 1, kind


@pytest.mark.parametrize("views", [0, 3])
def test_rows_are_what_the_shards_of_a_run_hold(views):
    model = tiny_model()
    settings = MeasureSettings(prompts=40, views=views, max_tokens=24, groups=3)
    job = plan_job(model, corpus_of(model, settings), settings)
    shards = plan_shards(job, tokens=1500)
    held = sum(compute_shard(model, shard_work(job, shards, shard))["pooled"].nbytes for shard in shards.parts)
    cost = accumulator_cost(40, width=WIDTH, streams=len(job.work.streams), views=views, groups=3)
    assert cost == shards.size
    assert cost.rows == held


@pytest.mark.parametrize("groups", [1, 2, 5])
@pytest.mark.parametrize("kind", [quality.Moments, quality.LayerPair], ids=lambda kind: kind.__name__)
def test_the_jackknife_never_holds_more_sums_than_is_said(kind, groups):
    """Live matrices of the statistic's size, counted whenever a measure is taken."""
    width = 24
    side = width if kind is quality.Moments else 2 * width
    measure = {quality.Moments: "effective_rank", quality.LayerPair: "linear_cka"}[kind]
    parts = [filled(kind, 40, width=width, views=0, seed=seed) for seed in range(groups)]
    most = 0

    def finish(statistic):
        nonlocal most
        matrices = {
            tensor.untyped_storage().data_ptr()
            for tensor in gc.get_objects()
            if type(tensor) is torch.Tensor and tensor.shape == (side, side) and tensor.dtype == torch.float64
        }
        most = max(most, len(matrices))
        return quality.get(measure).finish(statistic)

    jackknife(parts, {measure: finish})
    said = accumulator_cost(40 * groups, width=width, streams=2, views=0, groups=groups, measures=[measure]).statistics
    matrix = 8 * side * side
    assert most <= round(said / matrix)
    assert most >= groups


def test_a_layer_costs_two_hundred_and_eighty_squared_widths_with_all_measures():
    """Moments 1, views 2 and pairs 4 matrices of d x d, 8 bytes a number, five groups: what the page says."""
    cost = accumulator_cost(10**6, **WHERE)
    assert cost.stream == pytest.approx(5 * (1 + 2 + 4) * 8 * 4096**2, rel=0.05)
    assert cost.rows == 10**6 * 5 * 4096 * 4 * 34 * 2
    assert cost.smaller == "moments"
    assert cost.disk == 2 * cost.accumulators


def test_rows_stay_while_there_are_fewer_prompts_than_dimensions():
    for width in (64, 768, 4096):
        for views in (0, 4):
            cost = accumulator_cost(width - 1, width=width, streams=34, views=views)
            assert cost.smaller == "rows"
            assert cost.disk == cost.rows


def test_fewer_measures_cost_less():
    def of(*measures):
        return accumulator_cost(10**6, **WHERE, measures=list(measures))

    assert of("effective_rank").accumulators < of("effective_rank", "linear_cka").accumulators / 4
    assert of("effective_rank").rows == of("linear_cka").rows == of("lidar").rows / 5, "no measure reads views"
    assert of("effective_rank").vectors == of("linear_cka").vectors / 2
    assert of("prompt_entropy") == AccumulatorCost(0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompts": 0}, "prompts: expected at least 1; got 0"),
        ({"streams": 0}, "streams: expected at least 1; got 0"),
        ({"groups": -1}, "groups: expected at least 1; got -1"),
        ({"views": -1}, "views: expected at least 0; got -1"),
        ({"measures": ["lidar"], "views": 0}, "at least 2 views of each prompt for lidar"),
        ({"measures": ["dimension"]}, "dimension"),
    ],
)
def test_costs_that_make_no_sense_are_refused(options, message):
    prompts = options.pop("prompts", 100)
    with pytest.raises(ValueError, match=message):
        accumulator_cost(prompts, **{**WHERE, **options})
