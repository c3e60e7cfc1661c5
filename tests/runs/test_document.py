"""JSON documents beside the tables."""

import json
import math

import pytest

from gramian.runs import RunError, read_document, write_document


def test_what_was_written_is_read_and_undefined_numbers_become_null(tmp_path):
    path = write_document(
        tmp_path / "x.json", {"format": "f", "version": 1, "a": [1.5, math.nan, math.inf], "b": ("é",)}
    )
    assert read_document(path, format="f") == {"format": "f", "version": 1, "a": [1.5, None, None], "b": ["é"]}


def test_no_document_is_none(tmp_path):
    assert read_document(tmp_path / "x.json", format="f") is None


def test_a_failed_write_leaves_the_old_document(tmp_path):
    path = write_document(tmp_path / "x.json", {"format": "f", "version": 1})
    with pytest.raises(TypeError):
        write_document(path, {"bad": object()})
    assert json.loads(path.read_text()) == {"format": "f", "version": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "g", "version": 1}', '{"format": "f", "version": 2}'])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(RunError, match=r"x\.json: expected (JSON|f version 1); got"):
        read_document(tmp_path / "x.json", format="f")
