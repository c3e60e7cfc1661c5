"""Undefined input raises, each fault with its own message."""

import math

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.itl import feature_spectrum, gram, spectral_entropy

OF_ONE_GRAM = [
    gm.spectrum,
    gm.matrix_entropy,
    lambda k: gm.matrix_entropy(k, alpha=2),
    gm.joint_entropy,
    lambda k: gm.mutual_information(k, k),
    lambda k: gm.total_correlation(k, k, alpha=2),
    lambda k: gm.dime(k, k),
    lambda k: gm.jensen_renyi_divergence(k, np.zeros(len(k), dtype=int)),
]
GRAM_FAULTS = [
    (np.ones((2, 3)), ValueError, r"expected a square Gram matrix \(\.\.\., n, n\); got shape \(2, 3\)"),
    (np.ones(3), ValueError, r"expected a square Gram matrix .* got shape \(3,\)"),
    (np.array([[1.0, 0.5], [0.2, 1.0]]), ValueError, r"expected a symmetric Gram matrix; got \|K - K.T\| up to 0.3"),
    (np.array([[1.0, 2.0], [2.0, 1.0]]), ValueError, "expected a positive semidefinite Gram matrix"),
    (np.array([[1.0, 0.0], [0.0, -0.5]]), ValueError, "expected a positive semidefinite .* a diagonal entry -0.5"),
    (np.zeros((3, 3)), ValueError, "expected a positive trace; got trace 0, a zero trace"),
    (np.array([[1.0, np.nan], [np.nan, 1.0]]), ValueError, "expected finite values; got 2 NaN and 0 infinite"),
    (np.array([[np.inf, 0.0], [0.0, 1.0]]), ValueError, "expected finite values; got 0 NaN and 1 infinite"),
    (np.zeros((0, 0)), ValueError, r"expected at least one element; got empty shape \(0, 0\)"),
    (np.zeros((0, 3, 3)), ValueError, "expected at least one element; got empty shape"),
    (np.eye(3, dtype=int), TypeError, "expected a floating dtype .* got torch.int64"),
    (np.eye(3, dtype=complex), TypeError, "expected a floating dtype"),
    ([[1.0, 0.0], [0.0, 1.0]], TypeError, "expected a NumPy array or a torch tensor; got list"),
    (torch.eye(3).to_sparse(), TypeError, "expected a dense tensor"),
    (np.zeros((0, 6, 6)), ValueError, r"got empty shape \(0, 6, 6\), axis 0 having length 0. An empty sample or batch"),
    (np.ma.masked_array(np.eye(3), mask=np.eye(3) > 0), TypeError, "expected an array without a mask; got a masked"),
    (np.array([["a", "b"], ["b", "a"]]), TypeError, "expected a numeric dtype that torch knows"),
]


@pytest.mark.parametrize("function", OF_ONE_GRAM)
@pytest.mark.parametrize(("bad", "error", "message"), GRAM_FAULTS)
def test_what_is_no_gram_is_refused_everywhere(function, bad, error, message):
    with pytest.raises(error, match=message):
        function(bad)


def test_indefinite_matrices_of_positive_minors_need_eigenvalues():
    bad = np.full((3, 3), -0.9) + 1.9 * np.eye(3)  # all 2 x 2 minors are positive, the smallest eigenvalue is -0.8
    for alpha in (0.5, 1.0, 1.01, 3.0):
        with pytest.raises(ValueError, match=r"gram: expected a positive semidefinite .* eigenvalues from -0.8 to 1.9"):
            gm.matrix_entropy(bad, alpha=alpha)


@pytest.mark.parametrize("alpha", [1.0, 2.0])
@pytest.mark.parametrize("entry", [2.0, -2.0])
def test_order_two_sees_indefinite_pairs_of_either_sign(alpha, entry):
    with pytest.raises(ValueError, match=r"gram: expected a positive semidefinite Gram matrix"):
        gm.matrix_entropy(np.array([[1.0, entry], [entry, 1.0]]), alpha=alpha)


def test_one_indefinite_gram_spoils_its_batch():
    batch = np.stack([np.eye(3), np.full((3, 3), -0.9) + 1.9 * np.eye(3)])
    with pytest.raises(ValueError, match=r"positive semidefinite"):
        gm.spectrum(batch)


