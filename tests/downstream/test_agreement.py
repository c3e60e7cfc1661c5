"""Agreement on tables of every form: equal to SciPy's on the complete part, whatever the order of the layers."""

import json
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import kendalltau, spearmanr

from gramian.downstream import agreement, distance_correlation
from gramian.downstream._agreement.block_bootstrap import LEAST_LAYERS

LAYERS = 25


def curves(seed=0, layers=LAYERS):
    """Two measures and two tasks over the layers, smooth with some noise."""
    rng = np.random.default_rng(seed)
    depth = np.linspace(0, 1, layers)
    return {
        "rank": np.sin(3 * depth) + 0.1 * rng.normal(size=layers),
        "entropy": depth**2 + 0.1 * rng.normal(size=layers),
        "STS": np.sin(3 * depth + 0.3) + 0.1 * rng.normal(size=layers),
        "Banking": -depth + 0.2 * rng.normal(size=layers),
    }


def wide(values, order=None, name="{}"):
    layers = range(len(next(iter(values.values()))))
    return [
        {"layer": name.format(k)} | {key: float(v[k]) for key, v in values.items()}
        for k in (layers if order is None else order)
    ]


def by_scipy(x, y):
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    return spearmanr(x, y).statistic, kendalltau(x, y).statistic, distance_correlation(x, y)


def found(result, measure, task):
    (pair,) = [p for p in result.pairs if (p.measure, p.task) == (measure, task)]
    return pair


def coefficients(pair):
    return pair.spearman, pair.kendall, pair.distance_correlation


def test_a_foreign_csv_with_shuffled_missing_and_nan_layers_gives_what_scipy_gives_on_the_complete_part(tmp_path):
    values = curves()
    values["rank"][[3, 17]] = np.nan
    values["STS"][[17, 20]] = np.nan
    order = np.random.default_rng(5).permutation([k for k in range(LAYERS) if k not in (1, 2, 9)])
    lines = ["Layer,rank,entropy,STS,Banking"]
    cell = lambda v: "" if np.isnan(v) else repr(float(v))  # noqa: E731
    lines += [",".join([f"layer_{k}", *(cell(values[name][k]) for name in values)]) for k in order]
    path = tmp_path / "somebody.csv"
    path.write_text("\n".join(lines))
    result = agreement(path, layer="Layer", tasks=["STS", "Banking"])
    assert len(result.pairs) == 4
    kept = np.array(sorted(order))
    for pair in result.pairs:
        expected = by_scipy(values[pair.measure][kept], values[pair.task][kept])
        assert coefficients(pair) == pytest.approx(expected, abs=1e-12)
    assert found(result, "rank", "STS").layers == LAYERS - 3 - 3
    assert found(result, "entropy", "Banking").layers == LAYERS - 3


def test_layers_are_numbers_so_the_tenth_comes_after_the_ninth():
    """Coefficients do not see the order, intervals do: blocks of names in the order of text would tear neighbours apart."""
    values = curves()
    as_numbers = agreement(wide(values), tasks=["STS"])
    as_names = agreement(wide(values, order=range(LAYERS)[::-1], name="layer_{}"), tasks=["STS"])
    assert as_numbers.pairs == as_names.pairs
    assert math.isfinite(as_numbers.pairs[0].spearman_low)


@pytest.mark.parametrize("name", ["{}", "L{}", "block-{}", "h.{}", " layer {} ", "{}.0"])
def test_every_way_to_write_a_layer_is_understood(name):
    values = curves()
    first, second = (agreement(wide(values, name=n), tasks=["STS"], resamples=100) for n in (name, "{}"))
    assert first.pairs == second.pairs


def containers(rows, folder):
    table = pa.Table.from_pylist(rows)
    yield table
    yield table.to_pandas()
    yield pl.from_arrow(table)
    yield {name: table[name].to_pylist() for name in table.column_names}
    for delimiter, suffix in ((",", "csv"), (";", "csv"), ("\t", "tsv")):
        path = folder / f"{ord(delimiter)}.{suffix}"
        path.write_text("\ufeff" + pd.DataFrame(rows).to_csv(sep=delimiter, index=False), encoding="utf-8")
        yield path
    (folder / "table.jsonl").write_text("\n\n".join(map(json.dumps, rows)).replace("NaN", "null"))
    yield folder / "table.jsonl"
    pq.write_table(table, folder / "table.parquet")
    yield str(folder / "table.parquet")


