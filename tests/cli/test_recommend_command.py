"""`gramian recommend`: the document it writes, and wrong use in one line."""

import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gramian.cli._app import main
from gramian.downstream import LayerReader, Reading, choose_by_labels, choose_by_probe, evaluate_layers, labelled_task
from gramian.layers import load_model
from gramian.runs import RunDirectory, read_run
from tests.layers._tiny import save_tiny


@pytest.fixture
def run(tmp_path):
    """Scores of one task at three layers, the middle one best."""
    rows = [
        {"model": "m", "revision": "", "task": "t", "type": "STS", "split": "test", "subset": "default", "layer": layer}
        | {"stream": "residual", "variant": "pooling=mean;normalize=raw", "metric": "cosine_spearman", "main": True}
        | {"value": value, "low": value - 0.01, "high": value + 0.01, "n": 100}
        for layer, value in enumerate([0.2, 0.8, 0.5])
    ]
    with RunDirectory.open(tmp_path / "run", command="downstream", parameters={}) as directory:
        directory.write_table("scores", [pa.Table.from_pylist(rows)])
        directory.finish()
    return tmp_path / "run"


def recommend(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["gramian", "recommend", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code or 0


def test_the_document_names_the_best_layer(run, monkeypatch, capsys):
    assert recommend(monkeypatch, run, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((run / "recommendation.json").read_text())
    assert document["format"] == "gramian-recommendation"
    assert document["recommended"]["layer"] == 1


def test_the_terminal_shows_rules_and_sentences(run, monkeypatch, capsys):
    assert recommend(monkeypatch, run) == 0
    printed = capsys.readouterr().out
    assert "Use layer 1" in printed
    assert "below best" in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "expected a run directory; got nothing there"),
        (["RUN", "--rule", "least_dime"], "rule"),
        (["RUN", "--task", "other"], "other"),
        (["RUN", "--reading", "pooling=max"], "reading"),
        (["RUN", "--streams", "some"], "streams: expected all or residual"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(run, arguments, expected, monkeypatch, capsys):
    typed = [run if argument == "RUN" else argument for argument in arguments]
    assert recommend(monkeypatch, *typed) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    assert expected in error
    assert not (run / "recommendation.json").exists()


def table(folder, *, order=(10, 9, 1, 2, 3), score="STS"):
    """Layers in no order and in words, one without a measure, one without a score; layer 9 is the best, layer 2 the least."""
    entropy = {10: "3.0", 9: "2.0", 1: "NaN", 2: "1.0", 3: "4.0"}
    sts = {10: "0.2", 9: "0.7", 1: "0.5", 2: "0.6", 3: ""}
    lines = [f"layer_{k},{entropy[k]},{sts[k]}" for k in order]
    (folder / "theirs.csv").write_text("\n".join([f"Depth,dataset_entropy,{score}", *lines]))
    return folder / "theirs.csv"


def test_a_table_of_another_origin_needs_no_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["--table", table(tmp_path).name, "--columns", "layer=Depth", "--task", "STS"]
    assert recommend(monkeypatch, *arguments, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "recommendation.json").read_text())
    assert document["recommended"]["layer"] == 9
    assert document["runs"] == [{"name": "theirs.csv", "command": "table", "completed": None}]
    rules = {rule["rule"]: rule for rule in document["rules"]}
    assert (rules["last"]["layer"], rules["least_dataset_entropy"]["layer"]) == (10, 2)
    assert rules["least_dataset_entropy"]["mean"]["regret_best"] == pytest.approx(0.1)
    (pair,) = document["agreement"]
    assert (pair["layers"], pair["spearman"], pair["spearman_low"]) == (3, pytest.approx(-0.5), None)
    assert recommend(monkeypatch, *arguments) == 0, "its own document is written anew"
    printed = capsys.readouterr().out
    assert "-0.50 no interval" in printed
    assert "Warning: No interval for pairs over 3 layers" in printed


def test_measures_and_scores_may_be_two_files(tmp_path, monkeypatch, capsys):
    rows = [{"layer": k, "measure": "lidar", "value": k % 3} for k in range(4)]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pq.write_table(
        pa.table({"layer": range(4), "task": ["t"] * 4, "value": [0.1, 0.2, 0.9, 0.3]}), tmp_path / "s.parquet"
    )
    (tmp_path / "out").mkdir()
    arguments = [
        "--table",
        tmp_path / "m.jsonl",
        "--table",
        tmp_path / "s.parquet",
        "--out",
        tmp_path / "out",
        "--json",
    ]
    assert recommend(monkeypatch, *arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert (tmp_path / "out" / "recommendation.json").is_file()
    assert [(rule["rule"], rule["layer"]) for rule in document["rules"]][:2] == [
        ("best_on_tasks", 2),
        ("greatest_lidar", 2),
    ]


def test_without_a_named_score_nothing_is_checked_and_what_was_assumed_is_said(tmp_path, monkeypatch, capsys):
    assert recommend(monkeypatch, "--table", table(tmp_path), "--columns", "layer=Depth") == 0
    printed = capsys.readouterr().out
    assert "not checked against any task" in printed
    assert "Warning: Taken for measures, since no --task names them as scores: STS." in printed


def test_agreement_is_printed_with_intervals_the_clearest_pair_first(tmp_path, monkeypatch, capsys):
    values = [0.1 * k + 0.03 * (k % 3) for k in range(20)]
    rows = [{"layer": k, "rank": -(k**2), "noise": k * 7 % 11, "a": v, "b": 1 - v} for k, v in enumerate(values)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    arguments = ["--table", tmp_path / "t.jsonl", "--task", "a", "--task", "b"]
    assert recommend(monkeypatch, *arguments, "--pairs", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("measure"))
    shown = [line.split()[:2] for line in lines[start + 1 : start + 3]]
    assert sorted(shown) == [["rank", "a"], ["rank", "b"]]
    assert "[-1.00, -" in "".join(lines[start + 1 : start + 3])
    assert lines[start + 3].startswith("2 more pairs are in the document; --pairs 4 shows all.")
    assert any(line.startswith("Warning: rank: its sign differs between tasks") for line in lines)
    assert recommend(monkeypatch, *arguments, "--pairs", "0") == 0
    assert "Spearman  " not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "DIR: expected run directories, or --table in their place; got neither"),
        (["RUN", "--table", "TABLE"], "in their place; got both"),
        (["--table", "TABLE"], "got no layer among Depth"),
        (["--table", "TABLE", "--columns", "layer"], "--columns: expected pairs such as layer=Depth"),
        (["--table", "TABLE", "--columns", "depth=Depth"], "--columns: expected pairs such as layer=Depth"),
        (["--table", "TABLE", "--columns", "layer=Layer"], "expected the columns Layer; got no Layer"),
        (["--table", "TABLE", "--columns", "layer=Depth", "--task", "STZ"], "got STZ"),
        (["--table", "nowhere.csv"], "nowhere.csv: expected a file; got nothing there"),
        (["--table", "RUN"], "expected a .csv, .tsv, .jsonl or .parquet file"),
        (["--table", "TABLE", "--columns", "layer=Depth", "--out", "nowhere"], "--out: expected a folder; got nowhere"),
        (["--table", "TABLE", "--labels", "x.csv"], "--labels: expected a run directory"),
        (["RUN", "--columns", "layer=Depth"], "--columns: expected --table beside it"),
        (["RUN", "--label-field", "y"], "--label-field: expected --labels beside it"),
        (["RUN", "--labels", "nowhere.csv", "--label-field", "y"], "got nowhere.csv, which does not exist"),
        (["RUN", "--rule", "best_on_labels"], "rule: expected scores or labels for best_on_labels"),
        (["RUN", "--pairs", "-1"], "pairs"),
    ],
)
def test_wrong_use_of_tables_and_labels_is_one_line_and_exit_2(run, tmp_path, arguments, expected, monkeypatch, capsys):
    places = {"RUN": run, "TABLE": table(tmp_path)}
    monkeypatch.setenv("GRAMIAN_TRACEBACK", "")
    assert recommend(monkeypatch, *(places.get(argument, argument) for argument in arguments)) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    assert expected in error
    assert not (tmp_path / "recommendation.json").exists()


def test_scores_of_a_table_that_no_rule_reads_have_to_be_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "s.csv").write_text("layer,STS\n0,0.1\n1,0.2\n")
    assert recommend(monkeypatch, "--table", tmp_path / "s.csv") == 2
    assert "--task: expected names among STS; got none, and no rule reads any of them" in capsys.readouterr().err


