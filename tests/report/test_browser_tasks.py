"""Task scores, their agreement with measures, the recommendation and the two modes, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from gramian.report import render
from tests.report._browser import DRAWN, bring, choice, readout, sync_api, visit
from tests.report._synthetic import MEASURES, RunSpec, write_run
from tests.report._synthetic_scores import (
    HOSTILE_TASK,
    LEAST_DIME,
    NO_FIRST,
    RAW,
    ScoreSpec,
    write_modes,
    write_recommendation,
    write_scores,
)

__all__ = ["visit"]
pytestmark = pytest.mark.browser
_SHOWN = ("prompt_entropy", "sink_share", "dataset_entropy", "effective_rank", "lidar", LEAST_DIME)


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("joined")
    measured, scored = write_run(folder / "m", RunSpec(measures=_SHOWN)), write_scores(folder / "s")
    write_recommendation(scored)
    write_modes(measured)
    return render([measured, scored], out=folder / "page.html")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render([write_scores(tmp_path_factory.mktemp("alone") / "s", ScoreSpec.many(12, depth=16))])


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    runs = [write_run(folder / "m", RunSpec(model="Transformer", depth=12, measures=_SHOWN))]
    runs += [
        write_scores(folder / name, ScoreSpec(model=name, depth=depth))
        for name, depth in (("Transformer", 12), ("Mamba", 24))
    ]
    return render(runs, out=folder / "page.html")


def _curves(page: sync_api.Page, card: str) -> dict[str, list[float]]:
    return page.evaluate(
        "(card) => Object.fromEntries(document.querySelector(`#${card} .plot`).data.filter((t) => t.showlegend).map((t) => [t.name, t.y]))",
        card,
    )


def test_every_panel_draws_and_nothing_complains(visit, joined):
    page = visit.open(joined, scroll=True)
    drawn = page.evaluate(DRAWN)
    assert set(drawn) == {
        *(f"m-{measure}" for measure in _SHOWN), "spectrum", "histogram", "prompts-by-layer", "rank-correlation",
        "measure-against-measure", "measures-by-tasks", "measure-against-score", "t-all", "t-task-0", "t-task-1", "t-task-2",
    }  # fmt: skip
    for card, state in drawn.items():
        assert not state["empty"], card
        assert state["marks"] >= 1, card
    assert page.locator("#measures-by-tasks .heatmaplayer image").count() == 1
    # Three readings each with a curve, a band and a final mark; then the best and the recommended layer.
    assert drawn["t-task-0"]["traces"] == 3 * 3 + 2
    assert visit.complaints == []


def test_readings_share_the_hue_and_differ_in_dash(visit, joined):
    page = visit.open(joined)
    bring(page, "t-task-0")
    lines = page.evaluate(
        "() => document.querySelector('#t-task-0 .plot').data.filter((t) => t.showlegend).map((t) => [t.line.color, t.line.dash])"
    )
    assert len({colour for colour, _ in lines}) == 1
    assert len({dash for _, dash in lines}) == 3


def test_curve_without_the_first_token_stands_beside_the_raw_mean(visit, joined):
    page = visit.open(joined)
    bring(page, "t-all")
    curves = _curves(page, "t-all")
    assert {"mean over tokens", "mean without the first token"} <= set(curves)
    assert curves["mean without the first token"][20] > curves["mean over tokens"][20] + 0.1
    note = page.locator("#task-note").inner_text()
    assert note.startswith("Shaded, layers 13–32: the mean over raw tokens is mostly the first token there")
    assert (
        page.locator("#headline").inner_text().count("Raw mean pooling is mostly the first token at layers 13–32") == 1
    )


def test_mean_panel_is_the_mean_of_the_task_panels(visit, joined):
    page = visit.open(joined)
    bring(page, "t-all", "t-task-0", "t-task-1", "t-task-2")
    mean = np.array(_curves(page, "t-all")["mean over tokens"])
    tasks = [np.array(_curves(page, f"t-task-{task}")["mean over tokens"]) for task in range(3)]
    assert mean == pytest.approx(np.mean(tasks, 0))


def test_recommended_layer_is_pinned_first_and_by_its_button(visit, joined):
    page = visit.open(joined, changes=True)
    sync_api.expect(page.locator("#pinbar output")).to_contain_text("Layer 17 of 32")
    page.locator("#pin-slider").fill("3")
    bring(page, "t-task-0", "measure-against-score", "measures-by-tasks")
    sync_api.expect(page.locator("#t-task-0 .detail")).to_contain_text("at layer 3")
    page.locator("#recommendation .answer button").focus()
    page.keyboard.press("Enter")
    sync_api.expect(page.locator("#pinbar output")).to_contain_text("Layer 17 of 32")
    sync_api.expect(page.locator("#t-task-0 .detail")).to_contain_text("at layer 17")
    page.locator("#recommendation tbody button", has_text=re.compile("^12$")).click()
    sync_api.expect(page.locator("#pinbar output")).to_contain_text("Layer 12 of 32")
    marks = page.evaluate("() => document.querySelector('#measure-against-score .plot').data[0].marker.size")
    assert [layer for layer, size in enumerate(marks) if size > 10] == [12]


def test_rules_are_listed_by_regret_with_their_evidence(visit, joined):
    page = visit.open(joined, changes=True)
    rows = page.locator("#recommendation tbody tr").all_inner_texts()
    assert rows[0].startswith("Best on the other tasks — recommended")
    assert "measured with & without <views>" in rows[1]
    regrets = [float(row.split("\t")[3].split(" ")[0]) for row in rows]
    assert regrets == sorted(regrets)
    assert rows[-1].startswith("The last layer")
    mean = rows[0]
    choice(page, "Scores of").select_option("STS15")
    assert page.locator("#recommendation tbody tr").first.inner_text() != mean
    assert page.locator("#recommendation i").count() == 0, "the sentence's markup stays text"
    assert "It was chosen <i>without</i> the task" in page.locator("#recommendation").inner_text()


def test_scatter_shows_one_mark_for_each_layer_and_its_rank_correlation(visit, joined):
    page = visit.open(joined, changes=True)
    bring(page, "measure-against-score")
    choice(page, "Measure").select_option("lidar")
    page.wait_for_function(
        "() => document.querySelector('#measure-against-score .plot').layout.xaxis.title.text.startsWith('LiDAR')"
    )
    x, y = page.evaluate(
        "() => { const [t] = document.querySelector('#measure-against-score .plot').data; return [t.x, t.y]; }"
    )
    assert len(x) == len(y) == 33
    expected = spearmanr(x, y).statistic
    assert float(readout(page, "measure-against-score").removeprefix("ρ = ").replace("−", "-")) == pytest.approx(
        expected, abs=0.001
    )
    choice(page, "Variant").select_option("tokens=no_first")
    assert "without the first token" in page.locator("#measure-against-score .detail").inner_text()


def test_interval_of_the_recommendation_stands_beside_its_own_pair(visit, joined):
    page = visit.open(joined, changes=True)
    bring(page, "measure-against-score")
    choice(page, "Measure").select_option(LEAST_DIME)
    choice(page, "Task").select_option(label="STS15")
    assert "interval" not in readout(page, "measure-against-score"), (
        "another variant than the one of the recommendation"
    )
    choice(page, "Variant").select_option("tokens=no_first")
    assert readout(page, "measure-against-score") == "ρ = −0.610, 95 % interval −0.830 to −0.200"
    page.wait_for_function(
        "() => document.querySelector('#measure-against-score .plot').ariaLabel.includes('interval −0.830')"
    )


def test_matrix_of_measures_and_tasks_leads_to_the_pair(visit, joined):
    page = visit.open(joined, changes=True)
    bring(page, "measures-by-tasks")
    shape = page.evaluate(
        "() => { const [t] = document.querySelector('#measures-by-tasks .plot').data; return [t.z.length, t.z[0].length]; }"
    )
    assert shape == [len(_SHOWN), 4]
    plot = page.locator("#measures-by-tasks .nsewdrag")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    place = (box["x"] + box["width"] * 3.5 / 4, box["y"] + box["height"] * 3.5 / len(_SHOWN))
    page.mouse.move(*place)
    page.wait_for_timeout(150)
    page.mouse.click(*place)
    sync_api.expect(choice(page, "Measure")).to_have_value("effective_rank")
    sync_api.expect(choice(page, "Task")).to_have_value("2")


def test_readings_can_be_chosen(visit, joined):
    page = visit.open(joined, changes=True)
    bring(page, "t-task-1")
    page.locator("#task-controls summary").click()
    page.locator(f"#task-controls input[value='{RAW}']").uncheck()
    page.wait_for_function(
        "() => document.querySelector('#t-task-1 .plot').data.filter((t) => t.showlegend).length === 2"
    )
    assert "mean over tokens" not in _curves(page, "t-task-1")
    for _ in range(2):
        page.locator("#task-controls input:checked").first.uncheck()
    sync_api.expect(page.locator("#t-task-1")).to_have_class(re.compile("is-empty"))
    assert visit.complaints == []


def test_hostile_task_stays_text_everywhere(visit, joined):
    page = visit.open(joined, scroll=True)
    assert page.locator("#t-task-1 h3").inner_text() == HOSTILE_TASK
    assert page.locator("#t-task-1 b[onmouseover], main b[onmouseover]").count() == 0
    assert page.locator("#measures-by-tasks .xtick text").nth(2).text_content().startswith("<b onmouseover")
    with page.expect_download() as saved:
        page.locator("#t-task-1").get_by_text("SVG", exact=True).click()
    svg = Path(saved.value.path()).read_text()
    assert "<b onmouseover" not in svg
    assert "&#60;b onmouseover" in svg
    assert "python-docs and 3 tasks · Gramian" in svg
    assert "mean without the first token" in svg, "a saved figure names its readings"
    assert visit.complaints == []


def test_text_alternatives_of_scores_state_the_trend(visit, joined):
    page = visit.open(joined)
    bring(page, "t-task-0", "measures-by-tasks")
    words = page.locator("#t-task-0 .plot").get_attribute("aria-label")
    assert re.search(
        r"STS15, mean over tokens, of SmolLM2.*: starts at 0\.\d+ at layer 0, is highest .*; best 0\.\d+ at layer \d+, last 0\.\d+\.",
        words,
    )
    assert "the strongest is" in page.locator("#measures-by-tasks .plot").get_attribute("aria-label")


def test_flagged_layers_are_marked_and_their_modes_named(visit, joined):
    page = visit.open(joined, changes=True)
    bring(page, "prompts-by-layer", "histogram")
    marked = page.evaluate(
        "() => document.querySelector('#prompts-by-layer .plot').data.find((t) => t.name === 'two modes').x"
    )
    assert marked == [18, 19, 20]
    page.locator("#pin-slider").fill("19")
    sync_api.expect(page.locator("#histogram .readout")).to_contain_text(
        "dip 0.0900, corrected p 0.00320: more than one mode"
    )
    page.wait_for_function("() => document.querySelector('#histogram .plot').layout.shapes.length === 3")
    modes = page.locator("#modes").inner_text()
    assert "3 of 33 streams have more than one mode" in modes
    assert (
        "length in tokens: 31.0 in the lower mode, 88.0 in the upper (cliffs delta 0.910, corrected p 4.00e−9)" in modes
    )
    assert "source: <u>A</u> in the lower mode" in modes
    page.locator("#pin-slider").fill("2")
    sync_api.expect(page.locator("#histogram .readout")).to_contain_text("one mode")
    choice(page, "First token").select_option("no_first")
    page.get_by_label("The values tested for two modes").uncheck()
    sync_api.expect(page.locator("#histogram .detail")).to_contain_text("without the first token")
    sync_api.expect(page.locator("#histogram .readout")).not_to_contain_text("dip")
    assert visit.complaints == []


def test_many_tasks_are_drawn_as_means_by_kind(visit, alone):
    page = visit.open(alone, scroll=True, changes=True)
    drawn = page.evaluate(DRAWN)
    assert set(drawn) == {"m-sink_share", "t-all", *(f"t-type-{n}" for n in range(5))}
    assert not any(state["empty"] for state in drawn.values())
    assert page.locator("#t-type-0 .detail").inner_text().startswith("Mean over 3 tasks")
    choice(page, "Panels").select_option("tasks")
    page.evaluate("document.getElementById('task-grid').scrollIntoView()")
    assert page.locator("#task-grid .card").count() == 13
    choice(page, "Panels").select_option(label="Clustering (2)")
    assert page.locator("#task-grid .card").count() == 3
    assert visit.complaints == []


def test_scores_alone_name_best_last_and_gain_without_a_recommendation(visit, alone):
    page = visit.open(alone)
    text = page.locator("#recommendation").inner_text()
    assert re.search(r"^Best: layer 9 of 16, 0\.\d+ ± 0\.00\d above the last", text)
    assert "no recommendation was made" in text
    assert page.locator("#recommendation tbody tr").count() == 13
    sync_api.expect(page.locator("#pinbar output")).to_contain_text("Layer 9 of 16")
    assert page.locator("#agreement").is_hidden()
    assert page.locator("#layer").is_hidden()
    assert "0 of" not in page.locator("#table-count").inner_text()


def test_table_holds_the_scores(visit, alone):
    page = visit.open(alone, changes=True)
    page.locator("#table").scroll_into_view_if_needed()
    page.wait_for_selector("#table-body tr")
    page.locator("#table-filter").fill(f"Task03Reranking {NO_FIRST}")
    assert page.locator("#table-body tr").count() == 18
    assert "18 of 18 rows" in page.locator("#table-count").inner_text()


def test_models_are_overlaid_by_relative_depth_and_joined_by_name(visit, several):
    page = visit.open(several, scroll=True, changes=True)
    assert page.locator(".legend li").all_inner_texts() == ["Transformer", "Mamba"]
    ends = page.evaluate(
        """() => document.querySelector("#t-all .plot").data.filter((t) => t.showlegend)
          .map((t) => [t.x.length, t.x[0], t.x[t.x.length - 1], t.line.color])"""
    )
    assert [length for length, *_ in ends] == [13, 13, 25, 25]
    assert all((first, last) == (0, 100) for _, first, last, _ in ends)
    assert len({colour for *_, colour in ends}) == 2
    assert page.locator("#recommendation .verdict").count() == 2
    choice(page, "Run").select_option("1")
    bring(page, "measures-by-tasks")
    page.wait_for_function(
        "() => document.querySelector('#measures-by-tasks .plot').ariaLabel.includes('layers of Mamba')"
    )
    assert visit.complaints == []


def test_models_scored_on_other_tasks_by_other_readings_are_overlaid(visit, tmp_path):
    specs = [
        ScoreSpec(model="A", depth=6, readings=(NO_FIRST, RAW)),
        ScoreSpec(model="B", depth=4, tasks=("Mine",), readings=(RAW,)),
    ]
    page = visit.open(
        render([write_scores(tmp_path / s.model, s) for s in specs], out=tmp_path / "p.html"), scroll=True
    )
    assert page.locator("#task-grid .card.is-empty").count() == 0
    assert page.locator("#t-all").count() == 0, "there is no mean over tasks that the models do not share"
    assert set(_curves(page, "t-task-0")) == {"A, mean over tokens", "A, mean without the first token"}
    assert visit.complaints == []


@pytest.mark.parametrize("which", ["joined", "alone", "several"])
def test_phone_width_does_not_scroll_sideways(visit, which, request):
    try:
        visit.page.set_viewport_size({"width": 390, "height": 844})
        visit.shown = None
        page = visit.open(request.getfixturevalue(which), scroll=True, changes=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.complaints == []
    finally:
        visit.page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("tasks", [("STS15",), ("A", "B")])
def test_one_layer_of_scores_draws_without_complaint(visit, tmp_path, tasks):
    spec = ScoreSpec(depth=0, tasks=tasks, readings=(RAW,), intervals=False, final_norm=False)
    runs = [
        write_scores(tmp_path / "s", spec),
        write_run(tmp_path / "m", RunSpec(depth=0, prompts=40, measures=MEASURES[:2])),
    ]
    page = visit.open(render(runs, out=tmp_path / "p.html"), scroll=True)
    assert page.evaluate(DRAWN)["t-task-0"]["marks"] >= 1
    assert visit.complaints == []
