"""Input that makes no sense is an error that says so; input that merely looks odd has a documented answer."""

import numpy as np
import pytest
import torch

import gramian as gm
from tests.inference._reference import gaussian_gram, shifted

X, Y = shifted(6, 7)
GRAM = gaussian_gram(np.concatenate([X, Y]))
LABELS = np.repeat([0, 1], [6, 7])
BAD_SAMPLES = [
    ((X, np.full((3, 2), np.nan)), ValueError, "y: expected finite values; got 6 NaN and 0 infinite values"),
    ((np.array([[np.inf, 0.0]]), Y), ValueError, "x: expected finite values; got 0 NaN and 1 infinite"),
    ((X, Y[:, :1]), ValueError, r"y: expected points of width 2 like x; got shape \(7, 1\)"),
    ((X[:, 0], Y[:, 0]), ValueError, r"x: expected points \(n, d\); got shape \(6,\)\. One point a row"),
    ((X[None], Y[None]), ValueError, r"x: expected points \(n, d\)"),
    ((X, Y[:0]), ValueError, "y: expected at least one element; got empty shape"),
    ((X, torch.from_numpy(Y)), TypeError, "y: expected a NumPy array like x; got a torch tensor"),
    ((X, Y.tolist()), TypeError, "y: expected a NumPy array or a torch tensor; got list"),
    ((X, Y.astype(str)), TypeError, "y: expected a numeric dtype that torch knows; got <U"),
    ((X, Y.astype(object)), TypeError, "y: expected a numeric dtype that torch knows; got object"),
    ((X, np.ones((3, 2), dtype=int)), TypeError, "y: expected a floating dtype"),
    ((X, np.ones((3, 2), dtype=bool)), TypeError, "y: expected a floating dtype"),
    ((X, Y.astype(complex)), TypeError, "y: expected a floating dtype"),
]