@pytest.mark.parametrize("alpha", [-1, -1e-12, math.nan, -math.inf])
@pytest.mark.parametrize("function", [gm.matrix_entropy, gm.joint_entropy, gm.feature_entropy])
def test_orders_below_zero_and_nan_are_refused(function, alpha):
    with pytest.raises(ValueError, match=r"alpha: expected an order from 0 to infinity"):
        function(np.eye(3), alpha=alpha)


@pytest.mark.parametrize("alpha", ["1", None, True, [1.0], np.array([1.0]), np.array(True), torch.ones(1), 1j])
def test_orders_are_numbers(alpha):
    with pytest.raises(TypeError, match=r"alpha: expected a number"):
        gm.matrix_entropy(np.eye(3), alpha=alpha)


@pytest.mark.parametrize("alpha", [2, np.float32(2), np.int64(2), np.array(2), np.array(2.0), torch.tensor(2.0)])
def test_any_number_is_an_order(alpha):
    assert float(gm.matrix_entropy(np.eye(3), alpha=alpha)) == pytest.approx(math.log(3))


PAIRS = [gm.joint_entropy, gm.conditional_entropy, gm.mutual_information, gm.total_correlation, gm.dime]


@pytest.mark.parametrize("function", PAIRS)
def test_grams_of_one_call_share_shape_and_kind(function):
    with pytest.raises(ValueError, match=r"expected the shape of .*, \(3, 3\); got shape \(4, 4\)"):
        function(np.eye(3), np.eye(4))
    with pytest.raises(ValueError, match=r"expected the shape of .*, \(1, 3, 3\); got shape \(2, 3, 3\)"):
        function(np.eye(3)[None], np.stack([np.eye(3)] * 2))
    with pytest.raises(
        TypeError, match=r"expected a NumPy array like .*; got a torch tensor. NumPy and torch are not mixed"
    ):
        function(np.eye(3), torch.eye(3))
    with pytest.raises(ValueError, match=r"expected the device of .* \(cpu\); got meta"):
        function(torch.eye(3), torch.eye(3, device="meta"))


KERNELS = [gm.gaussian_kernel, gm.laplacian_kernel, gm.linear_kernel, gm.cosine_kernel]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (np.ones(3), None, ValueError, r"x: expected vectors \(\.\.\., n, d\); got shape \(3,\)"),
        (np.ones((0, 3)), None, ValueError, "x: expected at least one element"),
        (np.ones((3, 2), dtype=int), None, TypeError, "x: expected a floating dtype"),
        (np.full((2, 2), np.nan), None, ValueError, "x: expected finite values"),
        (np.eye(3), np.eye(2), ValueError, r"y: expected vectors .* width of x, \(3, 3\); got shape \(2, 2\)"),
        (np.ones((2, 3, 4)), np.ones((1, 3, 4)), ValueError, "y: expected vectors"),
        (np.eye(3), torch.eye(3), TypeError, "y: expected a NumPy array like x; got a torch tensor"),
    ],
)
def test_what_are_no_vectors_is_refused(kernel, x, y, error, message):
    with pytest.raises(error, match=message):
        kernel(x, y)


@pytest.mark.parametrize("kernel", [gm.gaussian_kernel, gm.laplacian_kernel])
@pytest.mark.parametrize(
    ("bandwidth", "error", "message"),
    [
        (0.0, ValueError, "bandwidth: expected a positive, finite length; got 0.0"),
        (-1.0, ValueError, "bandwidth: expected a positive, finite length; got -1.0"),
        (math.nan, ValueError, "bandwidth: expected a positive, finite length"),
        (math.inf, ValueError, "bandwidth: expected a positive, finite length"),
        ("scott", ValueError, "bandwidth: expected one of median, mean, dimension, or a number; got 'scott'"),
        (None, TypeError, "bandwidth: expected a number, an array, or one of"),
        (True, TypeError, "bandwidth: expected a number, an array, or one of"),
        ([1.0], TypeError, "bandwidth: expected a number, .* got list. .* make an array of a list of numbers"),
        (
            np.array([1.0, 2.0]),
            ValueError,
            r"bandwidth: expected one number, or one for each batch element, shape \(\)",
        ),
        (np.array([True]), TypeError, "bandwidth: expected real numbers"),
        (torch.tensor([1.0]), TypeError, "bandwidth: expected a NumPy array like x"),
    ],
)
def test_bandwidths_are_checked(kernel, bandwidth, error, message):
    with pytest.raises(error, match=message):
        kernel(np.eye(3), bandwidth=bandwidth)


