"""Conventions of the project that published code gets wrong, where corpora, views and saved states are concerned."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from gramian.layers._activations import load_activations
from gramian.layers._corpus import load_corpus
from gramian.layers._views import augment


def test_convention_09_layers_sort_as_numbers(tmp_path: Path) -> None:
    def published(path: Path) -> list[int]:
        """Layers in the order of their file names, as the released notebook pairs them with task scores."""
        found = load_file(path)
        return [int(found[name][0, 0]) for name in sorted(found)]

    path = tmp_path / "states.safetensors"
    save_file({f"layer_{k}": np.full((3, 2), k, dtype=np.float32) for k in range(25)}, path)
    in_order = list(range(25))
    assert published(path) != in_order
    assert published(path)[:3] == [0, 1, 10]
    assert [int(layer[0, 0]) for _, layer in load_activations(path)] == in_order


def test_convention_12_no_function_touches_the_global_random_state() -> None:
    before = random.getstate(), np.random.get_state()[1].copy(), torch.random.get_rng_state()
    load_corpus("python-docs", prompts=10, seed=1)
    augment("a prompt of some words", view=1, seed=1)
    assert random.getstate() == before[0]
    assert (np.random.get_state()[1] == before[1]).all()
    assert torch.equal(torch.random.get_rng_state(), before[2])


def test_convention_14_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    touched = tmp_path / "touched"

    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (touched,)

    np.save(tmp_path / "array.npy", np.array([Harmful()], dtype=object), allow_pickle=True)
    (tmp_path / "bare.npy").write_bytes(pickle.dumps(Harmful()))
    for name in ("array.npy", "bare.npy"):
        with pytest.raises(ValueError, match="got a pickled or foreign file"):
            load_activations(tmp_path / name)
        assert not touched.exists()
        np.load(tmp_path / name, allow_pickle=True)
        assert touched.exists(), "the file must be one that does harm when it is unpickled"
        touched.unlink()
