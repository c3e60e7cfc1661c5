"""The nearest-neighbour probe against a vote counted by hand."""

from collections import Counter

import numpy as np
import pytest

from gramian.probes import knn_probe

from ._samples import classes


def vote(fit, labels, query, neighbors):
    """The majority among the nearest by cosine; among classes with equally many, the one nearer in sum."""
    cosines = fit @ query / np.linalg.norm(fit, axis=1) / np.linalg.norm(query)
    nearest = np.argsort(-cosines)[:neighbors]
    counts = Counter(labels[nearest])
    return max(counts, key=lambda kind: (counts[kind], cosines[nearest][labels[nearest] == kind].sum()))


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("neighbors", [1, 4, 10])
def test_the_nearest_vote(neighbors, standardize):
    x, y = classes(separation=0.7)
    x = x + 1.0
    fit, held_out = x[:80], x[80:]
    found = knn_probe(fit, y[:80], test=(held_out, y[80:]), neighbors=neighbors, standardize=standardize)
    if standardize:
        centre, scale = fit.mean(0), fit.std(0)
        fit, held_out = (fit - centre) / scale, (held_out - centre) / scale
    expected = [vote(fit, y[:80], query, neighbors) == label for query, label in zip(held_out, y[80:], strict=True)]
    assert found.score == pytest.approx(np.mean(expected))


def test_a_tie_goes_to_the_nearer_class_whatever_its_name():
    """Two neighbours of two classes: without the tie-break the first name would win."""
    fit = np.array([[1.0, 0.1], [1.0, -0.5], [-1.0, 0.0], [-1.0, 0.2]])
    for near, far in ((0, 1), (1, 0)):
        found = knn_probe(fit, [near, far, 2, 2], test=(np.array([[1.0, 0.0]]), [near]), neighbors=2, standardize=False)
        assert found.score == 1


def test_two_far_neighbours_outvote_a_near_one():
    fit = np.array([[1.0, 0.0], [1.0, 2.0], [1.0, -2.0], [-1.0, 0.0]])
    query = np.array([[1.0, 0.01]])
    assert knn_probe(fit, [0, 1, 1, 0], test=(query, [1]), neighbors=3, standardize=False).score == 1


def test_length_does_not_matter_but_direction_does():
    x, y = classes(separation=0.7)
    lengths = np.random.default_rng(0).uniform(0.1, 10, (len(x), 1))
    assert knn_probe(x * lengths, y, standardize=False) == knn_probe(x, y, standardize=False)


def test_permuted_labels_score_at_chance():
    x, y = classes(count=120, kinds=4, separation=2)
    rng = np.random.default_rng(0)
    scores = [knn_probe(x, rng.permutation(y), seed=seed).score for seed in range(30)]
    assert np.mean(scores) == pytest.approx(0.25, abs=4 * np.std(scores) / np.sqrt(30))
    assert knn_probe(x, y).score > 0.8


def test_more_neighbours_than_training_examples_are_refused():
    x, y = classes(count=30)
    with pytest.raises(ValueError, match="neighbors: expected 1 to 24, the training examples; got 25"):
        knn_probe(x, y, neighbors=25)
    with pytest.raises(ValueError, match="neighbors: expected 1 to 24, the training examples; got 0"):
        knn_probe(x, y, neighbors=0)
    with pytest.raises(TypeError, match="neighbors: expected an integer; got float"):
        knn_probe(x, y, neighbors=5.0)


def test_a_vector_without_direction_is_refused():
    x, y = classes(count=30)
    x[7] = 0
    with pytest.raises(ValueError, match="x: expected vectors with a direction; got one zero"):
        knn_probe(x, y, standardize=False)