def test_every_kind_of_table_gives_the_same(tmp_path):
    values = curves()
    values["rank"][4] = np.nan
    rows = wide(values)
    expected = agreement(rows, tasks=["STS", "Banking"], resamples=100)
    assert len(expected.pairs) == 4
    for table in containers(rows, tmp_path):
        assert agreement(table, tasks=["STS", "Banking"], resamples=100) == expected


def test_long_and_wide_tables_give_the_same():
    values = curves()
    expected = agreement(wide(values), tasks=["STS", "Banking"])
    long = [{"layer": k, "measure": name, "value": v[k]} for name, v in values.items() for k in range(LAYERS)]
    assert agreement(long, tasks=["STS", "Banking"]).pairs == expected.pairs
    measures = [row for row in long if row["measure"] in ("rank", "entropy")]
    scores = [
        {"depth": row["layer"], "layer": row["layer"], "task": row["measure"], "value": row["value"]}
        for row in long
        if row["measure"] in ("STS", "Banking")
    ]
    assert agreement(measures, scores).pairs == expected.pairs
    renamed = [{"k": r["layer"], "what": r["measure"], "v": r["value"]} for r in long]
    assert agreement(renamed, layer="k", measure="what", value="v", tasks=["STS", "Banking"]).pairs == expected.pairs
    together = measures + [{"layer": r["layer"], "task": r["task"], "value": r["value"]} for r in scores]
    assert agreement(together).pairs == expected.pairs


def test_ties_are_counted_as_scipy_counts_them():
    x = np.array([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 1, 2, 3], float)
    y = np.array([2, 1, 2, 2, 2, 5, 4, 4, 4, 1, 1, 3, 3], float)
    pair = agreement([{"layer": k, "m": x[k], "t": y[k]} for k in range(13)], tasks=["t"]).pairs[0]
    assert (pair.spearman, pair.kendall) == pytest.approx((spearmanr(x, y).statistic, kendalltau(x, y).statistic))


def test_resamples_are_ranked_as_scipy_ranks_them():
    """The bootstrap ranks by signs of differences; on the layers in order, and on a resample with repetitions, that is SciPy's."""
    from gramian.downstream._agreement.statistics import resampled_estimates

    values = curves()
    x, y = np.stack([values["rank"], values["entropy"]]), np.stack([values["STS"], values["Banking"]])
    places = np.stack([np.arange(LAYERS), np.random.default_rng(2).integers(0, LAYERS, LAYERS)])
    drawn = resampled_estimates(x, y, places)
    assert drawn.shape == (3, 2, 2, 2)
    for m in range(2):
        for t in range(2):
            for b, which in enumerate(places):
                assert drawn[:, m, t, b] == pytest.approx(by_scipy(x[m][which], y[t][which]), abs=1e-12)


def test_a_constant_resample_has_no_coefficient():
    from gramian.downstream._agreement.statistics import resampled_estimates

    x = np.array([[0.0, 0.0, 0.0, 1.0]])
    y = np.array([[1.0, 2.0, 3.0, 4.0]])
    drawn = resampled_estimates(x, y, np.array([[0, 1, 2, 0], [0, 1, 2, 3]]))
    assert np.isnan(drawn[..., 0]).all()
    assert np.isfinite(drawn[..., 1]).all()


def test_intervals_hold_the_coefficient_and_narrow_with_agreement():
    values = curves()
    values["same"] = values["STS"] + 0.01
    result = agreement(wide(values), tasks=["STS"])
    for pair in result.pairs:
        for name in ("spearman", "kendall"):
            low, value, high = (getattr(pair, name + end) for end in ("_low", "", "_high"))
            assert -1 <= low <= value <= high <= 1
        assert 0 <= pair.distance_correlation_low <= pair.distance_correlation_high <= 1
    same, other = found(result, "same", "STS"), found(result, "entropy", "STS")
    assert same.spearman == 1
    assert same.spearman_low == pytest.approx(1)
    assert same.spearman_high - same.spearman_low < other.spearman_high - other.spearman_low


