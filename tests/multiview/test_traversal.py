"""Traversals: one coordinate runs and the others stay, drawn as a grid of images or as lines."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")
pytest.importorskip("plotly", reason="needs plotly")

from gramian.multiview import DiMEEncoder, traversal
from tests.multiview._digits import mixed_pairs, noisy_pairs

QUICK = {"alpha": 2, "latent": 2, "exclusive": 1, "epochs": 1, "batch_size": 32, "device": "cpu"}


@pytest.fixture(scope="module")
def vectors():
    views, _ = mixed_pairs(64)
    return DiMEEncoder(**QUICK, encoders="linear").fit(views), views


@pytest.mark.parametrize(("part", "width"), [("exclusive", 1), ("shared", 2)])
def test_vectors_are_lines_decoded_from_the_codes_on_their_way(vectors, part, width):
    encoder, views = vectors
    figure = traversal(encoder, views, view=1, part=part, row=3, steps=5)
    assert len(figure.data) == 5 * width
    codes = {"shared": encoder.transform(views)[1], "exclusive": encoder.transform_exclusive(views)[1]}
    for coordinate in range(width):
        for step, share in enumerate((0.05, 0.275, 0.5, 0.725, 0.95)):
            moved = {name: code[3:4].copy() for name, code in codes.items()}
            moved[part][0, coordinate] = np.quantile(codes[part][:, coordinate], share)
            one = [view[3:4] for view in views]
            told = {name: [code, code] for name, code in moved.items()}
            expected = encoder.reconstruct(one, **told)[1][0]
            np.testing.assert_allclose(figure.data[5 * coordinate + step].y, expected, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_images_are_a_grid_of_coordinates_by_steps(channels):
    images, _ = noisy_pairs(64)
    views = [np.repeat(image[:, None], channels, axis=1) for image in images]
    encoder = DiMEEncoder(**QUICK).fit(views)
    figure = traversal(encoder, views, part="shared", steps=4)
    grid = np.asarray(figure.data[0].z)
    assert figure.data[0].type == ("image" if channels == 3 else "heatmap")
    assert grid.shape[:2] == (2 * 8 + 1, 4 * 8 + 3)
    codes = encoder.transform(views)[0]
    first = np.array([[np.quantile(codes[:, 0], 0.95), codes[0, 1]]], dtype=np.float32)
    made = encoder.reconstruct([view[:1] for view in views], shared=[first, first])[0][0]
    drawn = grid[:8, -8:]
    if channels == 3:
        low, high = views[0].min(), views[0].max()
        shades = 255 * np.clip((made.transpose(1, 2, 0) - low) / (high - low), 0, 1)
        np.testing.assert_allclose(drawn, shades, atol=0.6)
    else:
        np.testing.assert_allclose(drawn, made.mean(0), atol=1e-5)


def test_what_is_not_there_is_refused(vectors):
    encoder, views = vectors
    for told, message in (
        ({"part": "own"}, "part: expected shared or exclusive; got 'own'"),
        ({"view": 2}, "view: expected 0 to 1; got 2"),
        ({"row": 64}, "row: expected 0 to 63; got 64"),
        ({"row": -1}, "row: expected an integer of at least 0; got -1"),
        ({"steps": 1}, "steps: expected an integer of at least 2; got 1"),
    ):
        with pytest.raises(ValueError, match=message):
            traversal(encoder, views, **told)
    with pytest.raises(ValueError, match="exclusive: expected at least 1 in fit; got 0"):
        traversal(DiMEEncoder(**{**QUICK, "exclusive": 0}).fit(views), views)
