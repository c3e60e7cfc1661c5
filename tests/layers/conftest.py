"""Tiny models, built once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gramian.layers._models import LanguageModel
from tests.layers._tiny import tiny_llama_folder, tiny_model


@pytest.fixture(scope="package", autouse=True)
def single_thread() -> Iterator[None]:
    """Tiny matrices gain nothing from threads, and on a busy machine they wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny Llama; not to be changed."""
    return tiny_llama_folder(tmp_path_factory)


@pytest.fixture(scope="session")
def llama() -> LanguageModel:
    """A tiny Llama in memory."""
    return tiny_model("llama")
