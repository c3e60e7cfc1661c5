"""The page of training runs: its data are the tables', its sentences the numbers', and it refuses what has no place on it."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pytest

from gramian.report import render
from tests.report._synthetic import RunSpec, write_run
from tests.report._synthetic_training import HOSTILE_SOURCE, TrainingSpec, share_at, write_training


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    return json.loads(found.group(1))


def text_of(page):
    plain = html.unescape(re.sub(r"<[^>]*>", " ", page.read_text().split("<body>")[1].split("<script")[0]))
    return re.sub(r" ([,.;)])", r"\1", " ".join(plain.split()))


def page_of(tmp_path, *specs):
    runs = [write_training(tmp_path / f"run{number}", spec) for number, spec in enumerate(specs)]
    return render(runs, out=tmp_path / "page.html")


def test_the_same_run_gives_the_same_bytes(tmp_path):
    run = write_training(tmp_path / "run")
    assert render([run], out=tmp_path / "a.html").read_bytes() == render([run], out=tmp_path / "b.html").read_bytes()
    assert render([run]).name == "report.html"


def test_curves_and_films_are_those_of_the_tables(tmp_path):
    spec = TrainingSpec()
    (run,) = data_of(page_of(tmp_path, spec))["runs"]
    loss = run["curves"]["loss"]
    assert loss["step"] == list(range(1, 121))
    assert loss["views"][-1] == 120 * 128
    assert loss["seconds"][9] == 25.0
    film = run["films"]["embeddings"]
    assert film["step"] == [10 * look for look in range(1, 13)]
    assert film["ranks"] == list(range(1, 41))
    assert film["frames"][5] == pytest.approx(3 * share_at(spec, 0.5), rel=1e-3)
    assert film["totals"] == pytest.approx([3.0] * 12, rel=1e-3)
    # The monitor knows steps; image views and seconds of a look are those of the training table.
    assert film["views"] == [128 * step for step in film["step"]]
    assert film["seconds"] == [2.5 * step for step in film["step"]]
    rank = run["measured"]["embeddings"]["effective_rank|"]
    assert rank["value"][-1] == pytest.approx(np.exp(-(share_at(spec, 1) * np.log(share_at(spec, 1))).sum()), rel=1e-3)


def test_a_look_between_logged_steps_stands_between_them(tmp_path):
    (run,) = data_of(page_of(tmp_path, TrainingSpec(log_every=20)))["runs"]
    film = run["films"]["embeddings"]
    assert film["step"][:3] == [10, 20, 30]  # the first before anything was logged
    assert film["seconds"][:3] == [25.0, 50.0, 75.0]


def test_axes_are_those_that_every_run_knows(tmp_path):
    assert data_of(page_of(tmp_path, TrainingSpec()))["axes"] == ["epoch", "step", "views", "seconds"]
    alone = page_of(tmp_path / "alone", TrainingSpec(curves=False), TrainingSpec(method="byol"))
    assert data_of(alone)["axes"] == ["epoch", "step"]


def test_metrics_of_accuracy_come_after_the_loss_and_the_rest_last(tmp_path):
    found = data_of(page_of(tmp_path, TrainingSpec()))
    assert list(found["metrics"]) == ["loss", "probe_accuracy", "knn20_accuracy"]
    assert found["metrics"]["probe_accuracy"] == {"title": "Linear probe, online", "unit": "%"}
    assert found["metrics"]["knn20_accuracy"]["title"] == "20 nearest neighbours"
    assert [entry["slug"] for entry in found["spectra"]][:3] == [
        "effective_rank",
        "dataset_entropy-alpha-1",
        "dataset_entropy-alpha-2",
    ]


def test_long_curves_are_means_of_stretches_and_wide_spectra_keep_their_ends(tmp_path):
    (run,) = data_of(page_of(tmp_path, TrainingSpec(steps=3000, looks=300, width=1024, sources=("z",))))["runs"]
    assert len(run["curves"]["loss"]["value"]) == 600
    assert run["curves"]["loss"]["averaged"] == 5
    assert run["curves"]["loss"]["step"][:2] == [5, 10]
    film = run["films"]["z"]
    assert (film["of"], film["looks"], len(film["frames"])) == (1024, 300, 150)
    assert film["ranks"][:20] == list(range(1, 21))
    assert film["ranks"][-1] == 1024
    assert len(film["ranks"]) <= 160
    assert (film["step"][0], film["step"][-1]) == (10, 3000)


def test_a_page_of_many_frames_stays_small(tmp_path):
    page = page_of(tmp_path, *(TrainingSpec(method=f"m{n}", looks=200, width=512, steps=2000) for n in range(3)))
    assert page.stat().st_size < 6e6


def test_one_run_says_where_accuracy_and_rank_went(tmp_path):
    text = text_of(page_of(tmp_path, TrainingSpec()))
    assert "frossl on cifar10" in text
    said = "Online linear-probe accuracy ends at 70.0 %, up from 36.7 % at epoch 1, and is highest there."
    assert said in text
    first, last = (
        np.exp(-(shares * np.log(shares)).sum()) for shares in (share_at(TrainingSpec(), p) for p in (1 / 12, 1))
    )
    assert f"The effective rank of embeddings goes from {first:.2f} at step 10 to {last:.1f} of 40 dimensions." in text
    assert "have collapsed" not in text


def test_several_runs_are_ranked_and_told_apart(tmp_path):
    page = page_of(tmp_path, TrainingSpec(), TrainingSpec(method="byol", lift=0.1), TrainingSpec(seed=1))
    assert [run["label"] for run in data_of(page)["runs"]] == [
        "frossl on cifar10 · run0",
        "byol on cifar10",
        "frossl on cifar10 · run2",
    ]
    assert "ends at 80.0 % (byol on cifar10), 70.0 % (frossl on cifar10 · run0)" in text_of(page)
    assert "One training each: no interval" in text_of(page)


def test_a_collapse_and_a_loss_that_is_no_number_are_said_first(tmp_path):
    page = page_of(tmp_path, TrainingSpec(collapse=True, sources=("z",)))
    text = text_of(page)
    assert re.search(r"the vectors of z have collapsed at the end: one direction has 99\.\d+ % of the variance", text)
    assert '<li class="warning">' in page.read_text()


def test_a_run_without_spectra_and_a_record_without_curves_are_drawn(tmp_path):
    text = text_of(page_of(tmp_path / "a", TrainingSpec(spectra=False)))
    assert "How the variance of the embeddings" not in text
    text = text_of(page_of(tmp_path / "b", TrainingSpec(curves=False)))
    assert "12 looks at the spectrum" in text


def test_names_are_text(tmp_path):
    page = page_of(tmp_path, TrainingSpec(sources=(HOSTILE_SOURCE,), method="<script>alert(1)</script>"))
    assert "<i onclick" not in page.read_text()
    assert "<script>alert" not in page.read_text()
    assert data_of(page)["sources"] == [HOSTILE_SOURCE]


def test_layers_and_training_make_pages_of_their_own(tmp_path):
    training, layers = write_training(tmp_path / "training"), write_run(tmp_path / "layers", RunSpec())
    with pytest.raises(ValueError, match=r"directories: expected training runs alone.*layers"):
        render([training, layers])
    with pytest.raises(ValueError, match="directories: expected runs of layers alone; got training runs among them"):
        render([layers, training])
    with pytest.raises(ValueError, match="directories: expected each run once"):
        render([training, training])
    with pytest.raises(ValueError, match="expected a run with values in its tables; got none"):
        render([write_training(tmp_path / "empty", TrainingSpec(steps=0, looks=0))])
