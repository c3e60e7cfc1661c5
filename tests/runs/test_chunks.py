"""Chunks appear whole or not at all, also when the process is killed in the middle of writing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gramian.runs import RunError
from gramian.runs._chunks import ChunkStore

NUMBERS = [np.float64, np.float32, np.float16, np.int64, np.int32, np.int8, np.uint64, np.uint8, np.bool_]


def test_saved_arrays_come_back_equal_in_shape_type_and_value(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path / "progress")
    generator = np.random.default_rng(0)
    arrays = {np.dtype(t).name: (generator.random((3, 5)) * 100).astype(t) for t in NUMBERS}
    arrays |= {"scalar": np.array(2.5), "empty": np.zeros((0, 4)), "wide": np.zeros((2, 0), dtype=np.uint64)}
    store.save("a", arrays)
    loaded = store.load("a")
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype
        assert loaded[name].shape == array.shape
        np.testing.assert_array_equal(loaded[name], array)


@settings(max_examples=40, deadline=None)
@given(
    arrays=st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda name: name != "__metadata__"),
        st.sampled_from(NUMBERS).flatmap(lambda t: hnp.arrays(t, hnp.array_shapes(min_dims=0, max_dims=3, max_side=3))),
        min_size=1,
        max_size=4,
    ),
    key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=10),
)
def test_any_arrays_under_any_key_survive_the_disk(tmp_path_factory: pytest.TempPathFactory, arrays, key) -> None:
    arrays = {name.encode("utf-8", "replace").decode(): np.asarray(array) for name, array in arrays.items()}
    store = ChunkStore(tmp_path_factory.mktemp("chunks") / "progress")
    store.save(key, arrays)
    assert store.keys() == {key}
    for name, array in store.load(key).items():
        assert array.tobytes() == arrays[name].tobytes()
        assert array.shape == arrays[name].shape
        assert array.flags.aligned


def test_a_chunk_is_a_safetensors_file_that_other_tools_read(tmp_path: Path) -> None:
    numpy_reader = pytest.importorskip("safetensors.numpy")
    store = ChunkStore(tmp_path)
    arrays = {"flags": np.array([True, False, True]), "mean": np.linspace(0, 1, 7), "n": np.array([3], dtype=np.int32)}
    store.save("k", arrays)
    loaded = numpy_reader.load_file(tmp_path / "chunk-k.safetensors")
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)


def test_big_endian_and_transposed_arrays_keep_their_values(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path)
    array = np.arange(12, dtype=">f4").reshape(3, 4).T
    store.save("k", {"x": array})
    np.testing.assert_array_equal(store.load("k")["x"], array)


def test_loaded_arrays_are_mapped_and_cannot_be_written(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path)
    store.save("k", {"x": np.zeros(4)})
    loaded = store.load("k")["x"]
    assert isinstance(loaded, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        loaded[0] = 1.0


def test_saving_a_key_again_replaces_the_chunk(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path)
    store.save("k", {"x": np.zeros(4)})
    before = store.load("k")["x"]
    store.save("k", {"x": np.ones(2)})
    np.testing.assert_array_equal(store.load("k")["x"], [1.0, 1.0])
    np.testing.assert_array_equal(before, np.zeros(4))


@pytest.mark.parametrize("kept", [0, 3, 8, 30, -1])
def test_a_truncated_chunk_is_removed_when_the_run_is_opened(tmp_path: Path, kept: int) -> None:
    store = ChunkStore(tmp_path)
    store.save("whole", {"x": np.zeros(4)})
    store.save("cut", {"x": np.zeros(4)})
    path = tmp_path / "chunk-cut.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(RunError, match="expected a whole chunk; got a damaged one"):
        store.load("cut")
    assert store.repair() == ("chunk-cut.safetensors",)
    assert store.keys() == {"whole"}


def test_a_chunk_whose_header_is_noise_is_removed(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path)
    for number, header in enumerate([b"[1, 2]  ", b'{"x": 1}', b"\xff\xfe\xff\xfe    ", b'{"x": {}}']):
        (tmp_path / f"chunk-{number}.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    assert len(store.repair()) == 4
    assert store.keys() == set()


def test_other_files_in_the_folder_are_neither_listed_nor_removed(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path / "progress")
    store.save("k", {"x": np.zeros(4)})
    (tmp_path / "progress" / "mine.txt").write_text("keep")
    store.repair()
    assert store.keys() == {"k"}
    store.clear()
    assert [p.name for p in (tmp_path / "progress").iterdir()] == ["mine.txt"]


def test_a_key_cannot_reach_outside_the_folder(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path / "progress")
    store.save("../../etc/x", {"x": np.zeros(1)})
    assert store.keys() == {"../../etc/x"}
    assert [p.name for p in tmp_path.iterdir()] == ["progress"]


@pytest.mark.parametrize(
    ("key", "arrays", "error", "match"),
    [
        ("", {"x": np.zeros(1)}, ValueError, "key: expected non-empty text"),
        (3, {"x": np.zeros(1)}, ValueError, "key: expected non-empty text; got 3"),
        ("k" * 300, {"x": np.zeros(1)}, ValueError, "key: expected at most 180 characters"),
        ("k", {}, ValueError, "arrays: expected at least one named array"),
        ("k", {"": np.zeros(1)}, ValueError, "arrays: expected names that are non-empty text"),
        ("k", {"__metadata__": np.zeros(1)}, ValueError, "arrays: expected names"),
        ("k", {"x": [1.0]}, TypeError, "arrays: expected NumPy arrays; got list"),
        ("k", {"x": np.array(["text"])}, TypeError, "arrays: expected one of the dtypes .* got <U4"),
        ("k", {"x": np.array([{}])}, TypeError, "got object"),
        ("k", {"x": np.array([1j])}, TypeError, "got complex128"),
    ],
)
def test_bad_chunks_are_refused_and_leave_nothing(tmp_path: Path, key, arrays, error, match) -> None:
    store = ChunkStore(tmp_path / "progress")
    with pytest.raises(error, match=match):
        store.save(key, arrays)
    assert not (tmp_path / "progress").exists()


def test_asking_for_an_absent_chunk_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key: expected a chunk on disk; got 'k'"):
        ChunkStore(tmp_path).load("k")


WRITER = """
import sys
from pathlib import Path
import numpy as np
from gramian.runs import RunDirectory
run = RunDirectory.open(Path(sys.argv[1]), command="measure", parameters={"alpha": 1.0})
print("open", flush=True)
number = 0
while True:
    values = np.full((64, 2048), number, dtype=np.float64)
    run.save_chunk(f"chunk/{number % 7}", {"values": values, "number": np.array(number)})
    run.update_manifest(last=number, filler="x" * 20000)
    number += 1
"""


def test_every_chunk_is_whole_after_kills_at_random_moments(tmp_path: Path) -> None:
    from gramian.runs import RunDirectory

    moments = random.Random(3)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    seen = 0
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "run")], stdout=subprocess.PIPE, env=environment
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        time.sleep(moments.uniform(0.01, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        removed = ChunkStore(tmp_path / "run" / "progress").repair()
        assert all(name.startswith(".") for name in removed), "a chunk had its name before it was whole"
        with RunDirectory.open(tmp_path / "run", command="measure", parameters={"alpha": 1.0}) as run:
            assert not list((tmp_path / "run").rglob("*.aside"))
            for key in run.done():
                chunk = run.load_chunk(key)
                assert chunk["values"].shape == (64, 2048)
                assert (chunk["values"] == chunk["number"]).all()
                seen += 1
    assert seen > 0
