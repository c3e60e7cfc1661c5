"""The linear probe against regressions fitted elsewhere."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gramian.probes import linear_probe

from ._samples import classes


def softmax_regression(x, y, strength):
    """Weights and intercepts that minimise C * summed loss + |W|^2 / 2, by a general optimiser."""
    kinds, width = y.max() + 1, x.shape[1]

    def objective(flat):
        weights, bias = flat[:-kinds].reshape(kinds, width), flat[-kinds:]
        scores = x @ weights.T + bias
        loss = (logsumexp(scores, axis=1) - scores[np.arange(len(y)), y]).sum()
        return strength * loss + (weights**2).sum() / 2

    flat = minimize(objective, np.zeros(kinds * (width + 1)), method="L-BFGS-B", options={"maxiter": 5000}).x
    return flat[:-kinds].reshape(kinds, width), flat[-kinds:]


@pytest.mark.parametrize("strength", [0.005, 1.0])
def test_predictions_are_those_of_a_penalised_softmax_regression(strength):
    x, y = classes(separation=0.6)
    fit, held_out = slice(0, 80), slice(80, None)
    centre, scale = x[fit].mean(0), x[fit].std(0)
    weights, bias = softmax_regression((x[fit] - centre) / scale, y[fit], strength)
    expected = np.argmax((x[held_out] - centre) / scale @ weights.T + bias, axis=1) == y[held_out]
    found = linear_probe(x[fit], y[fit], test=(x[held_out], y[held_out]), regularization=strength)
    assert found.score == pytest.approx(expected.mean())
    assert 0.4 < found.score < 0.95, "a trivial problem would show nothing"
    assert found.folds == (found.score,)
    assert found.n == 40


@pytest.mark.parametrize("width", [40, 60, 200])
def test_more_dimensions_than_examples_change_nothing(width):
    """The problem is solved in the span of the training examples; the plain one gives the same answers."""
    x, y = classes(count=90, width=width, separation=0.25, seed=1)
    plain = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=5000, tol=1e-8)).fit(x[:50], y[:50])
    expected = plain.score(x[50:], y[50:])
    assert linear_probe(x[:50], y[:50], test=(x[50:], y[50:]), regularization=0.1).score == pytest.approx(expected)
    assert 0.4 < expected < 1


def test_regularisation_is_chosen_where_it_matters():
    """Few examples in many noisy dimensions: the weak penalty overfits, and the choice avoids it."""
    x, y = classes(count=160, width=60, kinds=2, separation=0.12, seed=3)
    chosen, weak, strong = (linear_probe(x, y, regularization=grid).score for grid in ((0.001, 1000.0), 1000.0, 0.001))
    assert strong > weak + 0.02
    assert chosen == pytest.approx(strong, abs=0.01)


def test_an_unrelated_shift_and_scale_of_every_feature_changes_nothing():
    x, y = classes(separation=0.6)
    scales = 10.0 ** np.arange(-3, 3)
    assert linear_probe(x * scales + 5 * scales, y) == linear_probe(x, y)
    unscaled = linear_probe(x * scales, y, standardize=False, regularization=0.1)
    assert unscaled != linear_probe(x, y, standardize=False, regularization=0.1)


def test_tensors_half_precision_and_names_of_classes_read_the_same():
    x, y = classes(separation=0.6)
    x = x.astype(np.float16)
    expected = linear_probe(x.astype(np.float32), y)
    assert linear_probe(torch.from_numpy(x), torch.from_numpy(y)) == expected
    assert linear_probe(x, [f"class {label}" for label in y]) == expected
    assert linear_probe(x, np.array([f"class {label}" for label in y], dtype=object)) == expected


def test_the_score_is_the_mean_over_all_held_out_examples():
    x, y = classes(count=100, separation=0.6)
    found = linear_probe(x, y, folds=3)
    assert len(found.folds) == 3
    assert found.n == 100
    sizes = np.array([34, 33, 33])
    assert found.score == pytest.approx(np.dot(found.folds, sizes) / 100, abs=2e-3)
    assert round(found.score * 100, 9) % 1 == 0
    assert found.low < found.score < found.high


def test_separable_classes_are_read_without_error_and_without_certainty():
    x, y = classes(separation=8)
    found = linear_probe(x, y)
    assert found.score == 1
    assert found.low < 0.98
    assert found.high == 1
    assert found.stderr > 0


def test_permuted_labels_score_at_chance():
    x, y = classes(count=120, width=10, kinds=4, separation=2)
    rng = np.random.default_rng(0)
    scores = [linear_probe(x, rng.permutation(y), seed=seed, regularization=0.1).score for seed in range(20)]
    assert np.mean(scores) == pytest.approx(0.25, abs=4 * np.std(scores) / np.sqrt(20))
    assert linear_probe(x, y).score > 0.8


def test_a_seed_decides_the_folds_and_nothing_touches_the_global_state():
    x, y = classes(separation=0.4)
    before, torch_before = np.random.get_state()[1].copy(), torch.get_rng_state()
    first, again, other = (linear_probe(x, y, seed=seed).folds for seed in (0, 0, 1))
    generator = linear_probe(x, y, seed=torch.Generator().manual_seed(0)).folds
    assert first == again == generator
    assert first != other
    np.testing.assert_array_equal(before, np.random.get_state()[1])
    assert torch.equal(torch_before, torch.get_rng_state())


def test_columns_that_never_vary_are_left_out():
    x, y = classes(separation=0.6)
    last_digit = np.nextafter(0.1, np.random.default_rng(0).integers(0, 2, (len(x), 9)).astype(float))
    assert len(np.unique(last_digit)) == 2
    constant = np.concatenate([x, np.full((len(x), 2), 1e8), last_digit], axis=1)
    assert linear_probe(constant, y) == linear_probe(x, y)