@pytest.mark.parametrize(("samples", "error", "message"), BAD_SAMPLES)
def test_bad_samples(samples, error, message):
    with pytest.raises(error, match=message):
        gm.two_sample_test(*samples)
    with pytest.raises(error):
        gm.k_sample_test(*samples)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"alpha": -1.0}, ValueError, "alpha: expected an order from 0 to infinity"),
        ({"alpha": "2"}, TypeError, "alpha: expected a number"),
        ({"permutations": 0}, ValueError, "permutations: expected an integer of at least 1; got 0"),
        ({"permutations": 9.5}, TypeError, "permutations: expected an integer"),
        ({"seed": "0"}, TypeError, "seed: expected an integer, a torch.Generator or None"),
        (
            {"kernel": "rbf"},
            ValueError,
            "kernel: expected one of gaussian, laplacian, linear, cosine, precomputed, or a",
        ),
        ({"kernel": 3}, TypeError, "kernel: expected a name, a function or several of them; got int"),
        ({"kernel": ()}, TypeError, "kernel: expected a name"),
        ({"kernel": ("gaussian", "precomputed")}, ValueError, "kernel: expected one of"),
        (
            {"bandwidth": "scott"},
            ValueError,
            "bandwidth: expected aggregate, one of median, mean, dimension, a number or",
        ),
        ({"bandwidth": 0.0}, ValueError, "bandwidth: expected positive, finite lengths"),
        ({"bandwidth": [1.0, np.nan]}, ValueError, "bandwidth: expected positive, finite lengths"),
        ({"bandwidth": []}, ValueError, "bandwidth: expected positive, finite lengths"),
        ({"bandwidth": None}, TypeError, "bandwidth: expected aggregate, one of"),
        ({"bandwidth": True}, TypeError, "bandwidth: expected aggregate"),
        ({"bandwidth": 1.0, "kernel": "linear"}, ValueError, "bandwidth: expected the default for kernels other than"),
        ({"weights": np.ones(13)}, TypeError, "weights: expected one array for each of x, y; got ndarray"),
        ({"weights": (np.ones(6),)}, ValueError, "weights: expected 2 arrays, one for each sample; got 1"),
        ({"weights": (np.ones(5), None)}, ValueError, r"weights\[0\]: expected one weight a point, shape \(6,\)"),
        ({"weights": (None, -np.ones(7))}, ValueError, r"weights\[1\]: expected positive numbers"),
        ({"weights": (None, np.full(7, np.nan))}, ValueError, r"weights\[1\]: expected finite values"),
        ({"weights": (None, torch.ones(7))}, TypeError, r"weights\[1\]: expected a NumPy array like y"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        gm.two_sample_test(X, Y, **arguments)


@pytest.mark.parametrize(
    ("gram", "labels", "error", "message"),
    [
        (GRAM, np.zeros(13, dtype=int), ValueError, "labels: expected two groups or more; got a single group"),
        (GRAM, np.arange(13) % 3, ValueError, "labels: expected two groups; got 3"),
        (GRAM, LABELS[:-1], ValueError, r"labels: expected one label a sample, shape \(13,\)"),
        (GRAM, LABELS.astype(float), TypeError, "labels: expected integers"),
        (GRAM, np.array(["a"] * 6 + ["b"] * 7), TypeError, "labels: expected a numeric dtype"),
        (GRAM, torch.from_numpy(LABELS), TypeError, "labels: expected a NumPy array like gram"),
        (GRAM[:, :5], LABELS, ValueError, "gram: expected a square Gram matrix"),
        (GRAM[None, None], LABELS, ValueError, r"gram: expected one Gram \(n, n\), or one for each scale"),
        (np.triu(GRAM), LABELS, ValueError, "gram: expected a symmetric Gram matrix"),
        (-GRAM, LABELS, ValueError, "gram: expected a positive semidefinite Gram matrix"),
    ],
)
def test_bad_grams(gram, labels, error, message):
    with pytest.raises(error, match=message):
        gm.two_sample_test(gram, labels, kernel="precomputed")


def test_indefinite_grams_and_groups_without_trace_are_refused():
    with pytest.raises(ValueError, match=r"gram: expected a positive semidefinite Gram matrix"):
        gm.two_sample_test(1.0 - 0.9 * np.eye(13), LABELS, kernel="precomputed", permutations=9)
    zeros = np.diag(np.append(np.ones(10), np.zeros(3)))
    for alpha in (1.0, 2.0):
        with pytest.raises(ValueError, match="gram: expected a positive trace in every group, however labelled"):
            gm.two_sample_test(zeros, np.repeat([0, 1], [10, 3]), alpha=alpha, kernel="precomputed")


def test_a_single_sample_is_refused():
    with pytest.raises(ValueError, match="samples: expected two samples or more; got 1"):
        gm.k_sample_test(X)
    with pytest.raises(ValueError, match="samples: expected a Gram and labels for kernel='precomputed'; got 3 arrays"):
        gm.k_sample_test(GRAM, LABELS, LABELS, kernel="precomputed")


def test_equal_points_everywhere_have_no_scale_but_a_p_value_of_one_under_any_number():
    same = np.zeros((5, 2))
    with pytest.raises(ValueError, match="expected at least two different points; got all points equal"):
        gm.two_sample_test(same, same)
    with pytest.raises(ValueError, match="expected different points for the rule 'median'; got all points equal"):
        gm.two_sample_test(same, same, bandwidth="median")
    assert gm.two_sample_test(same, same, bandwidth=1.0).pvalue == 1.0


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_constant_columns_change_nothing(alpha):
    plain = gm.two_sample_test(X, Y, alpha=alpha, permutations=30, seed=0)
    x, y = (np.column_stack([sample, np.full(len(sample), 3.0)]) for sample in (X, Y))
    wider = gm.two_sample_test(x, y, alpha=alpha, permutations=30, seed=0)
    assert wider.null_distribution == pytest.approx(plain.null_distribution, rel=1e-9)


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_duplicated_points_count_as_often_as_they_are_there(alpha):
    x, y = np.repeat(X, 3, axis=0), np.repeat(Y, 3, axis=0)
    once = gm.two_sample_test(X, Y, alpha=alpha, bandwidth=1.0, permutations=9, seed=0)
    thrice = gm.two_sample_test(x, y, alpha=alpha, bandwidth=1.0, permutations=9, seed=0)
    assert thrice.divergence == pytest.approx(once.divergence, abs=1e-9)
    few = np.array([[0.0, 0.0], [1.0, 0.0]])  # a sample of two values: rules read the distances that are not zero
    rng = np.random.default_rng(0)
    result = gm.two_sample_test(few[rng.integers(2, size=40)], few[rng.integers(2, size=40)], seed=0, permutations=99)
    assert 0 < result.pvalue <= 1


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_one_point_a_group_is_a_test_with_as_many_outcomes_as_labellings(alpha):
    assert gm.two_sample_test(X[:1], Y[:1], alpha=alpha).pvalue == 1.0  # a labelling and its mirror image
    single = gm.two_sample_test(X[:1] + 100, Y, alpha=alpha, bandwidth=1.0)
    assert single.exhaustive
    assert single.pvalue == pytest.approx(1 / 8)
    assert gm.k_sample_test(X[:1], X[1:2], X[2:3], alpha=alpha).pvalue == 1.0


def test_a_copy_of_a_sample_is_not_found_different():
    """Copies are more alike than chance makes them, at every scale: that is no evidence that they differ."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 2))
    for y in (x, x + 0.05 * rng.normal(size=x.shape)):
        for alpha in (1.0, 2.0):
            if alpha == 2.0 or y is x:
                assert gm.two_sample_test(x, y, alpha=alpha, permutations=99 if alpha == 2 else 19, seed=0).pvalue > 0.5


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_other_precisions_are_computed_in_double(dtype):
    x, y = X.astype(dtype), Y.astype(dtype)
    same = gm.two_sample_test(x.astype(float), y.astype(float), permutations=20, seed=0)
    result = gm.two_sample_test(x, y, permutations=20, seed=0)
    assert result.statistic == pytest.approx(same.statistic, rel=1e-12)
    assert result.null_distribution.dtype == np.float32
