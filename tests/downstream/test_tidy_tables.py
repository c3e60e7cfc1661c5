"""Anybody's tables: measures told from scores, whatever the form, and recommended from."""

import json

import pytest

from gramian.downstream import recommend_layer, tidy_tables

RANK, STS = [1.0, 3.0, 2.0], [0.2, 0.9, 0.4]
WIDE = [{"layer": k, "lidar": RANK[k], "STS": STS[k], "who": "me"} for k in (2, 0, 1)]
MEASURES = [{"layer": k, "measure": "lidar", "value": RANK[k]} for k in range(3)]
SCORES = [{"layer": k, "task": "STS", "value": STS[k]} for k in range(3)]


def of(result):
    """What it found, in no order."""
    return [None if rows is None else sorted(json.dumps(row, sort_keys=True) for row in rows) for rows in result]


def found(*tables, **more):
    result = tidy_tables(tables, **more)
    return of((result.measures, result.scores))


def test_every_form_gives_the_same_two_tables():
    expected = of((MEASURES, SCORES))
    assert found(WIDE, tasks=["STS"]) == expected
    assert found(MEASURES, SCORES) == expected
    assert found([row | {"measure": None} for row in SCORES] + [row | {"task": ""} for row in MEASURES]) == expected
    assert (
        found(
            [*MEASURES, *({"layer": r["layer"], "measure": r["task"], "value": r["value"]} for r in SCORES)],
            tasks=["STS"],
        )
        == expected
    )
    assert found([{"layer": r["layer"], "lidar": r["lidar"]} for r in WIDE], SCORES) == expected
    renamed = [{"Depth": r["layer"], "what": r["measure"], "v": r["value"], "value": "no number"} for r in MEASURES]
    assert found(renamed, columns={"layer": "Depth", "measure": "what", "value": "v"}) == [expected[0], None]


def test_models_readings_and_streams_stay_with_their_rows():
    row = {
        "layer": 1,
        "model": "m",
        "revision": 5,
        "variant": "pooling=mean;normalize=raw",
        "stream": "residual",
        "STS": 0.5,
    }
    (score,) = tidy_tables([[row]], tasks=["STS"]).scores
    assert score == {k: v for k, v in row.items() if k != "STS"} | {"task": "STS", "value": 0.5}


def test_columns_that_no_rule_reads_are_named():
    assert tidy_tables([WIDE]).unknown == ("STS",)
    assert tidy_tables([WIDE], tasks=["STS"]).unknown == ()


def test_a_table_of_another_origin_is_recommended_from():
    tables = tidy_tables([WIDE], tasks=["STS"])
    result = recommend_layer(tables.measures, tables.scores, rule="greatest_lidar")
    assert (result.layer, result.rules[0].mean.regret_best.value) == (1, 0)
    assert result.agreement[0].spearman == pytest.approx(1)


@pytest.mark.parametrize(
    ("tables", "more", "match"),
    [
        ([], {}, "tables: expected a list of tables"),
        ("a.csv", {}, "tables: expected a list of tables; got 'a.csv'"),
        ([WIDE], {"tasks": ["STZ"]}, "tasks: expected names among lidar, STS; got STZ"),
        ([WIDE], {"columns": {"layer": "Depth"}}, "expected the columns Depth; got no Depth among layer"),
        ([[{"depth": 1, "lidar": 2.0}]], {}, "table: expected the columns layer; got no layer"),
        ([MEASURES, [{"depth": 1}]], {}, "table 2: expected the columns layer"),
        ([[{"layer": 1, "name": "x"}]], {}, "table: expected columns of numbers beside the layer; got none"),
        ([[{"layer": 1, "measure": "m"}]], {}, "expected the columns layer, value; got no value"),
        ([[MEASURES[0] | {"task": "t"}]], {}, "row 1: expected a measure or a task; got both"),
    ],
)
def test_wrong_tables_are_refused_in_words(tables, more, match):
    with pytest.raises(ValueError, match=match):
        tidy_tables(tables, **more)


def test_one_text_of_tasks_is_refused():
    with pytest.raises(TypeError, match="tasks: expected a sequence of names"):
        tidy_tables([WIDE], tasks="STS")
