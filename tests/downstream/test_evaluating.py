"""Runs of tasks: one pass over each text, saved as they go, going on where they stopped."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from gramian.downstream import Score, VectorStore, evaluate_layers, readings
from gramian.runs import RunMismatch, read_run
from tests.downstream._texts import TEXTS, numbered_texts, pooled_alone, sunken_model
from tests.layers._tiny import save_tiny, tiny_model

ROOT = Path(__file__).parents[2]


@dataclass
class Norms:
    """The mean norm of the vectors of some texts."""

    name: str = "Norms"
    texts: tuple[str, ...] = TEXTS
    type: str = "STS"
    hash: str = "0"
    stop_after: int | None = None
    calls: list = field(default_factory=list)

    def score(self, embed):
        self.calls.append((embed.layer, embed.stream, embed.reading.variant))
        if self.stop_after is not None and len(self.calls) > self.stop_after:
            raise KeyboardInterrupt
        x = embed(self.texts)
        return [Score("norm", float(np.linalg.norm(x, axis=1).mean()), n=len(x)), Score("rows", len(x), main=False)]


@pytest.fixture(scope="module")
def llama():
    return tiny_model("llama")


def table(run, name="scores"):
    return read_run(run).tables[name].to_pylist()


def test_many_tasks_and_readings_cost_one_pass_over_each_text(llama, tmp_path):
    tasks = [Norms("A"), Norms("B", TEXTS[1:3]), Norms("C", (*TEXTS, "another text"))]
    result = evaluate_layers(llama, tasks, out=tmp_path / "run", readings=readings("mean,last", "raw,final_norm"))
    assert result.manifest["forward_passes"] == len(TEXTS) + 1
    assert [task["texts"] for task in result.manifest["tasks"]] == [5, 2, 6]
    assert len(table(tmp_path / "run")) == 3 * 4 * 5 * 2
    assert not (tmp_path / "run" / "vectors").exists(), "vectors without a store are kept for the run alone"
    assert (result.resumed, result.manifest["state"]) == (False, "complete")


def test_scores_are_of_the_vectors_that_texts_have_alone(llama, tmp_path):
    chosen = readings("mean,weighted_mean", "raw,final_norm")
    evaluate_layers(
        llama, [Norms()], out=tmp_path / "run", readings=chosen, store=VectorStore(tmp_path / "s", precision="float32")
    )
    rows = [row for row in table(tmp_path / "run") if row["main"]]
    for reading in chosen:
        alone = [pooled_alone(llama, text, reading) for text in TEXTS]
        of_reading = [row for row in rows if row["variant"] == reading.variant]
        assert [row["layer"] for row in of_reading] == [0, 1, 2, 3, 3]
        assert of_reading[-1]["stream"] == "final_norm"
        for row in of_reading:
            expected = np.mean([np.linalg.norm(one[row["layer"], row["stream"]]) for one in alone])
            assert row["value"] == pytest.approx(expected, rel=1e-4)
            assert (row["model"], row["task"], row["type"], row["metric"], row["n"]) == (
                "tiny-llama",
                "Norms",
                "STS",
                "norm",
                5,
            )


def test_a_second_run_on_the_same_texts_needs_no_forward_pass(llama, tmp_path):
    for number, expected in enumerate((len(TEXTS), 0)):
        store = VectorStore(tmp_path / "store")
        result = evaluate_layers(llama, [Norms(f"T{number}")], out=tmp_path / f"run{number}", store=store)
        assert result.manifest["forward_passes"] == expected


@pytest.mark.parametrize("stop_after", [0, 3, 8])
def test_a_stopped_run_goes_on_and_ends_with_the_same_tables(llama, tmp_path, stop_after):
    tasks = [Norms("A"), Norms("B", TEXTS[:2])]
    evaluate_layers(llama, tasks, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        evaluate_layers(
            llama,
            [Norms("A", stop_after=stop_after), Norms("B", TEXTS[:2], stop_after=max(0, stop_after - 5))],
            out=tmp_path / "run",
        )
    again = [Norms("A"), Norms("B", TEXTS[:2])]
    result = evaluate_layers(llama, again, out=tmp_path / "run")
    assert result.resumed is (stop_after > 0)
    assert sum(len(task.calls) for task in again) == 10 - stop_after, "what was scored is not scored again"
    assert result.manifest["forward_passes"] == len(TEXTS)
    for name in ("scores", "measures"):
        assert (tmp_path / "run" / f"{name}.parquet").read_bytes() == (
            tmp_path / "whole" / f"{name}.parquet"
        ).read_bytes()


def test_a_finished_run_is_given_back_without_work(llama, tmp_path):
    evaluate_layers(llama, [Norms()], out=tmp_path / "run")
    task = Norms()
    result = evaluate_layers(llama, [task], out=tmp_path / "run")
    assert result.resumed
    assert not task.calls
    evaluate_layers(llama, [task], out=tmp_path / "run", overwrite=True)
    assert len(task.calls) == 5


@pytest.mark.parametrize(
    "changed",
    [
        {"tasks": [Norms("other")]},
        {"tasks": [Norms(hash="1")]},
        {"readings": readings("last")},
        {"layers": [0]},
        {"max_tokens": 9},
        {"model": tiny_model("llama", seed=1)},
        {"store": "float32"},
    ],
    ids=["task", "data", "readings", "layers", "max_tokens", "model", "precision"],
)
def test_a_run_of_other_parameters_is_refused(llama, tmp_path, changed):
    evaluate_layers(llama, [Norms()], out=tmp_path / "run")
    if "store" in changed:
        changed = {"store": VectorStore(tmp_path / "s", precision=changed["store"])}
    with pytest.raises(RunMismatch):
        evaluate_layers(**{"model": llama, "tasks": [Norms()], "out": tmp_path / "run", **changed})


def test_the_same_weights_under_another_configuration_are_another_run(tmp_path):
    folder = save_tiny(tmp_path / "model")
    evaluate_layers(str(folder), [Norms()], out=tmp_path / "run")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.5}))
    with pytest.raises(RunMismatch, match="config"):
        evaluate_layers(str(folder), [Norms()], out=tmp_path / "run")


def test_groups_of_layers_give_the_same_scores_with_a_pass_each(llama, tmp_path):
    evaluate_layers(llama, [Norms("A"), Norms("B")], out=tmp_path / "one")
    result = evaluate_layers(llama, [Norms("A"), Norms("B")], out=tmp_path / "three", passes=3)
    assert result.manifest["forward_passes"] == 3 * len(TEXTS)
    one, three = table(tmp_path / "one"), table(tmp_path / "three")
    places = ("task", "layer", "stream", "variant", "metric")
    assert [[row[name] for name in places] for row in one] == [[row[name] for name in places] for row in three]
    np.testing.assert_allclose([row["value"] for row in one], [row["value"] for row in three], rtol=1e-3)


def test_groups_fit_where_all_layers_do_not(llama, tmp_path):
    texts = tuple(numbered_texts(60))
    with pytest.raises(ValueError, match=r"store: expected room within its limit of 19\.5 KiB"):
        evaluate_layers(
            llama, [Norms(texts=texts)], out=tmp_path / "a", store=VectorStore(tmp_path / "s", limit=20_000)
        )
    result = evaluate_layers(
        llama, [Norms(texts=texts)], out=tmp_path / "a", store=VectorStore(tmp_path / "s", limit=20_000), passes=3
    )
    assert result.manifest["forward_passes"] == 180
    assert VectorStore(tmp_path / "s").size() <= 20_000


def test_a_task_after_another_may_use_its_room(llama, tmp_path):
    texts = numbered_texts(80)
    tasks = [Norms("A", tuple(texts[:40])), Norms("B", tuple(texts[40:]))]
    store = VectorStore(tmp_path / "s", limit=24_000)
    result = evaluate_layers(llama, tasks, out=tmp_path / "run", store=store)
    assert result.manifest["forward_passes"] == 80
    assert store.size() <= 24_000


def test_private_vectors_lie_in_the_run_until_it_is_finished(llama, tmp_path):
    store = VectorStore(tmp_path / "s", precision="float32")
    with pytest.raises(KeyboardInterrupt):
        evaluate_layers(llama, [Norms(stop_after=1)], out=tmp_path / "run", store=store, private=True)
    assert list((tmp_path / "run" / "vectors").rglob("*.safetensors"))
    result = evaluate_layers(llama, [Norms()], out=tmp_path / "run", store=store, private=True)
    assert result.manifest["forward_passes"] == len(TEXTS)
    assert result.manifest["parameters"]["precision"] == "float32"
    assert not (tmp_path / "run" / "vectors").exists()
    assert not store.folder.exists()


def test_a_first_token_that_swallows_the_mean_is_told(tmp_path):
    model = sunken_model()
    result = evaluate_layers(
        model, [Norms("A"), Norms("B", TEXTS[:2])], out=tmp_path / "run", readings=readings("mean,mean_no_first")
    )
    (warning,) = result.manifest["warnings"]
    assert warning.startswith("In layers 0 to 3 of 3 the first token holds more than half")
    rows = table(tmp_path / "run", "measures")
    assert {row["measure"] for row in rows} == {"sink_share"}
    assert {(row["corpus"], row["n"]) for row in rows} == {("A", 5), ("B", 2)}
    at_zero = next(row for row in rows if row["corpus"] == "A" and row["layer"] == 0)
    assert 0.9 < at_zero["low"] <= at_zero["value"] <= at_zero["high"] <= 1
    quiet = evaluate_layers(model, [Norms()], out=tmp_path / "b", readings=readings("mean_no_first"))
    assert quiet.manifest["warnings"] == []


def test_a_score_that_is_not_defined_is_left_out_and_told(llama, tmp_path):
    class Undefined(Norms):
        def score(self, embed):
            return [Score("spearman", math.nan if embed.layer == 0 else 0.5)]

    result = evaluate_layers(llama, [Undefined("U")], out=tmp_path / "run")
    assert [row["layer"] for row in table(tmp_path / "run")] == [1, 2, 3, 3]
    assert result.manifest["warnings"] == [
        "U: spearman is not defined at layer 0 (pooling=mean;normalize=raw); left out there."
    ]
    with pytest.raises(ValueError, match=r"tasks: expected at least one score that is defined; got none for U"):
        evaluate_layers(llama, [Undefined("U")], out=tmp_path / "none", layers=[0])


def test_cut_and_empty_texts_are_told(llama, tmp_path):
    task = Norms(texts=(*TEXTS[:4], "", " ".join(TEXTS)))
    with pytest.raises(ValueError, match=r"texts: expected at least one token in every text; got 1 without"):
        evaluate_layers(llama, [task], out=tmp_path / "run", max_tokens=60)
    result = evaluate_layers(llama, [task], out=tmp_path / "run", max_tokens=60, empty="zero")
    assert result.manifest["warnings"] == [
        "Norms: 1 of 6 texts are longer than max_tokens and were cut there.",
        "Norms: 1 of 6 texts have no token and were given the zero vector.",
    ]


def test_progress_counts_texts_and_scores(llama, tmp_path):
    seen = []
    evaluate_layers(llama, [Norms()], out=tmp_path / "run", progress=seen.append)
    stages = {one.stage: (one.done, one.total, one.unit) for one in seen}
    assert stages == {"Scoring": (5, 5, "scores"), "Reading texts": (5, 5, "texts")}


@pytest.mark.parametrize(
    ("scores", "error", "match"),
    [
        ([], ValueError, r"task Norms: expected at least one score"),
        ([0.5], TypeError, r"task Norms: expected Score objects; got float"),
        (
            [Score("a", 1.0), Score("b", 1.0)],
            ValueError,
            r"expected one main score a split and subset; got 2 in test, default",
        ),
        ([Score("a", 1.0), Score("b", 1.0, main=False, subset="en")], ValueError, r"got 0 in test, en"),
    ],
)
def test_a_task_that_breaks_the_protocol_is_named(llama, tmp_path, scores, error, match):
    task = Norms()
    task.score = lambda embed: scores
    with pytest.raises(error, match=match):
        evaluate_layers(llama, [task], out=tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"tasks": []}, r"tasks: expected at least one; got none"),
        ({"tasks": [Norms(), Norms()]}, r"tasks: expected different names; got Norms more than once"),
        ({"passes": 0}, r"passes: expected at least 1; got 0"),
        ({"seed": -1}, r"seed: expected at least 0; got -1"),
        ({"model_options": {"dtype": "float32"}}, r"model_options: expected none with a loaded model"),
        ({"layers": "some"}, r"layers: expected numbers"),
        ({"empty": "drop"}, r"empty: expected 'refuse' or 'zero'"),
    ],
)
def test_arguments_that_make_no_run_are_refused_and_leave_nothing(llama, tmp_path, arguments, match):
    with pytest.raises(ValueError, match=match):
        evaluate_layers(**{"model": llama, "tasks": [Norms()], "out": tmp_path / "run", **arguments})
    assert not (tmp_path / "run").exists()


def test_a_model_that_reads_no_text_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"model: expected one that reads text; got float"):
        evaluate_layers(3.0, [Norms()], out=tmp_path / "run")


PROGRAM = """
import sys
from gramian.downstream import VectorStore, evaluate_layers
from tests.downstream.test_evaluating import Norms, numbered_texts
from tests.layers._tiny import save_tiny, tiny_model

class Slow(Norms):
    def score(self, embed):
        import time
        time.sleep(float(sys.argv[2]))
        return super().score(embed)

evaluate_layers(tiny_model("llama"), [Slow(texts=tuple(numbered_texts(50)))], out=sys.argv[1])
"""


@pytest.mark.slow
def test_a_run_killed_without_warning_goes_on(tmp_path):
    """SIGKILL while cells are being scored; the same program ends with the tables of a run that was left alone."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(out, seconds):
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path / out), seconds], cwd=ROOT, env=environment
        )

    assert start("whole", "0").wait(timeout=200) == 0
    running = start("killed", "2")
    progress = tmp_path / "killed" / "progress"
    deadline = time.monotonic() + 200
    while len(list(progress.glob("chunk-*")) if progress.exists() else []) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait(timeout=60)
    assert json.loads((tmp_path / "killed" / "manifest.json").read_text())["state"] == "running"
    assert start("killed", "0").wait(timeout=200) == 0
    for name in ("scores", "measures"):
        assert (tmp_path / "killed" / f"{name}.parquet").read_bytes() == (
            tmp_path / "whole" / f"{name}.parquet"
        ).read_bytes()
