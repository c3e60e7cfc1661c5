"""Saved activations come back a layer at a time, in the order of their numbers, or are refused."""

from __future__ import annotations

import sys
import tracemalloc
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from gramian.layers._activations import load_activations


def states(*shape: int, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 5, 4), (3, 5, 2, 4)])
def test_an_array_gives_its_layers(tmp_path: Path, shape: tuple[int, ...], dtype: str) -> None:
    array = states(*shape, dtype=dtype)
    np.save(tmp_path / "model.npy", array)
    found = load_activations(tmp_path / "model.npy")
    assert (found.name, found.layers, found.prompts, found.width) == ("model", 3, 5, 4)
    assert (found.views, found.dtype) == (2 if len(shape) == 4 else 0, dtype)
    assert [number for number, _ in found] == [0, 1, 2]
    for number, layer in found:
        assert layer.dtype == dtype
        np.testing.assert_array_equal(layer, array[number])


@pytest.mark.parametrize("shape", [(3, 5, 4), (3, 5, 2, 4)])
def test_one_tensor_and_one_for_each_layer_give_what_the_array_gives(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = states(*shape)
    np.save(tmp_path / "a.npy", array)
    save_file({"states": array}, tmp_path / "b.safetensors")
    save_file({f"layer_{k}": np.ascontiguousarray(array[k]) for k in (2, 0, 1)}, tmp_path / "c.safetensors")
    opened = [load_activations(tmp_path / name) for name in ("a.npy", "b.safetensors", "c.safetensors")]
    for other in opened:
        assert (other.layers, other.prompts, other.views, other.width) == (3, 5, opened[0].views, 4)
        for number, layer in other:
            np.testing.assert_array_equal(layer, array[number])
    assert opened[0].hash == sha256((tmp_path / "a.npy").read_bytes()).hexdigest()
    assert len({other.hash for other in opened}) == 3


@pytest.mark.parametrize("form", ["{}", "layer_{}", "model.layers.{}", "step3.h.{}", "layer_{:03d}"])
def test_layers_sort_as_numbers(tmp_path: Path, form: str) -> None:
    save_file({form.format(k): np.full((2, 3), k, dtype=np.float32) for k in range(12)}, tmp_path / "x.safetensors")
    assert [int(layer[0, 0]) for _, layer in load_activations(tmp_path / "x.safetensors")] == list(range(12))


def test_one_tensor_named_by_a_number_is_one_layer(tmp_path: Path) -> None:
    save_file({"0": states(5, 2, 4)}, tmp_path / "x.safetensors")
    found = load_activations(tmp_path / "x.safetensors")
    assert (found.layers, found.prompts, found.views, found.width) == (1, 5, 2, 4)


def test_transposed_and_big_endian_arrays_keep_their_values(tmp_path: Path) -> None:
    array = states(4, 5, 3).T
    for number, saved in enumerate((array, array.astype(">f4"))):
        np.save(tmp_path / f"{number}.npy", saved)
        layer = load_activations(tmp_path / f"{number}.npy").layer(1)
        np.testing.assert_array_equal(layer, array[1])
        assert layer.dtype.isnative
        assert torch.as_tensor(np.ascontiguousarray(layer)).dtype == torch.float32


@pytest.mark.parametrize("kind", ["npy", "safetensors"])
def test_one_layer_at_a_time_is_in_memory(tmp_path: Path, kind: str) -> None:
    array = states(64, 256, 256)
    path = tmp_path / f"x.{kind}"
    if kind == "npy":
        np.save(path, array)
    else:
        save_file({"states": array}, path)
    size, layer = array.nbytes, array[0].nbytes
    del array
    tracemalloc.start()
    for _ in load_activations(path):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size / 4
    assert peak < (1 << 21) + 8 * layer


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0, 0), (2, 3, 1)])
def test_a_value_that_is_not_finite_is_named_by_layer_and_prompt(tmp_path: Path, bad: float, place) -> None:
    array = states(3, 5, 4)
    array[place] = bad
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ValueError, match=f"got nan or infinity in layer {place[0]}, prompt {place[1]} of"):
        load_activations(tmp_path / "x.npy")


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (np.zeros((3, 4)), r"expected shape \(layers, N, d\) or \(layers, N, q, d\); got \(3, 4\)"),
        (np.zeros((1, 2, 3, 4, 5)), "got \\(1, 2, 3, 4, 5\\)"),
        (np.array(1.0), r"got \(\) in"),
        (np.zeros((3, 0, 4)), r"at least one layer, prompt and feature; got shape \(3, 0, 4\)"),
        (np.zeros((3, 5, 4), dtype=int), "expected float16, float32 or float64; got int64"),
        (np.zeros((3, 5, 4), dtype=complex), "got complex128"),
        (np.zeros((3, 5, 4), dtype=bool), "got bool"),
    ],
)
def test_arrays_of_another_form_are_refused(tmp_path: Path, array: np.ndarray, match: str) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ValueError, match=match):
        load_activations(tmp_path / "x.npy")


