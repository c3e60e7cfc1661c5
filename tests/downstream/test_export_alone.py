"""The folder needs sentence-transformers and nothing else: no Gramian, no network."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from gramian.downstream import export_layer
from tests.layers._tiny import tiny_model

from ._exported import TEXTS, assert_same_vectors, expected_vectors

pytest.importorskip("sentence_transformers")

PROGRAM = """
import json, socket, sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "gramian":
            raise ImportError("gramian is not installed here")

def refuse(*arguments, **options):
    raise AssertionError(f"network: {arguments}")

sys.meta_path.insert(0, Forbidden())
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from sentence_transformers import SentenceTransformer

folders, texts = json.loads(sys.argv[1])
vectors = [SentenceTransformer(folder).encode(texts, show_progress_bar=False).tolist() for folder in folders]
assert not any(name.partition(".")[0] == "gramian" for name in sys.modules)
print(json.dumps(vectors))
"""


def test_sentence_transformers_alone_loads_the_folder_without_network(tmp_path):
    cases = {
        "no_first": ("llama", 1, "mean_no_first", "raw"),
        "plain": ("llama", 2, "mean", "final_norm"),
        "mamba": ("mamba", 1, "last", "raw"),
        "t5": ("t5", 2, "mean", "raw"),
    }
    for name, (family, layer, pooling, normalize) in cases.items():
        export_layer(tiny_model(family), layer=layer, out=tmp_path / name, pooling=pooling, normalize=normalize)
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("HF_", "PYTHON", "TRANSFORMERS_"))
    }
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, json.dumps([[str(tmp_path / name) for name in cases], TEXTS])],
        capture_output=True,
        text=True,
        env={**environment, "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for found, (family, layer, pooling, normalize) in zip(json.loads(done.stdout), cases.values(), strict=True):
        model = tiny_model(family)
        expected = expected_vectors(model, TEXTS, layer=layer, pooling=pooling, normalize=normalize)
        assert_same_vectors(np.array(found), expected)


def test_the_program_that_blocks_gramian_would_notice_it():
    blocked = PROGRAM.partition("from sentence_transformers")[0] + "\nimport gramian"
    done = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True, check=False)
    assert "gramian is not installed here" in done.stderr