def test_somebody_s_file_of_the_same_name_is_not_overwritten(tmp_path, monkeypatch, capsys):
    (tmp_path / "recommendation.json").write_text('{"mine": 1}')
    assert recommend(monkeypatch, "--table", table(tmp_path), "--columns", "layer=Depth", "--task", "STS") == 2
    assert "recommendation.json: expected gramian-recommendation version 1" in capsys.readouterr().err
    assert (tmp_path / "recommendation.json").read_text() == '{"mine": 1}'


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A tiny model, a labelled file, and a run of the model on it at layers 1 to 3."""
    box = tmp_path_factory.mktemp("box")
    save_tiny(box / "model")
    kinds = ("stone and sand", "seven plus two")
    lines = [f'"{kinds[k % 2]}, number {k}",{"ground" if k % 2 else "sum"}' for k in range(24)]
    (box / "few.csv").write_text("\n".join(["words,kind", *lines]))
    evaluate_layers(
        str(box / "model"),
        [labelled_task(box / "few.csv", field="words", label_field="kind", probe="knn")],
        out=box / "run",
        layers=[1, 2, 3],
        readings=Reading("last"),
        command_line=f"gramian downstream {box / 'model'}",
    )
    return box


def labelled(monkeypatch, box, *arguments):
    few = ["--labels", box / "few.csv", "--label-field", "kind", "--field", "words", "--probe", "knn"]
    return recommend(monkeypatch, box / "run", *few, "--store", box / "store", *arguments)


def test_the_choice_on_a_labelled_file_is_reported_with_its_check_and_its_cost(scored, tmp_path, monkeypatch, capsys):
    assert labelled(monkeypatch, scored, "--json", "--out", tmp_path) == 0
    document = json.loads(capsys.readouterr().out)
    labels, chosen = document["labels"], document["rules"][0]
    assert document["recommended"]["rule"] == chosen["rule"] == "best_on_labels"
    assert labels["reading"] == document["reading"] == "pooling=last;normalize=raw", "that of the scores"
    assert (labels["texts"], labels["classes"], labels["forward_passes"]) == (24, 2, 24)
    streams = document["tasks"][0]["scores"]
    assert {one["layer"] for one in streams} == {1, 2, 3}, "among the layers that were scored"
    assert labels["probes"] == len(streams) * 5 * 4
    assert len(labels["chosen"]) == 5
    outcome = next(task for task in chosen["tasks"] if task["task"] == labels["task"] == "labels of few.csv")
    assert (outcome["score"], outcome["score_low"]) == (labels["held_out"], labels["held_out_low"])
    assert labelled(monkeypatch, scored, "--out", tmp_path) == 0
    printed = capsys.readouterr().out
    assert "Labels: 24 texts in 2 classes; a layer chosen this way has accuracy" in printed
    assert f"Cost: 0 forward passes, {labels['probes']} probes" in printed, "the store holds the vectors"


KIND = {"field": "words", "label_field": "kind", "reading": "pooling=last;normalize=raw"}


def test_the_choice_is_that_of_the_probe_on_the_reader_s_vectors(scored):
    """By the run's reading and among the candidates alone, though the model's last layer has a normed state too."""
    candidates = [(2, "residual"), (3, "residual")]
    found = choose_by_labels(
        read_run(scored / "run"), scored / "few.csv", **KIND, probe="knn", candidates=candidates
    ).choice
    task = labelled_task(scored / "few.csv", field="words", label_field="kind", probe="knn")
    reader = LayerReader(load_model(str(scored / "model")), readings=Reading("last"), max_tokens=512)
    expected = choose_by_probe(
        lambda layer, stream: reader.vectors(task.texts, layer, stream, Reading("last")),
        task.labels,
        streams=candidates,
        probe="knn",
        groups=task.texts,
    )
    assert list(found.board.streams) == candidates
    assert found.board.values.tolist() == expected.board.values.tolist()
    assert (found.chosen, found.held_out) == (expected.chosen, expected.held_out)


def test_copies_of_a_text_in_a_labelled_file_stay_together(scored, tmp_path):
    """Twelve texts six times each under labels that mean nothing: split, a probe would know them by heart."""
    lines = [f"text number {k},{'ab'[k * 5 % 12 // 6]}" for k in range(12)]
    (tmp_path / "copies.csv").write_text("\n".join(["words,kind", *lines * 6]))
    candidates = [(2, "residual"), (3, "residual")]
    found = choose_by_labels(read_run(scored / "run"), tmp_path / "copies.csv", **KIND, candidates=candidates)
    assert (found.texts, found.forward_passes) == (72, 12)
    assert found.choice.held_out.value < 0.8


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--probe", "ridge"], "probe: expected logistic or knn; got 'ridge'"),
        (["--field", "nothing"], "nothing"),
        (["--weights", "nowhere"], "nowhere"),
        (["--prompts", "3"], "expected enough for 2 labels with 5 texts each; got 3"),
        (["--reading", "pooling=mean;normalize=raw"], "reading: expected one of"),
    ],
)
def test_wrong_labels_are_one_line_and_exit_2(scored, tmp_path, arguments, expected, monkeypatch, capsys):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert labelled(monkeypatch, scored, *arguments, "--out", tmp_path) == 2
    error = capsys.readouterr().err.strip()
    assert expected in error.splitlines()[-1]
    assert not (tmp_path / "recommendation.json").exists()


def test_another_model_than_the_run_s_is_refused(scored, tmp_path, monkeypatch, capsys):
    save_tiny(tmp_path / "other", seed=1)
    assert labelled(monkeypatch, scored, "--weights", tmp_path / "other", "--out", tmp_path) == 2
    assert "Name the model of the run with --weights." in capsys.readouterr().err
