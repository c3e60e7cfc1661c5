"""The ridge probe against its closed form, and its scores against SciPy's."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from gramian.probes import ridge_probe
from gramian.probes._regression_scores import Predictions, spearman

from ._samples import line


def closed_form(x, y, others, strength):
    """Standardise by the training examples, then solve the penalised normal equations."""
    centre, scale = x.mean(0), x.std(0)
    z = (x - centre) / scale
    weights = np.linalg.solve(z.T @ z + strength * np.eye(z.shape[1]), z.T @ (y - y.mean()))
    return (others - centre) / scale @ weights + y.mean()


@pytest.mark.parametrize("width", [5, 300])
@pytest.mark.parametrize("strength", [0.5, 200.0])
def test_scores_of_the_closed_form(width, strength):
    x, y = line(width=width)
    fit, held_out = slice(0, 100), slice(100, None)
    predicted = closed_form(x[fit], y[fit], x[held_out], strength)
    options = {"test": (x[held_out], y[held_out]), "regularization": strength}
    error, baseline = ((y[held_out] - predicted) ** 2).sum(), ((y[held_out] - y[fit].mean()) ** 2).sum()
    assert ridge_probe(x[fit], y[fit], **options).score == pytest.approx(1 - error / baseline, rel=1e-9)
    rank = ridge_probe(x[fit], y[fit], metric="spearman", **options)
    assert rank.score == pytest.approx(spearmanr(y[held_out], predicted)[0], rel=1e-9)
    assert rank.metric == "spearman"


def test_a_probe_that_always_says_the_training_mean_scores_zero():
    x, y = line()
    found = ridge_probe(x, y, regularization=1e12)
    assert found.score == pytest.approx(0, abs=1e-9)
    assert found.folds == pytest.approx((0,) * 5, abs=1e-8)


def test_noiseless_targets_are_explained_whole():
    x, y = line(noise=0)
    assert ridge_probe(x, y, regularization=1e-9).score == pytest.approx(1)
    assert ridge_probe(x, y, regularization=1e-9, metric="spearman").score == pytest.approx(1)


def test_the_share_explained_is_that_of_the_signal():
    """Signal and noise of known variance, many examples: R^2 is their ratio."""
    x, y = line(count=4000, noise=0)
    noise = np.random.default_rng(1).normal(size=4000) * y.std()
    found = ridge_probe(x, y + noise)
    assert found.score == pytest.approx(0.5, abs=4 * found.stderr)
    assert found.stderr < 0.02


def test_permuted_targets_score_nothing():
    """Across folds a rank correlation would be negative: each fold's mean is low where training's is high."""
    x, y = line(count=60, width=8)
    rng = np.random.default_rng(0)
    ranks = [ridge_probe(x, rng.permutation(y), seed=s, metric="spearman", regularization=1.0).score for s in range(25)]
    assert np.mean(ranks) == pytest.approx(0, abs=4 * np.std(ranks) / np.sqrt(25))
    shares = [ridge_probe(x, rng.permutation(y), seed=s).score for s in range(10)]
    assert -0.1 < np.mean(shares) < 0.01, "the chosen penalty keeps a useless probe near the mean"


def test_weighted_ranks_count_every_repetition_ties_included():
    rng = np.random.default_rng(0)
    target, predicted = rng.integers(0, 6, 30).astype(float), rng.normal(size=30).round(1)
    folds = np.repeat([0, 1], [18, 12])
    held = Predictions(target, predicted, np.zeros(30), np.arange(30), folds)
    weights = rng.multinomial(30, np.full(30, 1 / 30), size=5)
    for row, found in zip(weights, spearman(held)(weights.astype(float)), strict=True):
        expected = 0.0
        for fold in (0, 1):
            times = row[folds == fold]
            pair = [np.repeat(column[folds == fold], times) for column in (target, predicted)]
            expected += times.sum() / 30 * spearmanr(*pair)[0]
        assert found == pytest.approx(expected, rel=1e-9)


def test_a_rank_correlation_of_equal_targets_is_refused():
    x, y = line(count=20)
    y[1:] = 0
    with pytest.raises(ValueError, match="y: expected targets that differ within every held-out fold"):
        ridge_probe(x, y, metric="spearman")
    with pytest.raises(ValueError, match="metric: expected one of 'r2', 'spearman'; got 'mse'"):
        ridge_probe(x, y, metric="mse")
