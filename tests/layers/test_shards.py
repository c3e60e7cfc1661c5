"""Shards: cut by the plan alone, merged in their order, the same tables as a run that was never cut."""

import numpy as np
import pytest

from gramian import quality
from gramian.layers import Corpus, load_corpus_for, measure
from gramian.layers._accumulator_cost import footprint
from gramian.layers._job import plan_job, write_results
from gramian.layers._merged_shards import ShardStore
from gramian.layers._settings import MeasureSettings
from gramian.layers._shards import compute_shard, plan_shards, shard_work
from gramian.runs import RunDirectory, read_run
from tests.layers._tiny import WIDTH, tiny_model

TABLES = ("measures", "prompts", "spectra", "texts")
SETTINGS = MeasureSettings(prompts=90, views=2, max_tokens=24, groups=2, orders=(1.0,))


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def job(model):
    return plan_job(model, corpus_of(model, SETTINGS), SETTINGS)


@pytest.fixture(scope="module")
def plain(model, job, tmp_path_factory):
    return measure_plainly(model, job, tmp_path_factory.mktemp("plain") / "run")


def corpus_of(model, settings) -> Corpus:
    return load_corpus_for(
        model, "python-docs", prompts=settings.prompts, seed=0, min_tokens=8, max_tokens=settings.max_tokens
    )


def measure_plainly(model, job, out):
    names = ("views", "max_tokens", "groups", "orders")
    return measure(model, corpus=job.corpus, out=out, **{n: getattr(job.settings, n) for n in names}).directory


def run_shards(model, job, out, *, tokens, form, order=None, stop_after=None):
    """Shards in any order into one run directory; None when stopped before the last."""
    shards = plan_shards(job, tokens=tokens, form=form)
    with RunDirectory.open(out, command="measure", parameters={**job.parameters, "shards": shards.parameters}) as run:
        store = ShardStore(run, job, shards)
        missing = store.missing
        for shard in [missing[i] for i in order] if order else missing[:stop_after]:
            store.save(shard, compute_shard(model, shard_work(job, shards, shard)))
        if store.missing:
            return None
        write_results(run, job, store.chunks(), store.statistics(), report=lambda *_: None)
        run.finish()
    return out


def tables_of(directory):
    return {name: read_run(directory).tables[name] for name in TABLES}


def assert_equal_tables(one, other):
    for name, table in tables_of(one).items():
        assert table.equals(tables_of(other)[name]), name


def assert_close_tables(one, other):
    found, expected = (tables_of(d)["measures"].to_pylist() for d in (one, other))
    assert [(r["layer"], r["measure"], r["variant"]) for r in found] == [
        (r["layer"], r["measure"], r["variant"]) for r in expected
    ]
    for a, b in zip(found, expected, strict=True):
        for column in ("value", "stderr", "low", "high"):
            assert a[column] == pytest.approx(b[column], rel=1e-6, abs=1e-9, nan_ok=True), (column, b)


@pytest.mark.parametrize("tokens", [1, 300, 1000, 10**9])
def test_shards_hold_every_prompt_once_within_their_tokens(job, tokens):
    parts = plan_shards(job, tokens=tokens).parts
    assert sorted(i for shard in parts for i in shard.indices) == list(range(len(job.lengths)))
    assert [shard.number for shard in parts] == list(range(len(parts)))
    for shard in parts:
        assert job.cost(shard.indices) <= tokens or len(shard.indices) == 1
    assert plan_shards(job, tokens=tokens).parameters == plan_shards(job, tokens=tokens).parameters


def test_large_shards_are_whole_chunks_of_the_plain_run(job):
    (shard,) = plan_shards(job, tokens=10**9).parts
    assert [list(chunk) for chunk in shard.chunks] == job.chunks()


def test_rows_give_the_tables_of_a_plain_run_bit_for_bit(model, job, plain, tmp_path):
    """The chunks are those of the plain run, and the vectors come back in corpus order."""
    assert_equal_tables(run_shards(model, job, tmp_path / "run", tokens=10**9, form="rows"), plain)


def test_rows_of_smaller_shards_give_them_to_rounding(model, job, plain, tmp_path):
    assert_close_tables(run_shards(model, job, tmp_path / "run", tokens=1500, form="rows"), plain)


@pytest.mark.parametrize("tokens", [1500, 10**9], ids=["rows sent", "sums sent"])
def test_moments_give_the_tables_of_a_plain_run_to_rounding(model, job, plain, tmp_path, tokens):
    shards = plan_shards(job, tokens=tokens, form="moments")
    assert shard_work(job, shards, shards.parts[0]).fold == (tokens > 1500)
    assert_close_tables(run_shards(model, job, tmp_path / "run", tokens=tokens, form="moments"), plain)


def test_a_shard_sends_sums_only_when_every_group_has_as_many_prompts_as_dimensions(model, job):
    shards = plan_shards(job, tokens=10**9, form="moments")
    arrays = compute_shard(model, shard_work(job, shards, shards.parts[0]))
    assert "pooled" not in arrays
    assert arrays["state/1/0/0/Moments/scatter"].shape == (WIDTH, WIDTH)
    assert sum(arrays[f"state/1/0/{group}/Moments/count"] for group in (0, 1)) == 90


