"""Design section 4, item 14: our own files are never pickles, and code from a model's repository runs only when asked for."""

import ast
import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest

from gramian.layers import load_activations, load_model, measure
from gramian.runs import RunDirectory

SOURCE = Path(__file__).parents[2] / "src" / "gramian"


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_convention_14_nothing_in_the_source_reads_or_writes_a_pickle(path):
    for name, keywords in calls(ast.parse(path.read_text())):
        assert not name.startswith(("pickle.", "joblib.", "cloudpickle.", "dill.")), name
        if name == "torch.load":
            assert keywords.get("weights_only") == "True"
        if name in ("np.load", "numpy.load"):
            assert keywords.get("allow_pickle", "False") == "False"


def test_convention_14_no_file_of_a_run_is_a_pickle(tmp_path):
    generator = np.random.Generator(np.random.Philox(0))
    np.save(tmp_path / "states.npy", generator.normal(size=(2, 30, 4)))
    measure(tmp_path / "states.npy", out=tmp_path / "run")
    with RunDirectory.open(tmp_path / "half", command="measure", parameters={}) as run:
        run.save_chunk("0", {"tokens": np.arange(3)})
    files = [p for folder in ("run", "half") for p in (tmp_path / folder).rglob("*") if p.is_file()]
    assert {p.suffix for p in files} >= {".parquet", ".json", ".safetensors"}
    for path in files:
        assert not path.read_bytes().startswith(b"\x80"), path  # the mark of every pickle from protocol 2 on


def test_convention_14_a_pickle_among_activations_is_refused_unopened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "exploded",))

    (tmp_path / "states.npy").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match=r"states\.npy"):
        load_activations(tmp_path / "states.npy")
    assert not (tmp_path / "exploded").exists()


def test_convention_14_remote_code_is_off_unless_asked_for():
    assert inspect.signature(load_model).parameters["trust_remote_code"].default is False
