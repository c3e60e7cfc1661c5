"""A run directory is created, continued, refused and finished as run-format.md says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gramian.runs import RunDirectory, RunError, RunIncomplete, RunLocked, RunMismatch, read_run

PARAMETERS = {"alpha": 1.0, "layers": [0, 1], "corpus": {"name": "python-docs", "prompts": 100}}
ROWS = pa.table({"layer": pa.array([0, 1], pa.int32()), "value": [0.5, 0.25]})


def opened(path: Path, **changes) -> RunDirectory:
    return RunDirectory.open(path, command="measure", parameters={**PARAMETERS, **changes})


def completed(path: Path) -> Path:
    with opened(path) as run:
        run.save_chunk("a", {"x": np.zeros(2)})
        run.write_table("measures", [ROWS])
        run.finish()
    return path


def test_a_new_run_is_running_empty_and_describes_itself(tmp_path: Path) -> None:
    with opened(tmp_path / "deep" / "run") as run:
        assert not run.finished
        assert run.done() == set()
        manifest = run.manifest
    assert manifest["format_version"] == 1
    assert manifest["command"] == "measure"
    assert manifest["parameters"] == PARAMETERS
    assert manifest["state"] == "running"
    assert manifest["created"].endswith("+00:00")
    assert manifest["versions"].keys() >= {"python", "gramian", "torch", "numpy"}
    assert manifest["hardware"]["cores"] >= 1
    assert json.loads((tmp_path / "deep" / "run" / "manifest.json").read_text()) == manifest


def test_an_unfinished_run_of_equal_parameters_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path) as run:
        run.save_chunk("a", {"x": np.arange(3)})
        run.update_manifest(seconds=1.5)
        created = run.manifest["created"]
    with opened(tmp_path) as run:
        assert run.done() == {"a"}
        assert run.manifest["created"] == created
        assert run.manifest["seconds"] == 1.5
        np.testing.assert_array_equal(run.load_chunk("a")["x"], [0, 1, 2])


def test_tuples_paths_and_numpy_numbers_equal_their_written_form(tmp_path: Path) -> None:
    given = {"layers": (1, 2), "path": Path("x"), "seed": np.int64(3), "alpha": float("inf")}
    RunDirectory.open(tmp_path, command="measure", parameters=given).close()
    RunDirectory.open(tmp_path, command="measure", parameters=given).close()
    with pytest.raises(RunMismatch, match=r'alpha: "inf" there, 2\.0 now'):
        RunDirectory.open(tmp_path, command="measure", parameters={**given, "alpha": 2.0})


def test_other_parameters_are_refused_with_the_difference_shown(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(RunMismatch) as caught:
        RunDirectory.open(
            tmp_path,
            command="sweep",
            parameters={"alpha": 2.0, "corpus": {"name": "python-docs"}, "seed": 0, "layers": [0, 1]},
        )
    message = str(caught.value)
    assert 'command: "measure" there, "sweep" now' in message
    assert "alpha: 1.0 there, 2.0 now" in message
    assert "corpus.prompts: 100 there, not given now" in message
    assert "seed: not given there, 0 now" in message
    assert "layers" not in message
    assert "\n" not in message


def test_whole_numbers_written_as_floats_are_the_same_parameter(tmp_path: Path) -> None:
    opened(tmp_path, alpha=1.0).close()
    opened(tmp_path, alpha=1).close()


def test_refusing_a_run_changes_nothing_and_gives_the_lock_back(tmp_path: Path) -> None:
    opened(tmp_path).close()
    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(RunMismatch) as caught:
        opened(tmp_path, alpha=2.0)
    # The error still refers to the frames that took the lock, so nothing but an explicit close has given it back.
    opened(tmp_path).close()
    assert caught.value.__traceback__ is not None
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_a_finished_run_has_its_tables_and_no_progress(tmp_path: Path) -> None:
    completed(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "manifest.json", "measures.parquet"]
    with opened(tmp_path) as run:
        assert run.finished
        assert run.done() == set()
        assert run.read_table("measures").equals(ROWS)
        with pytest.raises(RunError, match="expected a run that is going on; got a complete one"):
            run.save_chunk("b", {"x": np.zeros(1)})
        with pytest.raises(RunError, match="got a complete one"):
            run.write_table("measures", [ROWS])
        run.update_manifest(report="report.html")
        run.finish()


def test_progress_left_by_a_kill_during_finish_is_removed(tmp_path: Path) -> None:
    with opened(tmp_path) as run:
        run.save_chunk("a", {"x": np.zeros(1)})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "state": "complete"}))
    opened(tmp_path).close()
    assert not (tmp_path / "progress").exists()


def test_a_closed_run_cannot_be_written(tmp_path: Path) -> None:
    run = opened(tmp_path)
    run.close()
    run.close()
    with pytest.raises(RunError, match="expected an open run; got one that was closed"):
        run.save_chunk("a", {"x": np.zeros(1)})


def test_overwrite_removes_what_the_run_wrote_and_nothing_else(tmp_path: Path) -> None:
    completed(tmp_path)
    (tmp_path / "report.html").write_text("old")
    (tmp_path / "mine.parquet").write_text("keep")
    (tmp_path / "notes.txt").write_text("keep")
    (tmp_path / "progress").mkdir()
    (tmp_path / "progress" / "mine.txt").write_text("keep")
    with RunDirectory.open(tmp_path, command="measure", parameters={"alpha": 2.0}, overwrite=True) as run:
        assert not run.finished
        assert run.manifest["parameters"] == {"alpha": 2.0}
        assert run.manifest["tables"] == []
    left = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*"))
    assert left == [".lock", "manifest.json", "mine.parquet", "notes.txt", "progress", "progress/mine.txt"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_directory_with_other_files_is_never_taken_over(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "thesis.tex").write_text("keep")
    with pytest.raises(
        RunError, match=r"expected an empty directory or a run; got one with other files \(thesis\.tex\)"
    ):
        RunDirectory.open(tmp_path, command="measure", parameters={}, overwrite=overwrite)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_leftovers_of_a_run_killed_while_it_began_are_no_other_files(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / ".manifest.json.aside").write_text('{"form')
    opened(tmp_path).close()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "manifest.json"]


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(RunError, match="expected a directory; got a file"):
        opened(tmp_path / "x")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "expected JSON; got something damaged"),
        ("\xff", "expected JSON; got something damaged"),
        ("[]", "expected the manifest of a Gramian run"),
        ('{"name": "web app"}', "expected the manifest of a Gramian run"),
        ('{"format": "gramian-run", "format_version": 2}', "expected format version 1 or older; got 2, which a newer"),
        ('{"format": "gramian-run", "format_version": "1"}', "expected a format version from 1 on"),
        (
            '{"format": "gramian-run", "format_version": 1}',
            "got one without command, created, parameters, state, tables",
        ),
    ],
)
def test_a_manifest_that_is_not_ours_whole_and_known_is_refused(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "manifest.json").write_text(text, encoding="latin-1")
    for overwrite in (False, True):
        with pytest.raises(RunError, match=match):
            RunDirectory.open(tmp_path, command="measure", parameters={}, overwrite=overwrite)
    with pytest.raises(RunError, match=match):
        read_run(tmp_path)
    assert (tmp_path / "manifest.json").read_text(encoding="latin-1") == text


@pytest.mark.parametrize(("key", "value"), [("parameters", []), ("tables", None), ("state", "half")])
def test_a_manifest_with_entries_of_the_wrong_type_is_refused(tmp_path: Path, key: str, value) -> None:
    opened(tmp_path).close()
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(RunError, match="entries have the wrong types"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"alpha": float("nan")}, ValueError, r"parameters\.alpha: expected a number; got nan"),
        ({"f": print}, TypeError, r"parameters\.f: expected text, numbers.*got builtin_function_or_method"),
        ({"a": [{1: 2}]}, TypeError, r"parameters\.a\[0\]: expected text as keys; got 1"),
        ({"x": np.zeros(3)}, TypeError, r"parameters\.x: .* got ndarray"),
    ],
)
def test_parameters_that_json_cannot_hold_are_refused_before_anything_is_made(
    tmp_path, parameters, error, match
) -> None:
    with pytest.raises(error, match=match):
        RunDirectory.open(tmp_path / "run", command="measure", parameters=parameters)
    assert not (tmp_path / "run").exists()


def test_reserved_entries_cannot_be_changed(tmp_path: Path) -> None:
    with opened(tmp_path) as run, pytest.raises(ValueError, match=r"more: .* got parameters, state"):
        run.update_manifest(state="complete", parameters={}, seconds=1)


def test_going_on_under_other_versions_is_recorded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    opened(tmp_path).close()
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["versions"]["torch"] = "0.1"
    path.write_text(json.dumps(manifest))
    for _ in range(2):
        with opened(tmp_path) as run:
            resumed = run.manifest["resumed"]
    assert len(resumed) == 1
    assert resumed[0]["versions"]["torch"] != "0.1"
    assert "torch 0.1 -> " in caplog.text


def test_a_second_writer_in_this_process_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(RunLocked, match="expected a run that nobody is writing"):
        opened(tmp_path)
    opened(tmp_path).close()


HOLDER = """
import sys, time
from gramian.runs import RunDirectory
run = RunDirectory.open(sys.argv[1], command="measure", parameters={})
print("open", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, env=environment)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        for overwrite in (False, True):
            with pytest.raises(RunLocked, match="another process is writing"):
                RunDirectory.open(tmp_path, command="measure", parameters={}, overwrite=overwrite)
    finally:
        process.kill()
        process.communicate()
    RunDirectory.open(tmp_path, command="measure", parameters={}).close()


