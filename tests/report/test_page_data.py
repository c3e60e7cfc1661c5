"""What the page embeds: binned, thinned, rounded and escaped, and the same for the same run."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gramian import quality
from gramian.report import render
from gramian.report._distributions import bins_for, distributions_of, histogram, prompts_named
from gramian.report._facts import formula_of
from gramian.report._formulas import mathml
from gramian.report._numbers import compact
from gramian.report._payload import to_json
from gramian.report._spectra import power_law, spectra_of, thinned_indices
from gramian.runs import RunDirectory, RunError, RunIncomplete
from tests.report._synthetic import HOSTILE_MODEL, HOSTILE_PROMPT, MEASURES, RunSpec, curve, write_run


def _data(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL).group(1))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(1, 40))
def test_histogram_counts_every_value_once(values, bins):
    array = np.array(values)
    counts = histogram(array, low=float(array.min()), high=float(array.max()), bins=bins)
    assert len(counts) == bins
    assert sum(counts) == len(values)


def test_histogram_agrees_with_numpy():
    values = np.random.default_rng(0).normal(size=500)
    expected, _ = np.histogram(values, bins=17, range=(values.min(), values.max()))
    assert histogram(values, low=values.min(), high=values.max(), bins=17) == expected.tolist()


def test_bins_follow_the_sample():
    assert [bins_for(count, most=32) for count in (4, 100, 10_000)] == [8, 20, 32]


def _prompt_table(values: dict[int, list[float]]) -> pa.Table:
    layer = [number for number, row in values.items() for _ in row]
    prompt = [place for row in values.values() for place in range(len(row))]
    flat = [value for row in values.values() for value in row]
    size = len(flat)
    return pa.table(
        {
            "prompt": pa.array(prompt, pa.int32()),
            "layer": pa.array(layer, pa.int32()),
            "stream": ["residual"] * size,
            "measure": ["curvature"] * size,
            "variant": ["tokens=all"] * size,
            "value": pa.array(flat, pa.float64()),
        }
    )


def test_three_prompts_stand_at_each_end():
    (entry,) = distributions_of(_prompt_table({10: [5.0, 1.0, 4.0, 2.0, 3.0], 2: [0.0, 9.0, 8.0, 7.0, 6.0]}))
    assert entry["layers"]["10"]["least"] == [(1, 1.0), (3, 2.0), (4, 3.0)]
    assert entry["layers"]["10"]["most"] == [(0, 5.0), (2, 4.0), (4, 3.0)]
    assert (entry["low"], entry["high"]) == (0.0, 9.0)
    assert entry["layers"]["2"]["quantiles"][2] == 7.0
    assert prompts_named([entry]) == {0, 1, 2, 3, 4}


def test_prompts_without_a_finite_value_are_left_out():
    (entry,) = distributions_of(_prompt_table({0: [1.0, float("nan"), 3.0]}))
    assert entry["layers"]["0"]["n"] == 2
    assert distributions_of(_prompt_table({0: [float("nan")]})) == []


@pytest.mark.parametrize("count", [1, 47, 160, 161, 576, 4096])
def test_thinning_keeps_the_first_and_last_eigenvalues(count):
    kept = thinned_indices(count)
    assert kept[0] == 0
    assert kept[-1] == count - 1
    assert len(kept) <= 160
    assert (np.diff(kept) > 0).all()
    assert kept[: min(count, 40)].tolist() == list(range(min(count, 40)))


def test_drawn_power_law_is_the_one_alpha_req_fits():
    x = np.random.default_rng(1).normal(size=(120, 60)) * np.arange(1, 61) ** -0.6
    centred = x - x.mean(0)
    eigenvalues = np.linalg.eigvalsh(centred.T @ centred)[::-1]
    law = power_law(eigenvalues / eigenvalues.sum())
    assert law["exponent"] == pytest.approx(float(quality.alpha_req(x)), rel=1e-9)
    ranks = np.arange(law["first"], law["last"] + 1)
    residual = np.log(law["height"] * ranks ** -law["exponent"]) - np.log(eigenvalues / eigenvalues.sum())[ranks - 1]
    assert residual.mean() == pytest.approx(0, abs=1e-9)


def test_too_short_a_spectrum_has_no_power_law():
    assert power_law(np.array([0.6, 0.4])) is None
    assert power_law(np.array([])) is None


def test_spectra_are_ordered_by_index_not_by_row():
    table = pa.table(
        {
            "layer": pa.array([3, 3, 3], pa.int32()),
            "stream": ["residual"] * 3,
            "spectrum": ["embeddings"] * 3,
            "variant": ["tokens=all"] * 3,
            "index": pa.array([2, 1, 3], pa.int32()),
            "eigenvalue": [0.3, 0.6, 0.1],
        }
    )
    assert spectra_of(table)[0]["layers"]["3"]["value"] == [0.6, 0.3, 0.1]


@given(st.text())
def test_embedded_json_never_leaves_its_element(text):
    embedded = to_json({"text": text})
    assert "<" not in embedded
    assert "&" not in embedded
    assert json.loads(embedded) == {"text": text}


def test_rounding_has_no_nan():
    assert compact(np.array([np.nan, np.inf, 0.0, -1.23456789])) == [None, None, 0.0, -1.2346]


def test_hostile_names_and_prompts_stay_text(tmp_path):
    page = render([write_run(tmp_path / "run", RunSpec(model=HOSTILE_MODEL, depth=4, prompts=40))]).read_text()
    assert "<img" not in page
    assert "<script>alert" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    data = _data(page)
    assert data["runs"][0]["label"] == HOSTILE_MODEL
    assert data["runs"][0]["texts"]["0"]["text"] == HOSTILE_PROMPT


def test_numbers_arrive_rounded_but_right(tmp_path):
    spec = RunSpec(depth=6, prompts=40, measures=MEASURES[:4])
    data = _data(render([write_run(tmp_path / "run", spec)]).read_text())
    (run,) = data["runs"]
    assert run["layers"] == list(range(7))
    first = run["series"]["prompt_entropy"][0]
    expected = curve(spec, "prompt_entropy", first["variant"])
    assert first["value"] == pytest.approx(expected, abs=0.15)
    assert first["n"] == 40
    assert first["final"]["value"] == pytest.approx(first["value"][-1] + 0.18, abs=1e-3)


def test_page_of_eighty_layers_and_twenty_measures_stays_under_six_megabytes(tmp_path):
    spec = RunSpec(depth=80, prompts=400, width=4096)
    page = render([write_run(tmp_path / "run", spec)])
    assert len(spec.measures) == 20
    assert page.stat().st_size < 6e6


def test_same_run_gives_the_same_bytes(tmp_path):
    run = write_run(tmp_path / "run", RunSpec(depth=3, prompts=40))
    assert render([run], out=tmp_path / "a.html").read_bytes() == render([run], out=tmp_path / "b.html").read_bytes()


def test_page_names_no_other_host_to_load_from(tmp_path):
    page = render([write_run(tmp_path / "run", RunSpec(depth=3, prompts=40))]).read_text()
    assert not re.search(r"<(?:link|img|iframe)\b", page)
    assert not re.search(r"\ssrc=", page.split('id="data"')[0])
    assert "default-src 'none'" in html.unescape(page)


@pytest.mark.parametrize(
    "spec",
    [
        RunSpec(depth=0, prompts=40),
        RunSpec(depth=5, prompts=40, texts=False, spectra=False, final_norm=False, intervals=False),
        RunSpec(depth=5, prompts=40, measures=("effective_rank",), texts=False),
    ],
    ids=["one layer", "saved activations", "one measure"],
)
def test_partial_runs_render(tmp_path, spec):
    page = render([write_run(tmp_path / "run", spec)])
    assert page == tmp_path / "run" / "report.html"
    assert _data(page.read_text())["runs"][0]["depth"] == spec.depth


def test_runs_of_one_model_are_told_apart_by_what_differs(tmp_path):
    runs = [write_run(tmp_path / name, RunSpec(depth=3, prompts=40)) for name in ("first", "second")]
    runs.append(write_run(tmp_path / "third", RunSpec(depth=3, prompts=40, condition="shuffled")))
    labels = [run["label"] for run in _data(render(runs, out=tmp_path / "all.html").read_text())["runs"]]
    assert len(set(labels)) == 3
    assert labels[2].endswith("shuffled")


def test_unusable_directories_are_refused(tmp_path):
    run = write_run(tmp_path / "run", RunSpec(depth=2, prompts=40, measures=MEASURES[:1]))
    with pytest.raises(ValueError, match=r"expected each run once; got '.*run' 2 times"):
        render([run, tmp_path / "." / "run"])
    with pytest.raises(ValueError, match="expected at least one run directory"):
        render([])
    with pytest.raises(TypeError, match="Wrap it in a list"):
        render(run)
    with pytest.raises(ValueError, match="expected a file to write"):
        render([run], out=tmp_path)
    with pytest.raises(RunError, match="expected a run directory"):
        render([tmp_path / "absent"])


def test_half_written_run_is_refused(tmp_path):
    half = write_run(tmp_path / "half", RunSpec(depth=2, prompts=40, finish=False))
    with pytest.raises(RunIncomplete, match="not finished"):
        render([half])


def test_run_without_measures_is_refused(tmp_path):
    with RunDirectory.open(tmp_path / "empty", command="measure", parameters={}) as run:
        run.finish()
    with pytest.raises(ValueError, match="expected a run with a measures table"):
        render([tmp_path / "empty"])


def test_run_of_a_newer_format_is_refused(tmp_path):
    run = write_run(tmp_path / "run", RunSpec(depth=2, prompts=40, measures=MEASURES[:1]))
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"format_version": 99}))
    with pytest.raises(RunError, match="99"):
        render([run])


def test_failed_write_leaves_the_old_page(tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", RunSpec(depth=2, prompts=40, measures=MEASURES[:1]))
    page = render([run])
    before = page.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gramian.report._render.os.replace", full)
    with pytest.raises(OSError, match="No space"):
        render([run])
    assert page.read_bytes() == before
    assert not list(run.glob(".report*"))


def test_every_formula_of_a_measure_is_read_without_leftovers():
    for measure in quality.available():
        formula = mathml(formula_of(measure.function))
        assert "<mtext>" not in formula, measure.name
        body = re.sub(r'alttext="[^"]*"', "", formula)
        assert "\\" not in body
        assert body.count("<mrow>") == body.count("</mrow>")


def test_formula_scripts_and_fractions():
    assert "<mfrac><mn>1</mn><mn>2</mn></mfrac>" in mathml(r"\tfrac12")
    assert "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>" in mathml("x^2_i")
    assert "&lt;" in mathml("a < b").partition(">")[2]
    assert "<mtext>unheard</mtext>" in mathml(r"\unheard")
