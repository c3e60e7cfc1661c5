"""Folders of a run with files in another's format."""

import json
from pathlib import Path

import pytest

from gramian.runs import RunDirectory, RunError


def opened(path: Path, *, overwrite: bool = False) -> RunDirectory:
    return RunDirectory.open(path, command="downstream", parameters={"a": 1}, overwrite=overwrite)


def test_overwriting_removes_the_folders_of_a_run_and_no_other(tmp_path):
    with opened(tmp_path / "run") as run:
        folder = run.folder("mteb")
        (folder / "deep").mkdir()
        (folder / "deep" / "old.json").write_text("{}")
        (run.path / "mine").mkdir()
        (run.path / "mine" / "thesis.tex").write_text("keep me")
    with opened(tmp_path / "run", overwrite=True) as run:
        assert not (run.path / "mteb").exists()
        assert (run.path / "mine" / "thesis.tex").exists()
        assert "folders" not in run.manifest


def test_going_on_keeps_the_folder(tmp_path):
    with opened(tmp_path) as run:
        (run.folder("mteb") / "kept.json").write_text("{}")
    with opened(tmp_path) as run:
        assert (run.folder("mteb") / "kept.json").exists()
        assert run.manifest["folders"] == ["mteb"]


@pytest.mark.parametrize("name", ["..", "a/b", "", "Upper", "progress", ".lock", 3])
def test_a_name_that_could_reach_elsewhere_is_refused(tmp_path, name):
    with opened(tmp_path) as run, pytest.raises(ValueError, match="name: expected a lower-case word"):
        run.folder(name)


def test_a_manifest_cannot_make_overwriting_remove_another_folder(tmp_path):
    with opened(tmp_path / "run") as run:
        run.folder("mteb")
    (tmp_path / "precious").mkdir()
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    (tmp_path / "run" / "manifest.json").write_text(json.dumps({**manifest, "folders": ["../precious"]}))
    with pytest.raises(ValueError, match="name: expected a lower-case word"):
        opened(tmp_path / "run", overwrite=True)
    assert (tmp_path / "precious").is_dir()


def test_a_complete_run_gets_no_folder(tmp_path):
    with opened(tmp_path) as run:
        run.finish()
        with pytest.raises(RunError, match="a complete one"):
            run.folder("mteb")