@pytest.mark.parametrize("layers", [LEAST_LAYERS - 1, LEAST_LAYERS])
def test_below_the_least_number_of_layers_the_interval_is_refused_in_words(layers):
    result = agreement(wide(curves(layers=layers)), tasks=["STS"])
    pair = found(result, "rank", "STS")
    assert math.isfinite(pair.spearman)
    if layers < LEAST_LAYERS:
        assert math.isnan(pair.spearman_low)
        assert math.isnan(pair.distance_correlation_high)
        assert pair.note == "no interval: 12 layers, and at least 13 are needed"
        assert any("No interval for pairs over 12 layers" in warning for warning in result.warnings)
    else:
        assert math.isfinite(pair.spearman_low)
        assert pair.note is None
        assert not any("No interval" in warning for warning in result.warnings)


def test_a_block_of_half_the_layers_is_refused_too():
    pair = agreement(wide(curves()), tasks=["STS"], block=12).pairs[0]
    assert math.isnan(pair.spearman_low)
    assert "fewer than four" in pair.note


def test_a_constant_measure_is_undefined_and_said_so():
    values = curves() | {"flat": np.full(LAYERS, 0.7)}
    result = agreement(wide(values), tasks=["STS"])
    flat = found(result, "flat", "STS")
    assert all(math.isnan(value) for value in coefficients(flat))
    assert flat.note == "undefined: the measure is constant over the layers"
    assert result.warnings == ("Not defined for flat with STS: the measure is constant over the layers.",)
    assert math.isfinite(found(result, "rank", "STS").spearman)


def test_two_common_layers_are_too_few():
    rows = [{"layer": k, "m": k if k < 2 else None, "t": k % 3} for k in range(20)]
    pair = agreement(rows, tasks=["t"]).pairs[0]
    assert (pair.layers, pair.note) == (2, "undefined: fewer than 3 layers have both values")
    assert math.isnan(pair.spearman)


def test_signs_that_differ_between_tasks_are_said_in_words():
    values = curves()
    values["Banking"] = -values["STS"]
    values["rank"] = values["STS"] + 0.1 * values["rank"]
    warnings = agreement(wide(values), tasks=["STS", "Banking"]).warnings
    assert len(warnings) == 2
    assert warnings[0].startswith("rank: its sign differs between tasks: Spearman +1.00 with STS, -1.00 with Ban")
    assert warnings[0].endswith("Neither interval holds zero.")
    assert warnings[1].startswith("entropy")
    assert warnings[1].endswith("At least one of the two has no interval that excludes zero.")


def test_coefficients_near_zero_have_no_sign_to_differ():
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(3, 200))
    rows = [{"layer": k, "m": noise[0, k], "a": noise[1, k], "b": noise[2, k]} for k in range(200)]
    result = agreement(rows, tasks=["a", "b"], resamples=100)
    signs = {np.sign(pair.spearman) for pair in result.pairs}
    assert signs == {1.0, -1.0}
    assert result.warnings == ()


def test_signs_are_compared_where_each_task_has_its_own_texts_measured():
    """Two corpora, one a task: the measure is the same, and its sign differs."""
    values = curves()
    measures, scores = [], []
    for task, sign in (("STS", 1.0), ("Banking", -1.0)):
        for k in range(LAYERS):
            measures.append({"corpus": task, "measure": "rank", "layer": k, "value": values["rank"][k]})
            scores.append({"task": task, "layer": k, "value": sign * values["rank"][k]})
    result = agreement(measures, scores, resamples=100)
    assert [(pair.corpus, pair.task, round(pair.spearman)) for pair in result.pairs] == [
        ("STS", "STS", 1),
        ("Banking", "Banking", -1),
    ]
    (warning,) = result.warnings
    assert warning.startswith("rank (each on its own texts): its sign differs between tasks: Spearman +1.00 with STS")


def test_the_value_of_a_row_that_names_a_task_is_no_measure():
    values = curves()
    rows = [{"layer": k, "task": "STS", "value": values["STS"][k], "rank": values["rank"][k]} for k in range(LAYERS)]
    assert [pair.measure for pair in agreement(rows).pairs] == ["rank"]


