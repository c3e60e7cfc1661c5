"""The page of a comparison in a real browser: every figure draws, nothing foreign runs."""

from __future__ import annotations

import pytest

from gramian.report import render_comparison
from tests.report._browser import visit
from tests.report._synthetic_comparison import HOSTILE, PIXEL, comparison

__all__ = ["visit"]
pytestmark = pytest.mark.browser


def test_every_figure_draws_and_nothing_complains(visit, tmp_path):
    page = visit.open(render_comparison(comparison(), out=tmp_path / "page.html"), scroll=True)
    for card in ("null-distribution", "scales", "coordinates", "clouds", "witness"):
        assert page.locator(f"#{card} .plot .main-svg").count() >= 1, card
        assert page.locator(f"#{card} .points path, #{card} .scatterlayer .trace").count() >= 1, card
    assert visit.complaints == []


def test_images_get_a_map_and_pictures(visit, tmp_path):
    found = comparison(width=12, kind="images", side=2, picture=lambda place: PIXEL, bandwidth=1.0)
    page = visit.open(render_comparison(found, out=tmp_path / "page.html"), scroll=True)
    assert page.locator("#where-in-the-picture .heatmaplayer image").count() == 1
    assert page.locator("#scales, #coordinates").count() == 0
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth === 1)")
    assert visit.complaints == []


def test_a_single_coordinate_is_drawn_against_the_witness(visit, tmp_path):
    page = visit.open(render_comparison(comparison(width=1), out=tmp_path / "page.html"), scroll=True)
    assert page.locator("#clouds h3").inner_text() == "The witness along the values"
    assert page.locator("#coordinates").count() == 0
    assert visit.complaints == []


def test_nothing_foreign_runs(visit, tmp_path):
    found = comparison(names=(HOSTILE, "after"), columns=[HOSTILE, "b", "c"])
    page = visit.open(render_comparison(found, out=tmp_path / "page.html"), scroll=True)
    assert page.locator("h1").inner_text() == f"{HOSTILE} against after"
    assert page.locator("img").count() == 0
    assert visit.complaints == []
