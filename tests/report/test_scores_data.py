"""Task scores on their way to the page: whose they are, which of them, and what is said of them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from gramian.report import render
from gramian.report._first_token import swallowed_layers
from gramian.report._headline import headline
from gramian.report._score_sentences import verdict_of
from gramian.report._scores import mean_over_tasks, pooled_share, scores_of, task_words
from gramian.report._source import Source
from gramian.report._sources import read_sources
from gramian.runs import RunDirectory, RunError, write_document
from tests.report._synthetic import MEASURES, RunSpec, write_run
from tests.report._synthetic_scores import (
    HOSTILE_TASK,
    NO_FIRST,
    NORMED,
    RAW,
    ScoreSpec,
    score_curve,
    score_table,
    write_modes,
    write_recommendation,
    write_scores,
)
from tests.report.test_page_data import _data

SMALL = ScoreSpec(depth=6)
MEASURED = RunSpec(depth=6, prompts=40, measures=MEASURES[:4])


def _texts(*sources: Source) -> list[str]:
    return [sentence.text for sentence in headline(list(sources))]


def test_scores_join_the_measures_of_the_same_model(tmp_path):
    measured, scored = write_run(tmp_path / "measured", MEASURED), write_scores(tmp_path / "scored", SMALL)
    for order in ([measured, scored], [scored, measured]):
        data = _data(render(order, out=tmp_path / "page.html").read_text())
        (run,) = data["runs"]
        assert run["label"] == MEASURED.model
        assert run["identity"]["corpus"] == "python-docs"
        assert set(run["series"]) == set(MEASURED.measures)
        assert run["scores"]["owner"] == 0
        assert len(run["scores"]["tasks"]) == 3
    page = render([measured, scored], out=tmp_path / "page.html").read_text()
    assert page.count('<details class="account"') == 2, "the account names both directories"


@pytest.mark.parametrize("change", [{"revision": "step9"}, {"model": "another"}])
def test_scores_of_another_model_or_revision_stay_apart(tmp_path, change):
    runs = [write_run(tmp_path / "m", MEASURED), write_scores(tmp_path / "s", replace(SMALL, **change))]
    first, second = _data(render(runs, out=tmp_path / "p.html").read_text())["runs"]
    assert first["scores"] is None
    assert second["scores"]["owner"] == 1
    assert first["label"] != second["label"]


def test_scores_of_other_weights_stay_apart(tmp_path):
    scored = write_scores(tmp_path / "s", SMALL)
    manifest = json.loads((scored / "manifest.json").read_text())
    manifest["model"]["weights_hash"] = "0" * 64
    (scored / "manifest.json").write_text(json.dumps(manifest))
    sources = read_sources([write_run(tmp_path / "m", MEASURED), scored])
    assert [bool(source.scores) for source in sources] == [False, True]


def test_one_model_on_two_corpora_holds_its_scores_once(tmp_path):
    runs = [write_run(tmp_path / f"m{n}", replace(MEASURED, condition=f"c{n}")) for n in range(2)]
    runs.append(write_scores(tmp_path / "s", SMALL))
    first, second = _data(render(runs, out=tmp_path / "p.html").read_text())["runs"]
    assert set(first["scores"]) == {"owner", "tasks", "reading", "swallowed"}
    assert second["scores"] == {"owner": 0}


def test_downstream_runs_that_complement_each_other_are_taken_together(tmp_path):
    tasks = [write_scores(tmp_path / name, replace(SMALL, tasks=(name,))) for name in ("One", "Two")]
    other_reading = write_scores(
        tmp_path / "last", replace(SMALL, tasks=("One",), readings=("pooling=last;normalize=raw",))
    )
    (source,) = read_sources([*tasks, other_reading])
    assert [task.name for task in source.scores] == ["One", "Two"]
    assert [series.variant for series in source.scores[0].readings] == [
        RAW,
        NO_FIRST,
        NORMED,
        "pooling=last;normalize=raw",
    ]
    repeated = write_scores(tmp_path / "again", replace(SMALL, tasks=("Two",)))
    assert len(read_sources([*tasks, repeated])) == 2, "a task scored twice by one reading is not overwritten"


def test_page_holds_main_scores_of_every_task_and_reading(tmp_path):
    data = _data(render([write_scores(tmp_path / "s", SMALL)]).read_text())
    assert [task["name"] for task in data["tasks"]] == ["STS15", HOSTILE_TASK, "Banking77Classification"], (
        "types together"
    )
    (run,) = data["runs"]
    for place, task in enumerate(data["tasks"]):
        listed = {series["variant"]: series for series in run["scores"]["tasks"][str(place)]}
        assert set(listed) == {RAW, NO_FIRST, NORMED}
        number = list(SMALL.tasks).index(task["name"])
        for reading, series in listed.items():
            assert series["value"] == pytest.approx(score_curve(SMALL, number, reading), abs=0.02)
            assert np.subtract(series["high"], series["low"]) == pytest.approx(np.full(7, 0.024), abs=1e-4)
            assert series["final"]["value"] == pytest.approx(series["value"][-1] - 0.01, abs=1e-4)
    assert data["variants"][NO_FIRST]["words"] == "mean without the first token"


def test_layers_sort_as_numbers_whatever_the_rows_order():
    table = score_table(ScoreSpec(depth=11, tasks=("STS15",)))
    shuffled = table.take(pa.array(np.random.default_rng(3).permutation(table.num_rows)))
    (task,) = scores_of(shuffled)[(ScoreSpec.model, "main")]
    for series in task.readings:
        assert [point.layer for point in series.points] == list(range(12))
    assert {series.variant: series.final.value for series in task.readings} == {
        series.variant: series.final.value for series in scores_of(table)[(ScoreSpec.model, "main")][0].readings
    }


def test_subsets_are_averaged_and_lose_their_interval():
    single, double = (scores_of(score_table(replace(SMALL, subsets=count)))[(SMALL.model, "main")] for count in (1, 2))
    assert double[0].parts == 2
    for one, two in zip(single[0].readings[0].points, double[0].readings[0].points, strict=True):
        assert two.value == pytest.approx(one.value + 0.05)
        assert two.half_width is None
        assert two.n == 6000


def test_layer_that_lacks_a_subset_has_no_mean():
    table = score_table(replace(SMALL, subsets=2, tasks=("STS15",), readings=(RAW,)))
    missing = [row for row in table.to_pylist() if not (row["layer"] == 3 and row["subset"] == "s1")]
    (task,) = scores_of(pa.Table.from_pylist(missing, schema=table.schema))[(SMALL.model, "main")]
    assert [point.layer for point in task.readings[0].points] == [0, 1, 2, 4, 5, 6]


def test_test_split_is_taken_where_there_are_several():
    table = score_table(replace(SMALL, tasks=("STS15",), readings=(RAW,)))
    validation = table.set_column(
        table.schema.get_field_index("split"), "split", pa.array(["validation"] * table.num_rows)
    )
    (task,) = scores_of(pa.concat_tables([validation, table]))[(SMALL.model, "main")]
    assert task.parts == 1
    assert len(task.readings[0].points) == 7


def test_a_score_given_twice_is_refused():
    table = score_table(SMALL)
    with pytest.raises(
        ValueError, match="expected one main score for each task, layer and reading; got two for layer 0"
    ):
        scores_of(pa.concat_tables([table, table]))


def test_mean_over_tasks_is_the_plain_mean_with_an_interval_of_independent_scores():
    tasks = scores_of(score_table(SMALL))[(SMALL.model, "main")]
    mean = mean_over_tasks(tasks, NO_FIRST)
    values = np.array([[point.value for point in task.reading(NO_FIRST).points] for task in tasks])
    assert [point.value for point in mean.points] == pytest.approx(values.mean(0))
    assert mean.points[2].half_width == pytest.approx(0.012 / np.sqrt(3))
    assert mean.final.value == pytest.approx(np.mean([task.reading(NO_FIRST).final.value for task in tasks]))
    assert mean_over_tasks(tasks, "pooling=first;normalize=raw") is None


def test_first_tokens_share_is_pooled_over_the_texts_of_all_tasks(tmp_path):
    source = read_sources([write_scores(tmp_path / "s", SMALL)])[0]
    point = source.task_sink.points[-1]
    by_task = np.array([0.0, -0.001, -0.002]) + 0.997
    assert point.value == pytest.approx(by_task @ [1, 2, 3] / 6, abs=1e-4)
    assert point.n == 12_000
    assert point.half_width == pytest.approx(0.001 * np.sqrt(1 + 4 + 9) / 6)
    assert list(source.series) == ["sink_share"]
    assert pooled_share(pa.table({"measure": pa.array([], pa.string())})) is None


@pytest.mark.parametrize("sink", [True, False])
def test_run_of_scores_alone_renders(tmp_path, sink):
    page = render([write_scores(tmp_path / "s", replace(SMALL, sink=sink))]).read_text()
    (run,) = _data(page)["runs"]
    assert run["layers"] == list(range(7))
    assert list(run["series"]) == (["sink_share"] if sink else [])
    assert ('id="depth" hidden' in page) is not sink
    assert 'id="agreement" hidden' in page
    assert run["identity"]["corpus"] == "3 tasks", "their names would not fit on a line"


def test_many_tasks_are_counted_not_listed():
    assert task_words([f"t{n}" for n in range(32)]) == "32 tasks"


def test_page_of_eighty_layers_twenty_measures_and_thirty_two_tasks_stays_under_six_megabytes(tmp_path):
    readings = [
        f"pooling={p};normalize={n}"
        for p in ("mean", "mean_no_first", "last", "first", "weighted_mean")
        for n in ("raw", "final_norm")
    ]
    spec = ScoreSpec.many(32, depth=80, readings=readings)
    runs = [write_run(tmp_path / "m", RunSpec(depth=80, prompts=300, width=4096)), write_scores(tmp_path / "s", spec)]
    page = render(runs, out=tmp_path / "page.html")
    assert len(_data(page.read_text())["tasks"]) == 32
    assert page.stat().st_size < 6e6


def test_hostile_task_names_stay_text(tmp_path):
    run = write_scores(tmp_path / "s", replace(SMALL, tasks=(HOSTILE_TASK,)))
    write_recommendation(run, replace(SMALL, tasks=(HOSTILE_TASK,)), layer=3)
    page = render([run]).read_text()
    assert "<b onmouseover" not in page
    assert "<i>without" not in page
    assert "&lt;b onmouseover=alert(3)&gt;Task&lt;/b&gt;" in page, "in the headline"
    assert _data(page)["tasks"][0]["name"] == HOSTILE_TASK


def _recommended(tmp_path, **more):
    run = write_scores(tmp_path / "s", SMALL)
    write_recommendation(run, SMALL, layer=3, **more)
    return run


def test_recommendation_reaches_the_page_of_its_model(tmp_path):
    measured = write_run(tmp_path / "m", MEASURED)
    other = write_run(tmp_path / "o", replace(MEASURED, model="another"))
    data = _data(render([measured, _recommended(tmp_path), other], out=tmp_path / "p.html").read_text())
    first, second = data["runs"]
    assert first["recommendation"]["recommended"] == {"layer": 3, "stream": "residual", "rule": "best_on_tasks"}
    assert [rule["rule"] for rule in first["recommendation"]["rules"]][-2:] == ["last", "random"]
    assert first["scores"]["reading"] == NO_FIRST
    assert first["recommendation"]["agreement"][0]["spearman_high"] == -0.2
    assert second["recommendation"] is None


def test_recommendation_older_than_its_scores_is_called_so(tmp_path):
    run = _recommended(tmp_path)
    document = json.loads((run / "recommendation.json").read_text())
    manifest = json.loads((run / "manifest.json").read_text())
    for completed, expected in ((manifest["completed"], []), ("2001-01-01T00:00:00+00:00", ["s"])):
        document["runs"][0]["completed"] = completed
        write_document(run / "recommendation.json", document)
        assert _data(render([run]).read_text())["runs"][0]["recommendation"]["outdated"] == expected


@pytest.mark.parametrize("name", ["recommendation.json", "bimodality.json"])
def test_a_document_that_is_none_is_refused(tmp_path, name):
    run = write_run(tmp_path / "m", MEASURED)
    (run / name).write_text('{"format": "something else"}')
    with pytest.raises(RunError, match=f"{name}: expected gramian-"):
        render([run])


def test_run_without_scores_or_measures_is_refused(tmp_path):
    with RunDirectory.open(tmp_path / "empty", command="downstream", parameters={}) as run:
        run.write_table("scores", [score_table(SMALL).slice(0, 0)])
        run.finish()
    with pytest.raises(ValueError, match="expected a run with a measures table or a scores table; got scores"):
        render([tmp_path / "empty"])


def test_modes_reach_the_page_layer_by_layer(tmp_path):
    run = write_run(tmp_path / "m", MEASURED)
    write_modes(run, depth=6, flagged=(2, 3))
    modes = _data(render([run]).read_text())["runs"][0]["modes"]
    assert [layer for layer, found in modes["layers"].items() if found["bimodal"]] == ["2", "3"]
    assert modes["layers"]["2"]["separators"][1]["low"] == "<u>A</u>"
    assert modes["layers"]["0"]["separators"] == []


def test_headline_says_by_how_much_the_best_layer_beats_the_last(tmp_path):
    source = read_sources(
        [write_scores(tmp_path / "s", replace(SMALL, tasks=("STS15",), readings=(NO_FIRST,), sink=False))]
    )[0]
    verdict = verdict_of(source)
    assert verdict.best.layer == 3
    assert verdict.last is source.scores[0].readings[0].final
    assert verdict.half_width == pytest.approx(0.012 * np.sqrt(2))
    (text,) = _texts(source)
    assert text.startswith("On STS15, layer 3 (50 % of the depth) scores highest: 0.7")
    assert "± 0.012 (mean without the first token), 0.2" in text
    assert text.endswith("± 0.017 above the last layer after the final norm.")


def test_gain_within_its_uncertainty_is_not_called_a_gain(tmp_path):
    source = read_sources([write_scores(tmp_path / "s", replace(SMALL, half=0.4, readings=(NO_FIRST,)))])[0]
    assert "which cannot be told from the last layer after the final norm" in _texts(source)[0]


def test_gain_without_intervals_says_that_there_are_none(tmp_path):
    source = read_sources([write_scores(tmp_path / "s", replace(SMALL, intervals=False, final_norm=False))])[0]
    text = _texts(source)[0]
    assert "±" not in text
    assert "above the last layer; the run gives no uncertainty" in text


def test_best_last_layer_is_not_beaten(tmp_path):
    spec = replace(SMALL, peak=1.4, tasks=("STS15",), readings=(NO_FIRST,), final_norm=False)
    text = _texts(*read_sources([write_scores(tmp_path / "s", spec)]))[0]
    assert text.startswith("On STS15, no layer’s score is above that of the last layer: 0.")


def test_headline_prefers_the_reading_that_reaches_highest(tmp_path):
    sources = read_sources([write_scores(tmp_path / "s", SMALL)])
    assert "(mean without the first token)" in _texts(*sources)[0]
    assert "Over 3 tasks, layer 3" in _texts(*sources)[0]
    assert "every task is best at layer 3" in _texts(*sources)[0]
    deeper = read_sources([write_scores(tmp_path / "d", replace(SMALL, depth=40))])
    assert "; the best layers of single tasks lie between 2" in _texts(*deeper)[0]


def test_headline_warns_of_the_raw_mean_and_says_what_it_costs(tmp_path):
    source = read_sources([write_scores(tmp_path / "s", SMALL)])[0]
    assert swallowed_layers(source.task_sink) == [3, 4, 5, 6]
    text = _texts(source)[1]
    assert text.startswith("Raw mean pooling is mostly the first token at layers 3–6, where it carries up to 99.")
    assert "; leaving it out lifts the mean score by up to 0.1" in text
    light = read_sources([write_scores(tmp_path / "l", replace(SMALL, sink=False))])[0]
    assert not any("Raw mean" in text for text in _texts(light))
    unread = read_sources([write_scores(tmp_path / "u", replace(SMALL, readings=(NO_FIRST,)))])[0]
    assert not any("Raw mean" in text for text in _texts(unread)), "nobody is misled who did not read the raw mean"


def test_heavy_first_token_is_no_small_sample(tmp_path):
    sources = read_sources([write_scores(tmp_path / "s", SMALL)])
    assert not [sentence for sentence in headline(sources) if sentence.kind == "warning"]


def test_headline_names_the_recommended_layer_with_its_regret(tmp_path):
    text = _texts(*read_sources([_recommended(tmp_path)]))[1]
    assert text.startswith(
        "Recommended is layer 3 (50 % of the depth), by the rule “Best on the other tasks”: on average over 3 tasks"
    )
    assert "± 0.012 below the best and 0.2" in text


def test_unchecked_recommendation_is_called_unchecked(tmp_path):
    text = _texts(*read_sources([_recommended(tmp_path, checked=False)]))[1]
    assert text.endswith("by the rule “Least DiME between two augmented views”; no task score has checked it.")


def test_sentences_link_to_the_tasks_and_the_recommendation(tmp_path):
    sentences = headline(read_sources([_recommended(tmp_path)]))
    links = {
        part.panel: part.layer for sentence in sentences[:2] for part in sentence.parts if part.panel and part.layer
    }
    assert links == {"tasks": 3, "recommendation": 3}