def test_steps_with_gaps_in_a_data_frame_are_those_of_a_file():
    """A column of whole numbers with gaps becomes one of floats: 1000.0 is the revision 1000."""
    values = curves()
    measures = pd.DataFrame([{"revision": 1000.0} | row for row in wide({"rank": values["rank"]})])
    scores = [{"revision": "1000", "layer": k, "task": "STS", "value": values["STS"][k]} for k in range(LAYERS)]
    (pair,) = agreement(measures, scores, resamples=100).pairs
    assert pair.group == (("revision", "1000"),)


def test_signs_that_differ_between_models_are_said_and_models_are_not_mixed():
    values = curves()
    rows = [{"model": "one"} | row for row in wide(values)]
    rows += [{"model": "two"} | row | {"STS": -row["STS"]} for row in wide(values)]
    result = agreement(rows, tasks=["STS"], measures=["rank"])
    first, second = result.pairs
    assert (first.group, second.group) == ((("model", "one"),), (("model", "two"),))
    assert first.spearman == -second.spearman == pytest.approx(spearmanr(values["rank"], values["STS"]).statistic)
    assert len(result.warnings) == 1
    assert "rank: its sign differs between models on STS" in result.warnings[0]
    assert "with one" in result.warnings[0]


def test_any_column_can_tell_sequences_apart():
    values = curves()
    rows = [{"step": str(step)} | row for step in (1, 2) for row in wide(values)]
    with pytest.raises(ValueError, match=r"table: expected one row for each layer; got two for layer 0.*with by"):
        agreement(rows, tasks=["STS"], measures=["rank"])
    result = agreement(rows, tasks=["STS"], measures=["rank"], by=["step"])
    assert [pair.group for pair in result.pairs] == [(("step", "1"),), (("step", "2"),)]


def test_the_table_and_the_rows_hold_every_pair():
    result = agreement([{"model": "m"} | row for row in wide(curves())], tasks=["STS", "Banking"], resamples=100)
    table = result.table
    assert table.num_rows == 4
    assert table.column_names[:2] == ["model", "measure"]
    assert table["spearman"].to_pylist() == [pair.spearman for pair in result.pairs]
    assert json.loads(json.dumps(result.rows()))[0]["measure"] == "rank"


def test_the_same_call_gives_the_same_and_another_seed_other_intervals():
    rows = wide(curves())
    first, again, other = (agreement(rows, tasks=["STS"], resamples=200, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert [pair.spearman for pair in first.pairs] == [pair.spearman for pair in other.pairs]
    assert first.pairs[0].spearman_low != other.pairs[0].spearman_low


def our_tables(*, poolings=("mean", "mean_no_first"), normalize="raw", condition="natural", final=True):
    """A table of measures and one of scores as our commands write them."""
    values = curves()
    of_model = {"model": "tiny", "revision": ""}
    measures = [
        of_model
        | {"corpus": "c", "condition": condition, "layer": k, "stream": "residual", "measure": "rank"}
        | {"variant": f"tokens={tokens}", "value": float(values["rank"][k] + shift * k)}
        for tokens, shift in (("all", 0.0), ("no_first", 0.1))
        for k in range(LAYERS)
    ]
    scores = [
        of_model
        | {"task": "STS", "type": "STS", "split": "test", "subset": subset, "layer": k, "stream": "residual"}
        | {"variant": f"pooling={pooling};normalize={normalize}", "metric": metric, "main": metric == "spearman"}
        | {"value": float(values["STS"][k]) + (0.5 if subset == "en-de" else 0.0) + 0.01 * k * (pooling != "mean")}
        | {"low": 0.0, "high": 1.0, "n": 10}
        for pooling in poolings
        for k in range(LAYERS)
        for subset in ("en", "en-de")
        for metric in ("spearman", "pearson")
    ]
    if final:
        measures.append(measures[-1] | {"stream": "final_norm", "value": 1e9, "layer": LAYERS - 1})
        scores += [row | {"stream": "final_norm"} for row in scores if row["layer"] == LAYERS - 1]
    return pa.Table.from_pylist(measures), pa.Table.from_pylist(scores), values


def test_our_tables_pair_a_measure_with_the_reading_of_the_same_vectors():
    measures, scores, values = our_tables()
    result = agreement(measures, scores)
    assert [(pair.variant, pair.reading, pair.matched) for pair in result.pairs] == [
        ("tokens=all", "pooling=mean;normalize=raw", True),
        ("tokens=no_first", "pooling=mean_no_first;normalize=raw", True),
    ]
    depth = np.arange(LAYERS)
    assert coefficients(result.pairs[0]) == pytest.approx(by_scipy(values["rank"], values["STS"]), abs=1e-12)
    shifted = by_scipy(values["rank"] + 0.1 * depth, values["STS"] + 0.01 * depth)
    assert coefficients(result.pairs[1]) == pytest.approx(shifted, abs=1e-12)
    assert {pair.layers for pair in result.pairs} == {LAYERS}


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({"poolings": ("last",)}, "the measure is of means over all tokens, the score of pooling last"),
        (
            {"poolings": ("mean",), "normalize": "final_norm"},
            "the measure is of raw layers, the score of final-normed ones",
        ),
        (
            {"poolings": ("mean",), "condition": "natural, every layer final-normed"},
            "the measure is of final-normed layers, the score of raw ones",
        ),
    ],
)
def test_where_no_variant_is_of_the_scored_vectors_the_difference_is_said(options, note):
    measures, scores, _ = our_tables(**options)
    result = agreement(measures, scores)
    assert len(result.pairs) == 2
    assert {pair.matched for pair in result.pairs} == {False}
    assert result.pairs[0].note == note