def test_a_pickled_array_is_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"harmless": False}]), allow_pickle=True)
    with pytest.raises(ValueError, match="got a pickled or foreign file"):
        load_activations(tmp_path / "x.npy")
    (tmp_path / "y.npy").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(ValueError, match="got a pickled or foreign file"):
        load_activations(tmp_path / "y.npy")


@pytest.mark.parametrize("kept", [0, 5, 60, 200, -1])
def test_truncated_files_are_refused(tmp_path: Path, kept: int) -> None:
    np.save(tmp_path / "x.npy", states(3, 5, 4))
    save_file({"states": states(3, 5, 4)}, tmp_path / "x.safetensors")
    for name in ("x.npy", "x.safetensors"):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(ValueError, match="path: expected a whole"):
            load_activations(path)


@pytest.mark.parametrize(
    ("names", "match"),
    [
        (["0", "2"], "without a gap; got none for layer 1 before '2'"),
        (["1", "2"], "got none for layer 0 before '1'"),
        (["layer_1", "layer_01", "layer_0"], "got 'layer_01' and 'layer_1' for the same layer"),
        (["0", "norm"], "names end in the number of their layer; got 'norm'"),
        (["a", "b"], "got 'a', 'b'"),
    ],
)
def test_layer_numbers_with_gaps_copies_or_missing_are_refused(tmp_path: Path, names: list[str], match: str) -> None:
    save_file({name: states(5, 4) for name in names}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=match):
        load_activations(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("tensors", "match"),
    [
        ({"0": torch.zeros(5, 4), "1": torch.zeros(6, 4)}, "expected every layer to have the shape and type of '0'"),
        ({"0": torch.zeros(5, 4), "1": torch.zeros(5, 4).half()}, "shape and type"),
        ({"0": torch.zeros(5)}, r"expected shape \(N, d\) or \(N, q, d\) for each layer; got \(5,\)"),
        ({"x": torch.zeros(3, 5, 4, dtype=torch.bfloat16)}, "got BF16"),
        ({"x": torch.zeros(3, 5, 4, dtype=torch.int32)}, "got I32"),
        ({}, "got a file without any"),
    ],
)
def test_tensors_of_another_form_are_refused(tmp_path: Path, tensors, match: str) -> None:
    save_torch(tensors, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=match):
        load_activations(tmp_path / "x.safetensors")


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="which does not exist"):
        load_activations(tmp_path / "x.npy")
    with pytest.raises(ValueError, match=r"expected a file ending in \.npy or \.safetensors; got .*x\.pt"):
        load_activations(tmp_path / "x.pt")


@pytest.mark.parametrize("number", [-1, 3])
def test_a_layer_that_is_not_there_is_refused(tmp_path: Path, number: int) -> None:
    np.save(tmp_path / "x.npy", states(3, 5, 4))
    with pytest.raises(ValueError, match="number: expected a layer from 0 to 2"):
        load_activations(tmp_path / "x.npy").layer(number)


def test_without_safetensors_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file({"x": states(3, 5, 4)}, tmp_path / "x.safetensors")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r'pip install "gramian\[layers\]"'):
        load_activations(tmp_path / "x.safetensors")