def test_merging_on_the_way_changes_no_bit(model, job, tmp_path, monkeypatch):
    """A left fold in shard order, whenever it is done: at the end, after each shard, or after shards that came in another order."""
    late = run_shards(model, job, tmp_path / "late", tokens=1500, form="moments")
    monkeypatch.setattr(
        "gramian.layers._shards.footprint", lambda **_: type("", (), {"accumulators": 0, "smaller": "moments"})()
    )
    early = run_shards(model, job, tmp_path / "early", tokens=1500, form="moments")
    count = len(plan_shards(job, tokens=1500, form="moments").parts)
    assert count >= 4
    order = np.random.Generator(np.random.Philox(0)).permutation(count).tolist()
    mixed = run_shards(model, job, tmp_path / "mixed", tokens=1500, form="moments", order=order)
    assert_equal_tables(early, late)
    assert_equal_tables(mixed, late)


def test_a_run_stopped_while_merging_ends_in_the_same_tables(model, job, tmp_path, monkeypatch):
    late = run_shards(model, job, tmp_path / "late", tokens=1500, form="moments")
    monkeypatch.setattr(
        "gramian.layers._shards.footprint", lambda **_: type("", (), {"accumulators": 0, "smaller": "moments"})()
    )
    real, calls = ShardStore._merge_one, 0

    def stopping(*arguments):
        nonlocal calls
        calls += 1
        if calls == 20:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(ShardStore, "_merge_one", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_shards(model, job, tmp_path / "run", tokens=1500, form="moments")
    monkeypatch.setattr(ShardStore, "_merge_one", real)
    assert run_shards(model, job, tmp_path / "run", tokens=1500, form="moments", stop_after=1) is None
    assert_equal_tables(run_shards(model, job, tmp_path / "run", tokens=1500, form="moments"), late)


def test_what_lies_on_disk_is_bounded_by_twice_the_accumulators(model, tmp_path):
    settings = MeasureSettings(prompts=400, views=0, max_tokens=10, groups=2, measures=["effective_rank"])
    job = plan_job(model, corpus_of(model, settings), settings)
    shards = plan_shards(job, tokens=300, form="moments")
    largest = 0
    with RunDirectory.open(tmp_path / "run", command="measure", parameters={}) as run:
        store = ShardStore(run, job, shards)
        for shard in shards.parts:
            store.save(shard, compute_shard(model, shard_work(job, shards, shard)))
            held = [array.nbytes for key in run.done() for array in run.load_chunk(key).values()]
            largest = max(largest, sum(held))
    one_shard = 300 / 8 * WIDTH * 4 * len(job.work.streams) * 2
    assert shards.size.rows > 2.5 * shards.size.accumulators, "a corpus that would not fit as rows"
    assert largest < 2.2 * shards.size.accumulators + one_shard


@pytest.mark.parametrize("views", [0, 3])
def test_the_footprint_is_what_folded_statistics_hold(views):
    generator = np.random.Generator(np.random.Philox(0))
    prompts, width, groups = 200, 16, 2
    kinds = [quality.Moments, quality.Rows, quality.LayerPair] + (
        [quality.ViewScatter, quality.ViewRows] if views else []
    )
    held = 0
    for _ in range(groups):
        x = generator.normal(size=(prompts // groups, 1 + views, width)).astype(np.float32)
        keys = np.arange(len(x), dtype=np.uint64)
        arguments = {
            quality.Moments: (x[:, 0],),
            quality.Rows: (x[:, 0], keys),
            quality.LayerPair: (x[:, 0], x[:, 0]),
            quality.ViewScatter: (x[:, 1:],),
            quality.ViewRows: (x[:, 1:], keys),
        }
        for kind in kinds:
            statistic = kind()
            statistic.update(*arguments[kind])
            held += sum(array.nbytes for array in statistic.state().values())
    size = footprint(prompts=prompts, width=width, streams=1, views=views, groups=groups, poolings=1, kinds=kinds)
    assert size.stream == pytest.approx(held, abs=600)
    assert size.rows == prompts * (1 + views) * width * 4


def test_rows_are_kept_while_they_are_smaller():
    sizes = {n: footprint(prompts=n, width=64, streams=4, views=2, groups=5) for n in (5 * 64, 100_000)}
    assert [size.smaller for size in sizes.values()] == ["rows", "moments"]
    assert sizes[100_000].accumulators < 3 * sizes[320].accumulators, "bounded, whatever the corpus"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens": 0}, "shard_tokens: expected at least 1; got 0"),
        ({"tokens": 100, "form": "sums"}, "accumulators: expected one of auto, rows, moments; got 'sums'"),
    ],
)
def test_shards_that_make_no_sense_are_refused(job, options, message):
    with pytest.raises(ValueError, match=message):
        plan_shards(job, **options)