def test_final_normed_measures_match_final_normed_scores():
    measures, scores, _ = our_tables(normalize="final_norm", condition="natural, every layer final-normed")
    assert [pair.matched for pair in agreement(measures, scores).pairs] == [True, True]


def test_a_measure_of_one_task_s_texts_is_not_compared_with_another_task():
    measures, scores, _ = our_tables(poolings=("mean",))
    of_sts = pa.Table.from_pylist([row | {"corpus": "STS"} for row in measures.to_pylist()])
    both = pa.concat_tables([scores, pa.Table.from_pylist([row | {"task": "Other"} for row in scores.to_pylist()])])
    assert {pair.task for pair in agreement(of_sts, both).pairs} == {"STS"}
    assert {pair.task for pair in agreement(measures, both).pairs} == {"STS", "Other"}


def test_runs_of_different_models_have_nothing_in_common():
    measures, scores, _ = our_tables()
    others = pa.Table.from_pylist([row | {"model": "another"} for row in scores.to_pylist()])
    with pytest.raises(ValueError, match="expected a measure and a task of the same model and revision"):
        agreement(measures, others)


def test_the_test_split_is_read_unless_another_is_named():
    measures, scores, values = our_tables(poolings=("mean",), final=False)
    validation = [row | {"split": "validation", "value": -row["value"]} for row in scores.to_pylist()]
    both = pa.concat_tables([pa.Table.from_pylist(validation), scores])
    expected = by_scipy(values["rank"], values["STS"])[0]
    assert agreement(measures, both).pairs[0].spearman == pytest.approx(expected)
    assert agreement(measures, both, split="validation").pairs[0].spearman == pytest.approx(-expected)
    with pytest.raises(ValueError, match="split: expected one of test, validation; got 'dev'"):
        agreement(measures, both, split="dev")


