"""Saved encoders: what is read encodes as what was written, and nothing else is read."""

import json

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")
pytest.importorskip("safetensors", reason="needs safetensors")

from gramian.multiview import DiMEEncoder, linear_encoder, load_encoder, save_encoder
from tests.multiview._digits import mixed_pairs

VIEWS = mixed_pairs(64)[0]
TOLD = {"alpha": 2, "latent": 2, "epochs": 1, "batch_size": 32, "device": "cpu"}


def test_a_loaded_encoder_is_the_saved_one(tmp_path):
    encoder = DiMEEncoder(**TOLD, exclusive=1, bandwidth="learned").fit(VIEWS)
    loaded = load_encoder(save_encoder(encoder, tmp_path / "deep" / "encoder"))
    assert loaded.get_params() == encoder.get_params()
    for call in ("transform", "transform_exclusive", "reconstruct"):
        for one, other in zip(getattr(encoder, call)(VIEWS), getattr(loaded, call)(VIEWS), strict=True):
            np.testing.assert_array_equal(one, other)
    assert loaded.score(VIEWS) == encoder.score(VIEWS)


def test_an_encoder_saved_before_there_was_a_term_of_independence_has_none(tmp_path):
    encoder = DiMEEncoder(**TOLD, exclusive=1, independence=0.0).fit(VIEWS)
    file = save_encoder(encoder, tmp_path) / "settings.json"
    settings = json.loads(file.read_text())
    assert settings["parameters"].pop("independence") == 0.0
    file.write_text(json.dumps(settings))
    loaded = load_encoder(tmp_path)
    assert loaded.get_params() == encoder.get_params()
    np.testing.assert_array_equal(loaded.transform(VIEWS)[0], encoder.transform(VIEWS)[0])


def test_what_is_no_encoder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="folder: expected a saved encoder"):
        load_encoder(tmp_path)
    encoder = DiMEEncoder(**TOLD).fit(VIEWS)
    save_encoder(encoder, tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"torn")
    with pytest.raises(ValueError, match="folder: expected a whole encoder"):
        load_encoder(tmp_path)
    own = DiMEEncoder(**{**TOLD, "encoders": [linear_encoder((3,), 2)] * 2}).fit(VIEWS)
    with pytest.raises(TypeError, match="encoder: expected encoders by name, such as mlp"):
        save_encoder(own, tmp_path)