@pytest.mark.parametrize("kernel", [gm.gaussian_kernel, gm.laplacian_kernel])
@pytest.mark.parametrize("rule", ["median", "mean"])
def test_rules_need_points_that_differ(kernel, rule):
    with pytest.raises(ValueError, match=r"bandwidth: expected different points for the rule .*; got all points equal"):
        kernel(np.ones((4, 2)), bandwidth=rule)
    with pytest.raises(ValueError, match=r"bandwidth: expected two points or more .*; got one point"):
        kernel(np.ones((1, 2)), bandwidth=rule)
    assert kernel(np.ones((4, 2)), bandwidth="dimension") == pytest.approx(np.ones((4, 4)))


def test_the_median_rule_names_samples_of_mostly_equal_points():
    x = np.array([[0.0], [0.0], [0.0], [0.0], [1.0]])  # six of ten pairs are equal
    with pytest.raises(ValueError, match=r"got most pairs of points equal"):
        gm.gaussian_kernel(x)


def test_a_zero_vector_has_no_cosine():
    with pytest.raises(ValueError, match=r"x: expected vectors with a direction; got 1 zero vectors"):
        gm.cosine_kernel(np.array([[0.0, 0.0], [1.0, 0.0]]))
    with pytest.raises(ValueError, match=r"y: expected vectors with a direction"):
        gm.cosine_kernel(np.eye(2), np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"kernel": "rbf"}, ValueError, "kernel: expected one of gaussian, laplacian, linear, cosine, or a function"),
        ({"kernel": 3}, TypeError, "kernel: expected a name or a function; got int"),
        ({"kernel": "linear", "bandwidth": 1.0}, ValueError, "bandwidth: expected None for a kernel other than"),
    ],
)
def test_kernel_names_are_checked(arguments, error, message):
    with pytest.raises(error, match=message):
        gram(np.eye(3), **arguments)


@pytest.mark.parametrize("function", [gm.feature_entropy, feature_spectrum])
def test_features_are_checked(function):
    with pytest.raises(ValueError, match=r"x: expected vectors \(\.\.\., n, d\); got shape \(3,\)"):
        function(np.ones(3))
    with pytest.raises(ValueError, match=r"x: expected at least one element"):
        function(np.ones((3, 0)))
    with pytest.raises(TypeError, match=r"x: expected a floating dtype"):
        function(np.ones((3, 2), dtype=np.int32))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([0.5, 0.6]), "eigenvalues: expected a sum of one; got 1.1"),
        (np.array([1.5, -0.5]), "eigenvalues: expected non-negative values; got -0.5"),
        (np.array(1.0), "eigenvalues: expected"),
        (np.array([]), "eigenvalues: expected at least one element"),
    ],
)
def test_spectra_are_checked(values, message):
    with pytest.raises(ValueError, match=message):
        spectral_entropy(values)


@pytest.mark.parametrize("tolerance", [-0.1, 1.0, math.nan])
def test_rank_tolerances_are_fractions(tolerance):
    with pytest.raises(ValueError, match=r"rank_tolerance: expected a number in \[0, 1\)"):
        spectral_entropy(np.array([1.0]), alpha=0, rank_tolerance=tolerance)
    with pytest.raises(TypeError, match=r"rank_tolerance: expected"):
        spectral_entropy(np.array([1.0]), alpha=0, rank_tolerance="big")


@pytest.mark.parametrize("function", [gm.spectrum, gm.feature_entropy, gm.gaussian_kernel])
def test_tensors_of_the_meta_device_have_no_values(function):
    with pytest.raises(ValueError, match=r"expected a tensor with values; got one on the meta device"):
        function(torch.eye(3, device="meta"))
    with pytest.raises(ValueError, match=r"labels: expected a tensor with values"):
        gm.label_kernel(torch.zeros(3, dtype=torch.long, device="meta"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64])
def test_unsigned_integers_are_labels(dtype):
    labels = np.array([0, np.iinfo(dtype).max, 0], dtype=dtype)
    assert gm.label_kernel(labels).tolist() == [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    expected = gm.jensen_renyi_divergence(np.eye(3), np.array([0, 1, 0]))
    assert gm.jensen_renyi_divergence(np.eye(3), labels) == pytest.approx(expected)


def test_labels_of_the_label_kernel_are_integers():
    with pytest.raises(TypeError, match=r"labels: expected integers; got torch.float64"):
        gm.label_kernel(np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match=r"labels: expected one label a sample"):
        gm.label_kernel(np.array(3))