GOOD = wide(curves(layers=5))
BAD = {
    "no table": (lambda: agreement(3, tasks=["STS"]), TypeError, "table: expected a pyarrow Table"),
    "no rows": (lambda: agreement([], tasks=["STS"]), ValueError, "table: expected a table with rows"),
    "uneven columns": (lambda: agreement({"layer": [1, 2], "a": [1]}), ValueError, "expected columns of one length"),
    "no layer": (lambda: agreement(GOOD, layer="depth", tasks=["STS"]), ValueError, "got no depth among layer, rank"),
    "tasks not named": (lambda: agreement(GOOD), ValueError, "tasks: expected names among rank, entropy, STS"),
    "unknown task": (lambda: agreement(GOOD, tasks=["SST"]), ValueError, "tasks: expected names among .* got SST"),
    "tasks as text": (lambda: agreement(GOOD, tasks="STS"), TypeError, "tasks: expected a sequence of names"),
    "unknown measure": (
        lambda: agreement(GOOD, tasks=["STS"], measures=["lidar"]),
        ValueError,
        "measures: expected names among .* got lidar",
    ),
    "only tasks": (
        lambda: agreement([{"layer": 1, "a": 2.0}], tasks=["a"]),
        ValueError,
        "measures: expected at least one",
    ),
    "layer twice": (
        lambda: agreement([*GOOD, GOOD[2] | {"layer": "layer_2"}], tasks=["STS"]),
        ValueError,
        "table: expected one row for each layer; got two for layer 2",
    ),
    "long layer twice": (
        lambda: agreement(
            [{"layer": k, "measure": "rank", "value": k} for k in (0, 1, 1)],
            [{"layer": 1, "task": "STS", "value": 1}],
        ),
        ValueError,
        "got two for layer 1 of rank",
    ),
    "score twice": (
        lambda: agreement(GOOD, [{"layer": 1, "task": "STS", "value": 1}, {"layer": "L1", "task": "STS", "value": 1}]),
        ValueError,
        "scores: expected one main score for each layer and task; got two for layer 1 of STS",
    ),
    "subset missing": (
        lambda: agreement(
            GOOD, [{"layer": k, "task": "S", "subset": s, "value": 1} for k in (0, 1) for s in ("de", "en")][:-1]
        ),
        ValueError,
        "same splits and subsets of S for every layer; got no en for layer 1",
    ),
    "text for a number": (
        lambda: agreement(GOOD, [{"layer": 1, "task": "S", "value": "0,85"}]),
        ValueError,
        "scores, row 1, value: expected a number, or nothing; got '0,85'",
    ),
    "infinity": (
        lambda: agreement([{"layer": 1, "m": 1.0, "t": "inf"}], tasks=["t"]),
        ValueError,
        "table, row 1, t: expected a finite number",
    ),
    "both in a row": (
        lambda: agreement([{"layer": 1, "measure": "m", "task": "t", "value": 1}]),
        ValueError,
        "table, row 1: expected a measure or a task; got both",
    ),
    "split without splits": (
        lambda: agreement(GOOD, [{"layer": 1, "task": "S", "value": 1}], split="test"),
        ValueError,
        "split: expected none, since scores has no column of splits",
    ),
    "few resamples": (lambda: agreement(GOOD, tasks=["STS"], resamples=99), ValueError, "resamples: expected at least"),
    "confidence": (lambda: agreement(GOOD, tasks=["STS"], confidence=1.0), ValueError, "confidence: expected a share"),
    "block": (lambda: agreement(GOOD, tasks=["STS"], block=0), ValueError, "block: expected at least 1 layer"),
    "seed": (lambda: agreement(GOOD, tasks=["STS"], seed=-1), ValueError, "seed: expected at least 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_input_is_refused_in_words(case):
    call, kind, message = BAD[case]
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("layer", [-1, "-1", "layer_-1", "layer -2", 1.5, "layer_1.5", "last", None, "", float("nan")])
def test_what_is_no_layer_is_refused(layer):
    with pytest.raises(ValueError, match="expected a layer as a whole number from 0"):
        agreement([{"layer": layer, "m": 1.0, "t": 2.0}], tasks=["t"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "expected a file; got nothing there"),
        ("table.xlsx", b"", "expected a .csv, .tsv, .jsonl or .parquet file; got .xlsx"),
        ("empty.csv", b"", "expected a table with rows"),
        ("header.csv", b"layer,a\n", "expected a table with rows"),
        ("twice.csv", b"layer,a,a\n1,2,3\n", "expected every column once; got a twice"),
        ("ragged.csv", b"layer,a\n1,2,3\n", "row 2: expected 2 cells, as in the first row; got 3"),
        ("latin.csv", "layer,é\n1,2\n".encode("latin-1"), "expected UTF-8 text"),
        ("quotes.csv", b'layer,a\n1,"2\n', "expected lines of cells; got a damaged one"),
        ("broken.jsonl", b'{"layer": 1}\n\n{"layer": 2', "line 3: expected an object as JSON; got none"),
        ("list.jsonl", b"[1, 2]\n", "line 1: expected an object; got list"),
        ("broken.parquet", b"PAR1 and then nothing", "expected a whole Parquet file; got a damaged one"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}.*{message}|{message}"):
        agreement(path, tasks=["a"])
