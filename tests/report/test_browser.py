"""The page in a real browser: it draws, it follows the reader, it asks nothing of the network, it runs nothing foreign."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from gramian.report import render
from tests.report._browser import DRAWN, bring, choice, readout, sync_api, visit
from tests.report._synthetic import HOSTILE_MODEL, HOSTILE_PROMPT, MEASURES, RunSpec, write_run

__all__ = ["visit"]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render([write_run(tmp_path_factory.mktemp("one") / "run", RunSpec(model=HOSTILE_MODEL))])


@pytest.fixture(scope="module")
def overlaid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    specs = [
        RunSpec(model="Transformer", depth=12, measures=MEASURES[:7]),
        RunSpec(model="Mamba", depth=24, seed=1, valley=0.7, measures=MEASURES[:5]),
        RunSpec(
            model="Saved vectors",
            depth=6,
            texts=False,
            spectra=False,
            intervals=False,
            final_norm=False,
            measures=MEASURES[3:7],
        ),
    ]
    return render([write_run(folder / str(place), spec) for place, spec in enumerate(specs)], out=folder / "all.html")


def test_every_panel_draws_and_nothing_complains(visit, single):
    page = visit.open(single, scroll=True)
    drawn = page.evaluate(DRAWN)
    assert len(drawn) == len(MEASURES) + 5
    for card, state in drawn.items():
        assert not state["empty"], card
        assert state["traces"] >= 1, card
        assert state["marks"] >= 1, card
    for card in ("prompts-by-layer", "rank-correlation"):
        assert page.locator(f"#{card} .heatmaplayer image").count() == 1
    assert visit.complaints == []


def test_figures_off_the_screen_wait(visit, tmp_path_factory):
    """What makes a page of 80 layers and 20 measures usable at once: it is ready before most of it is drawn."""
    large = render([write_run(tmp_path_factory.mktemp("large") / "run", RunSpec(depth=80, prompts=300, width=2048))])
    page = visit.open(large)
    bring(page, "m-prompt_entropy")
    assert 1 <= page.locator(".card[data-drawn]").count() < len(MEASURES) / 2
    assert page.locator("#table-body tr").count() == 0
    assert visit.complaints == []


def test_prompts_and_names_stay_text(visit, single):
    page = visit.open(single)
    bring(page, "m-prompt_entropy", "prompts-by-layer", "measure-against-measure")
    assert page.locator("h1").inner_text() == HOSTILE_MODEL
    assert HOSTILE_PROMPT in page.locator("#extremes").inner_text()
    assert page.locator("img, #extremes script").count() == 0
    assert visit.complaints == []


def test_pinning_a_layer_changes_every_panel(visit, single):
    page = visit.open(single)
    bring(page, "m-prompt_entropy", "spectrum", "histogram", "m-lidar")
    page.locator("#pin-slider").fill("14")
    cards = ["m-prompt_entropy", "m-lidar", "spectrum", "histogram"]
    before = {card: readout(page, card) for card in cards}
    extremes = page.locator("#extremes").inner_text()
    line = page.locator("#m-lidar .shapelayer path").first.get_attribute("d")
    page.locator("#pin-slider").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    sync_api.expect(page.locator("#m-lidar .shapelayer path").first).not_to_have_attribute("d", line)
    for card in cards:
        assert readout(page, card) != before[card]
        assert "layer 2" in readout(page, card)
    assert page.locator("#extremes").inner_text() != extremes
    assert "Layer 2 of 32" in page.locator("#pinbar output").inner_text()


def test_click_in_a_figure_pins_the_layer_under_it(visit, single):
    page = visit.open(single)
    bring(page, "m-curvature")
    plot = page.locator("#m-curvature .nsewdrag")
    page.locator("#pin-slider").fill("0")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.3)
    page.wait_for_timeout(150)
    page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.3)
    sync_api.expect(page.locator("#pinbar output")).not_to_contain_text("Layer 0 ")
    layer = int(re.search(r"Layer (\d+)", page.locator("#pinbar output").inner_text()).group(1))
    assert 24 <= layer <= 30


def test_headline_link_leads_to_its_figure_and_pins(visit, single):
    page = visit.open(single)
    link = page.locator("#headline a[data-panel='m-lidar'][data-layer]")
    layer = link.get_attribute("data-layer")
    link.click()
    sync_api.expect(page.locator("#m-lidar .readout")).to_contain_text(f"at layer {layer}")
    assert page.evaluate("document.activeElement.id") == "m-lidar"


def test_choices_change_the_curves(visit, single):
    page = visit.open(single, changes=True)
    bring(page, "m-prompt_entropy")
    plot = page.locator("#m-prompt_entropy .scatterlayer path.js-line").last
    before = plot.get_attribute("d")
    choice(page, "First token").select_option("no_first")
    sync_api.expect(page.locator("#m-prompt_entropy .scatterlayer path.js-line").last).not_to_have_attribute(
        "d", before
    )
    assert "without the first token" in page.locator("#m-prompt_entropy .detail").inner_text()
    choice(page, "Normalisation").select_option("log_n")
    sync_api.expect(page.locator("#m-prompt_entropy .unit")).not_to_have_text("nats")
    choice(page, "First token").select_option("both")
    sync_api.expect(page.locator("#m-prompt_entropy .plot")).to_contain_text("without first token")
    page.locator(".chooser summary").click()
    page.locator(".chooser input[value='curvature']").uncheck()
    assert page.locator("#m-curvature").count() == 0
    assert choice(page, "InfoNCE form").count() == 0, "a choice of one should not be offered"


def test_intervals_are_drawn_within_the_range_of_their_measure(visit, tmp_path):
    spec = RunSpec(
        depth=3, prompts=12, measures=["stable_rank", "anisotropy", "sink_share"], spectra=False, texts=False
    )
    page = visit.open(render([write_run(tmp_path / "run", spec, half_width=5.0)]))
    bring(page, "m-sink_share")
    drawn = """(name) => {
      const [band, curve, final] = document.querySelector(`#m-${name} .plot`).data;
      return [Math.min(...band.y), Math.max(...band.y), final.y[0] - final.error_y.arrayminus[0], curve.text[0]];
    }"""
    for name, least, most in (("stable_rank", 1, None), ("anisotropy", None, 1), ("sink_share", 0, 1)):
        low, high, final_low, hover = page.evaluate(drawn, name)
        assert low == least if least is not None else low < -1
        assert high == most if most is not None else high > 4
        assert least is None or final_low == pytest.approx(least)
        assert least is None or f"interval {least}" in hover
    assert re.search(r"± 5", readout(page, "m-sink_share")), "the number keeps the interval of the run"


def test_rank_correlation_is_spearmans(visit, single):
    page = visit.open(single)
    bring(page, "m-prompt_entropy", "m-lidar", "rank-correlation")
    heat = page.evaluate("() => { const d = document.querySelector('#rank-correlation .plot').data[0]; return d.z; }")
    curves = page.evaluate(
        """() => ["prompt_entropy", "lidar"].map((name) =>
          document.querySelector(`#m-${name} .plot`).data.find((trace) => trace.mode === "lines+markers").y)"""
    )
    row, column = MEASURES.index("prompt_entropy"), MEASURES.index("lidar")
    names = page.evaluate(
        "() => document.querySelector('#rank-correlation .plot').data[0].customdata.map((r) => r[0][0])"
    )
    expected = spearmanr(np.array(curves[0]), np.array(curves[1])).statistic
    assert names == list(MEASURES)
    assert heat[row][column] == pytest.approx(expected, abs=1e-12)


def test_table_sorts_filters_and_gives_csv(visit, single):
    page = visit.open(single, changes=True)
    page.locator("#table").scroll_into_view_if_needed()
    page.wait_for_selector("#table-body tr")
    page.locator("#table-filter").fill("lidar_entropy residual tokens=all")
    page.locator("#table-head button", has_text="Value").click()
    values = [float(text) for text in page.locator("#table-body tr td:nth-child(5)").all_inner_texts()]
    assert len(values) == 33
    assert values == sorted(values)
    assert page.locator("#table-head th[aria-sort='ascending']").inner_text().startswith("Value")
    with page.expect_download() as saved:
        page.locator("#table-save").click()
    rows = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text())))
    assert len(rows) == 33
    assert {row["run"] for row in rows} == {HOSTILE_MODEL}
    assert {row["measure"] for row in rows} == {"lidar_entropy"}


@pytest.mark.parametrize("card", ["m-prompt_entropy", "rank-correlation"])
def test_saved_figures_carry_title_unit_and_provenance(visit, single, card):
    page = visit.open(single)
    title = page.locator(f"#{card} h3").inner_text()
    with page.expect_download() as saved:
        page.locator(f"#{card}").get_by_text("SVG", exact=True).click()
    svg = Path(saved.value.path()).read_text()
    assert title in svg
    assert page.locator(f"#{card} .unit").inner_text() in svg
    assert "Gramian" in svg
    assert "python-docs" in svg
    with page.expect_download() as saved:
        page.locator(f"#{card}").get_by_text("PNG", exact=True).click()
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")
    assert visit.complaints == []


def test_text_alternatives_state_the_trend(visit, single):
    page = visit.open(single)
    bring(page, "m-prompt_entropy")
    words = page.locator("#m-prompt_entropy .plot").get_attribute("aria-label")
    assert re.search(
        r"starts at 4\.\d+ at layer 0, .*is lowest at layer 1\d with 1\.\d+, ends at 2\.\d+ at layer 32", words
    )
    assert all(page.locator(".plot").nth(place).get_attribute("aria-label") for place in range(len(MEASURES) + 5))


def test_runs_are_overlaid_by_relative_depth(visit, overlaid):
    page = visit.open(overlaid, changes=True)
    bring(page, "m-effective_rank", "prompts-by-layer")
    curves = page.evaluate(
        "() => document.querySelector('#m-effective_rank .plot').data.filter((t) => t.mode === 'lines+markers').map((t) => t.x)"
    )
    assert [len(x) for x in curves] == [13, 7] or [len(x) for x in curves] == [13, 25, 7]
    assert all(x[0] == 0 and x[-1] == 100 for x in curves)
    choice(page, "Run").select_option("1")
    sync_api.expect(page.locator("#pinbar output")).to_contain_text("of 24")
    choice(page, "Run").select_option("2")
    sync_api.expect(page.locator("#prompts-by-layer")).to_have_class(re.compile("is-empty"))
    assert visit.complaints == []


def test_dark_theme_redraws_the_figures(visit, single):
    page = visit.open(single)
    line = page.locator("#m-prompt_entropy .scatterlayer path.js-line").last
    bring(page, "m-prompt_entropy")
    light = line.evaluate("path => getComputedStyle(path).stroke")
    try:
        page.wait_for_timeout(600)  # right after loading, a change of theme sometimes goes unnoticed
        page.emulate_media(color_scheme="dark")
        sync_api.expect(line).not_to_have_css("stroke", light)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 18, 21)"
    finally:
        page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("which", ["single", "overlaid"])
def test_phone_width_does_not_scroll_sideways(visit, which, request):
    try:
        visit.page.set_viewport_size({"width": 390, "height": 844})
        visit.shown = None  # a phone loads the page at its own width
        page = visit.open(request.getfixturevalue(which), scroll=True, changes=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    finally:
        visit.page.set_viewport_size({"width": 1280, "height": 900})


def test_one_layer_draws_without_complaint(visit, tmp_path):
    one = render([write_run(tmp_path / "one", RunSpec(depth=0, prompts=40, measures=MEASURES[:2]))])
    page = visit.open(one, scroll=True)
    drawn = page.evaluate(DRAWN)
    assert drawn["rank-correlation"]["empty"]
    assert drawn["m-prompt_entropy"]["marks"] >= 1
    assert page.locator("#pin-slider").is_disabled()
    assert visit.complaints == []


def test_foreign_script_could_not_run_even_unescaped(visit, single, tmp_path):
    page_text = single.read_text()
    broken = tmp_path / "broken.html"
    broken.write_text(page_text.replace("<h2>Depth</h2>", "<img src=x onerror=alert(1)><script>alert(2)</script>"))
    visit.open(broken)
    assert not [complaint for complaint in visit.complaints if complaint.startswith("dialog")]
    assert any("Content Security Policy" in complaint for complaint in visit.complaints)


def test_browser_without_decompression_is_told_so(visit, single):
    page = visit.page.context.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(single.as_uri())
    page.wait_for_selector("#notice:not([hidden])", timeout=10_000)
    assert "cannot unpack the figures" in page.locator("#notice").inner_text()
    assert page.locator("#headline li").count() >= 3
    page.close()
