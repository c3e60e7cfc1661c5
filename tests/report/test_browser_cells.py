"""Stress, evolution and other collections in a real browser."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from gramian.report import render
from tests.report._browser import DRAWN, bring, choice, readout, sync_api, visit
from tests.report._synthetic import MEASURES, RunSpec
from tests.report._synthetic_cells import (
    PERTURBATIONS,
    STEPS,
    STRENGTHS,
    CollectionSpec,
    write_evolution,
    write_stress,
    write_sweep,
)

__all__ = ["visit"]
pytestmark = pytest.mark.browser
_SPEC = CollectionSpec(RunSpec(depth=6, prompts=40, measures=MEASURES[:2], spectra=False, texts=False, revision=""))


@pytest.fixture(scope="module")
def stress(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render([write_stress(tmp_path_factory.mktemp("stress") / "run", _SPEC)])


@pytest.fixture(scope="module")
def evolution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evolution")
    specs = [
        replace(_SPEC, base=replace(_SPEC.base, model=model, depth=depth))
        for model, depth in (("NeoX", 4), ("Mamba", 8))
    ]
    return render([write_evolution(folder / spec.base.model, spec) for spec in specs], out=folder / "page.html")


def _blocks(page: sync_api.Page, card: str) -> list[list[list[float]]]:
    return page.evaluate("(card) => document.querySelector(`#${card} .plot`).data.map((t) => t.z)", card)


def test_a_heat_map_for_each_model_and_perturbation_draws_every_cell(visit, stress):
    page = visit.open(stress, scroll=True)
    drawn = page.evaluate(DRAWN)
    heats = [card for card in drawn if card.startswith("heat-strength")]
    assert len(heats) == 2 * len(PERTURBATIONS)
    for card in heats:
        assert not drawn[card]["empty"]
        natural, perturbed = _blocks(page, card)
        assert (len(natural), len(natural[0])) == (1, 7)
        assert (len(perturbed), len(perturbed[0])) == (len(STRENGTHS), 7)
        assert page.locator(f"#{card} .heatmaplayer image").count() == 2
    assert len([card for card in drawn if card.startswith("along-strength")]) == len(PERTURBATIONS)
    assert len([card for card in drawn if card.startswith("m-")]) == 2, "the depth panels keep to one cell a model"
    assert (
        page.evaluate("() => document.querySelector('#m-prompt_entropy .plot').data.filter((t) => t.showlegend).length")
        == 2
    )
    assert visit.complaints == []


def test_heat_maps_share_their_colours_until_told_otherwise(visit, stress):
    page = visit.open(stress, changes=True)
    bring(page, "heat-strength-0", "heat-strength-1")
    ranges = "() => [0, 1].map((n) => document.querySelector(`#heat-strength-${n} .plot`).data[0]).map((t) => [t.zmin, t.zmax])"
    first, second = page.evaluate(ranges)
    assert first == second
    choice(page, "Colours").select_option("own")
    page.wait_for_function(f"() => {{ const [a, b] = ({ranges})(); return a[0] !== b[0]; }}")
    own = [value for block in _blocks(page, "heat-strength-1") for row in block for value in row]
    assert page.evaluate(ranges)[1] == [min(own), max(own)]


def test_pinning_moves_the_line_and_the_curves(visit, stress):
    page = visit.open(stress, changes=True)
    bring(page, "heat-strength-0", "along-strength-0")
    page.locator("#pin-slider").fill("0")
    line = page.locator("#heat-strength-0 .shapelayer path").first
    before, curve = (
        line.get_attribute("d"),
        page.locator("#along-strength-0 .scatterlayer path.js-line").first.get_attribute("d"),
    )
    text = readout(page, "heat-strength-0")
    page.locator("#pin-slider").fill("5")
    sync_api.expect(line).not_to_have_attribute("d", before)
    sync_api.expect(page.locator("#along-strength-0 .scatterlayer path.js-line").first).not_to_have_attribute(
        "d", curve
    )
    assert readout(page, "heat-strength-0") != text
    assert "at layer 5, natural → 1" in readout(page, "heat-strength-0")
    assert "layer 5" in readout(page, "along-strength-0")


def test_a_click_on_a_cell_pins_its_layer(visit, stress):
    page = visit.open(stress, changes=True)
    bring(page, "heat-strength-2")
    plot = page.locator("#heat-strength-2 .nsewdrag")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    place = (box["x"] + box["width"] * 0.99, box["y"] + box["height"] * 0.2)
    page.mouse.move(*place)
    page.wait_for_timeout(150)
    page.mouse.click(*place)
    sync_api.expect(page.locator("#pinbar output")).to_contain_text("Layer 6 of 6")


def test_change_from_the_natural_text_is_zero_there(visit, stress):
    page = visit.open(stress, changes=True)
    bring(page, "heat-strength-0")
    natural, perturbed = _blocks(page, "heat-strength-0")
    choice(page, "Show").select_option("change")
    page.wait_for_function(
        "() => document.querySelector('#heat-strength-0 .plot').data[0].z[0].every((value) => value === 0)"
    )
    _, changed = _blocks(page, "heat-strength-0")
    assert changed[3][2] == pytest.approx(perturbed[3][2] - natural[0][2])
    low, high = page.evaluate(
        "() => { const [t] = document.querySelector('#heat-strength-0 .plot').data; return [t.zmin, t.zmax]; }"
    )
    assert low == -high


def test_measure_and_variant_can_be_chosen(visit, stress):
    page = visit.open(stress, changes=True)
    bring(page, "heat-strength-0")
    before = _blocks(page, "heat-strength-0")
    page.locator("#stress").get_by_label("Variant").select_option("alpha=1;norm=raw;tokens=no_first")
    page.wait_for_function(
        "(z) => document.querySelector('#heat-strength-0 .plot').data[1].z[3][3] !== z", arg=before[1][3][3]
    )
    page.locator("#stress").get_by_label("Measure").select_option("curvature")
    sync_api.expect(page.locator("#heat-strength-0 .unit")).to_have_text("radians")
    sync_api.expect(page.locator("#along-strength-0 .detail")).to_contain_text("Curvature")


def test_sequential_colours_fall_in_lightness_all_the_way(visit, stress):
    page = visit.open(stress)
    try:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.evaluate("document.getElementById('stress').scrollIntoView()")
            page.wait_for_timeout(700)
            scale = page.evaluate(
                "() => document.querySelector('#heat-strength-0 .plot').data[0].colorscale.map(([, c]) => c)"
            )
            grey = [
                sum(
                    weight * int(colour[at : at + 2], 16)
                    for weight, at in zip((0.299, 0.587, 0.114), (1, 3, 5), strict=True)
                )
                for colour in scale
            ]
            steps = [after - before for before, after in pairwise(grey)]
            assert len(scale) == 5
            assert all(step < -20 for step in steps) or all(step > 20 for step in steps), scheme
    finally:
        page.emulate_media(color_scheme="light")


def test_evolution_by_step_with_the_untrained_copy_apart(visit, evolution):
    page = visit.open(evolution, scroll=True)
    drawn = page.evaluate(DRAWN)
    assert [card for card in drawn if card.startswith(("heat", "along"))] == [
        "heat-step-0",
        "heat-step-1",
        "along-step-0",
    ]
    for card, depth in (("heat-step-0", 4), ("heat-step-1", 8)):
        untrained, steps = _blocks(page, card)
        assert (len(untrained), len(steps), len(steps[0])) == (1, len(STEPS), depth + 1)
        edges = page.evaluate(
            "(card) => document.querySelector(`#${card} .plot`).data.map((t) => [t.x[0], t.x[t.x.length - 1], t.y])",
            card,
        )
        assert [(first, last) for first, last, _ in edges] == [(0, 100), (0, 100)]
        assert edges[0][2][-1] < edges[1][2][0], "the untrained row stands apart, below"
        assert edges[1][2] == sorted(edges[1][2])
        ticks = page.evaluate("(card) => document.querySelector(`#${card} .plot`).layout.yaxis.ticktext", card)
        assert {"untrained", "1000"} <= set(ticks)
        assert len(ticks) <= 9
    assert page.evaluate("() => document.querySelector('#along-step-0 .plot').data.length") == 4
    assert visit.complaints == []


def test_text_alternative_of_a_heat_map_states_its_course(visit, evolution):
    page = visit.open(evolution)
    bring(page, "heat-step-0", "along-step-0")
    words = page.locator("#heat-step-0 .plot").get_attribute("aria-label")
    start = r"Prompt entropy of NeoX.* by layer and training step: at the pinned layer from [\d.]+ \(untrained\) to [\d.]+ \(1000\)"
    assert re.search(start + r"; lowest [\d.]+ at layer \d, ", words)
    assert "at untrained" in page.locator("#along-step-0 .plot").get_attribute("aria-label")


def test_saved_heat_map_carries_title_unit_and_provenance(visit, evolution):
    page = visit.open(evolution)
    bring(page, "heat-step-1")
    with page.expect_download() as saved:
        page.locator("#heat-step-1").get_by_text("SVG", exact=True).click()
    svg = Path(saved.value.path()).read_text()
    for text in ("Mamba", "nats", "Prompt entropy", "Gramian", "training step"):
        assert text in svg
    assert visit.complaints == []


def test_page_says_which_cells_its_curves_are(visit, evolution):
    page = visit.open(evolution)
    assert "step 1000, the last of 11 steps" in page.locator(".masthead").inner_text()
    assert "Of a collection only what stands for a model is drawn here" in page.locator("#depth .lead").inner_text()
    assert page.locator("nav a", has_text="Evolution").get_attribute("href") == "#evolution"


def test_cells_without_an_axis_are_rows_of_one_heat_map(visit, tmp_path):
    page = visit.open(render([write_sweep(tmp_path / "run", 8)]), scroll=True)
    rows = _blocks(page, "heat-cell-0")
    assert [len(block[0]) for block in rows] == [5 + n for n in range(8)]
    assert page.locator(".legend li").count() == 6
    assert visit.complaints == []


@pytest.mark.parametrize("which", ["stress", "evolution"])
def test_phone_width_does_not_scroll_sideways(visit, which, request):
    try:
        visit.page.set_viewport_size({"width": 390, "height": 844})
        visit.shown = None
        page = visit.open(request.getfixturevalue(which), scroll=True, changes=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    finally:
        visit.page.set_viewport_size({"width": 1280, "height": 900})
