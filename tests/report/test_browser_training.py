"""The page of training runs in a real browser: every figure draws, the film moves all of them, nothing foreign runs."""

from __future__ import annotations

import pytest

from gramian.report import render
from tests.report._browser import DRAWN, bring, choice, readout, visit
from tests.report._synthetic_training import HOSTILE_SOURCE, TrainingSpec, write_training

__all__ = ["visit"]
pytestmark = pytest.mark.browser
NOW = "() => document.querySelector('#film .plot').data.map((trace) => trace.y[0])"


def wait_until(page, condition):
    """The page's policy lets no text run as a script, so the browser cannot wait for a condition by itself."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never came true: {condition}")


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trainings")
    specs = [TrainingSpec(), TrainingSpec(method="byol", lift=0.1, looks=8)]
    runs = [write_training(folder / f"run{number}", spec) for number, spec in enumerate(specs)]
    return render(runs, out=folder / "page.html")


def test_every_figure_draws_and_nothing_complains(visit, several):
    page = visit.open(several, scroll=True)
    drawn = page.evaluate(DRAWN)
    assert {"film", "metric-loss", "metric-probe_accuracy", "spectrum-effective_rank", "spectrum-lidar"} <= set(drawn)
    for card, found in drawn.items():
        assert not found["empty"], card
        assert found["traces"] == (4 if card == "film" else 2), card  # the film shows where each began
        assert found["marks"] >= 2, card
    assert visit.complaints == []


def test_the_slider_moves_the_film_and_the_mark_in_every_curve(visit, several):
    page = visit.open(several, scroll=True, changes=True)
    bring(page, "film", "metric-loss")
    end, rank = page.evaluate(NOW), readout(page, "spectrum-effective_rank")
    page.locator("#film-slider").fill("0")
    wait_until(
        page,
        "document.querySelector('#film .plot').data[1].y[0] === document.querySelector('#film .plot').data[0].y[0]",
    )
    assert page.evaluate(NOW) != end
    assert readout(page, "spectrum-effective_rank") != rank
    assert page.locator("#filmbar output").inner_text() == "epoch 0.5"
    shapes = page.evaluate("document.querySelector('#metric-loss .plot').layout.shapes.map((shape) => shape.x0)")
    assert shapes == [0.5]


def test_the_film_plays_only_when_asked_and_stops_at_its_end(visit, several):
    page = visit.open(several, changes=True)
    assert page.locator("#film-play").get_attribute("aria-label") == "Play the film"
    before = page.locator("#film-slider").input_value()
    page.wait_for_timeout(400)
    assert page.locator("#film-slider").input_value() == before
    page.locator("#film-play").click()
    assert page.locator("#film-play").get_attribute("aria-label") == "Stop the film"
    wait_until(page, "document.querySelector('#film-play').getAttribute('aria-label') === 'Play the film'")
    assert page.locator("#film-slider").input_value() == page.locator("#film-slider").get_attribute("max")
    assert visit.complaints == []


def test_axis_vectors_and_scale_can_be_chosen(visit, several):
    page = visit.open(several, scroll=True, changes=True)
    bring(page, "film")
    shares = page.evaluate(NOW)
    choice(page, "Eigenvalues").select_option("value")
    wait_until(page, f"document.querySelector('#film .plot').data[1].y[0] > 1.5 * {shares[1]}")
    choice(page, "Vectors").select_option("features")
    bring(page, "spectrum-effective_rank")
    assert page.locator("#spectrum-lidar").count() == 0  # undefined there
    choice(page, "Horizontal axis").select_option("seconds")
    bring(page, "metric-loss")
    wait_until(page, "Math.max(...document.querySelector('#metric-loss .plot').data[0].x) === 300")
    assert page.locator("#filmbar output").inner_text() == "seconds of training 300"
    assert visit.complaints == []


def test_a_click_on_a_curve_goes_to_that_moment(visit, several):
    page = visit.open(several, changes=True)
    bring(page, "metric-probe_accuracy")
    page.locator("#metric-probe_accuracy .nsewdrag").hover(position={"x": 5, "y": 60})
    page.locator("#metric-probe_accuracy .nsewdrag").click(position={"x": 60, "y": 60})
    wait_until(page, "document.querySelector('#film-slider').value !== document.querySelector('#film-slider').max")


def test_a_phone_scrolls_one_way_and_both_themes_draw(visit, several):
    page = visit.open(several, changes=True)
    for width, scheme in ((380, "light"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        bring(page, "film")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    assert visit.complaints == []


def test_a_run_of_one_kind_of_table_draws_and_nothing_foreign_runs(visit, tmp_path):
    bare = render([write_training(tmp_path / "bare", TrainingSpec(curves=False, sources=(HOSTILE_SOURCE,)))])
    page = visit.open(bare, scroll=True)
    assert page.locator("#film .unit").inner_text() == HOSTILE_SOURCE
    assert visit.complaints == []
    plain = render([write_training(tmp_path / "plain", TrainingSpec(spectra=False))])
    page = visit.open(plain, scroll=True)
    assert page.locator("#filmbar button").count() == 0
    assert page.locator("#metric-loss .scatterlayer .trace").count() == 1
    assert visit.complaints == []