def test_reading_a_complete_run_gives_manifest_and_tables(tmp_path: Path) -> None:
    record = read_run(completed(tmp_path))
    assert record.manifest["state"] == "complete"
    assert list(record.tables) == ["measures"]
    assert record.tables["measures"].equals(ROWS)
    assert record.table("measures", ["value"]).column_names == ["value"]
    with pytest.raises(RunError, match=r"name: expected a table of this run \(measures\); got 'scores'"):
        record.table("scores")


def test_reading_a_half_written_run_says_how_to_go_on(tmp_path: Path) -> None:
    with opened(tmp_path) as run:
        with pytest.raises(RunIncomplete, match="Run `gramian measure` again with the same arguments"):
            read_run(tmp_path)
        run.update_manifest(command_line="gramian measure smollm2-135m --out x")
    with pytest.raises(RunIncomplete, match="Run `gramian measure smollm2-135m --out x` again"):
        read_run(tmp_path)


def test_reading_where_no_run_is_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"expected a run directory; got no manifest\.json"):
        read_run(tmp_path)
    with pytest.raises(RunError, match="expected a run directory; got nothing there"):
        read_run(tmp_path / "absent")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="expected a run directory; got a file"):
        read_run(tmp_path / "file")


def test_a_truncated_table_is_named_when_the_run_is_read(tmp_path: Path) -> None:
    path = completed(tmp_path) / "measures.parquet"
    whole = path.read_bytes()
    for kept in (0, 4, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(
            RunError, match=r"measures\.parquet: expected a whole Parquet file; got a truncated or damaged"
        ):
            read_run(tmp_path)
    path.unlink()
    with pytest.raises(RunError, match=r"expected a table; got no such file\. Tables there: none"):
        read_run(tmp_path)


def test_finishing_without_a_table_that_was_begun_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as run:
        run.write_table("measures", [ROWS])
        (tmp_path / "measures.parquet").unlink()
        with pytest.raises(RunError, match="expected the tables measures; got no such files"):
            run.finish()


def test_tables_of_equal_content_are_equal_bytes(tmp_path: Path) -> None:
    first, second = completed(tmp_path / "a"), completed(tmp_path / "b")
    assert (first / "measures.parquet").read_bytes() == (second / "measures.parquet").read_bytes()
    assert pq.read_table(first / "measures.parquet").equals(ROWS)
