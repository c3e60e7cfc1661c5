"""Kernels and bandwidths against NumPy, in closed form, and as blocks of one Gram."""

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.itl import gram, spectrum
from tests.itl._reference import gaussian_gram, normal


def pair_distances(x):
    x = np.asarray(x)
    i, j = np.triu_indices(len(x), 1)
    return np.sqrt(((x[i] - x[j]) ** 2).sum(-1))


def test_gaussian_kernel_matches_its_formula():
    x = normal(12, 5).numpy()
    assert gm.gaussian_kernel(x, bandwidth=0.7) == pytest.approx(gaussian_gram(x, 0.7), abs=1e-13)


def test_laplacian_kernel_uses_the_euclidean_distance():
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert gm.laplacian_kernel(x, bandwidth=2.0)[0, 1] == pytest.approx(np.exp(-2.5))  # 3 + 4 would give exp(-3.5)


@pytest.mark.parametrize("n", [2, 5, 6, 7])  # odd and even numbers of pairs
def test_median_and_mean_rules_run_over_distinct_pairs(n):
    x = normal(n, 3).numpy()
    distances = pair_distances(x)
    for rule, length in (("median", np.median(distances)), ("mean", distances.mean()), ("dimension", np.sqrt(1.5))):
        assert gm.gaussian_kernel(x, bandwidth=rule) == pytest.approx(gaussian_gram(x, length), abs=1e-12)
        expected = np.exp(
            np.log(gaussian_gram(x, 1.0)).clip(max=0) * 0 - np.sqrt(-2 * np.log(gaussian_gram(x))) / length
        )
        assert gm.laplacian_kernel(x, bandwidth=rule) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rule", ["median", "mean", "dimension", 1.3])
@pytest.mark.parametrize("kernel", [gm.gaussian_kernel, gm.laplacian_kernel])
def test_two_samples_give_a_block_of_the_pooled_gram(kernel, rule):
    x, y = normal(5, 3), normal(4, 3, seed=1)
    whole = kernel(torch.cat([x, y]), bandwidth=rule)
    assert torch.allclose(kernel(x, y, bandwidth=rule), whole[:5, 5:], atol=1e-13)


@pytest.mark.parametrize("kernel", [gm.gaussian_kernel, gm.laplacian_kernel, gm.linear_kernel, gm.cosine_kernel])
def test_batches_equal_single_samples(kernel):
    x, y = normal(2, 3, 5, 4), normal(2, 3, 6, 4, seed=1)
    assert kernel(x).shape == (2, 3, 5, 5)
    assert kernel(x, y).shape == (2, 3, 5, 6)
    assert torch.allclose(kernel(x)[1, 2], kernel(x[1, 2]), atol=1e-12)
    assert torch.allclose(kernel(x, y)[1, 2], kernel(x[1, 2], y[1, 2]), atol=1e-12)


def test_one_bandwidth_for_each_batch_element():
    x = normal(3, 5, 2)
    lengths = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    batched = gm.gaussian_kernel(x, bandwidth=lengths)
    for i in range(3):
        assert batched[i].numpy() == pytest.approx(gaussian_gram(x[i], float(lengths[i])), abs=1e-13)
    assert gm.gaussian_kernel(x.numpy(), bandwidth=lengths.numpy()) == pytest.approx(batched.numpy())


@pytest.mark.parametrize("number", [2, 2.0, np.float32(2.0), np.array(2.0), torch.tensor(2.0), torch.tensor(2)])
def test_any_kind_of_number_is_a_bandwidth(number):
    x = normal(4, 2)
    assert torch.allclose(gm.gaussian_kernel(x, bandwidth=number), gm.gaussian_kernel(x, bandwidth=2.0))


def test_equal_points_have_similarity_one_far_from_the_origin():
    point = normal(1, 6, dtype=torch.float32) + 1000.0
    x = torch.cat([point, point, point + 1.0])
    for kernel in (gm.gaussian_kernel, gm.laplacian_kernel):
        k = kernel(x, bandwidth=0.01)
        assert k[0, 1].item() == 1.0
        assert torch.equal(k.diagonal(), torch.ones(3))


@pytest.mark.parametrize("seed", range(3))
def test_the_rounding_of_equal_points_is_not_a_distance(seed):
    x = normal(20, 50, seed=seed) + 10.0
    k = gm.laplacian_kernel(torch.cat([x, x]), bandwidth=1e-3)
    assert torch.equal(k[:20, 20:].diagonal(), torch.ones(20, dtype=torch.float64))


def test_close_points_far_from_the_origin_keep_their_distance():
    x = np.array([[1e6, 0.0], [1e6 + 1e-3, 0.0], [1e6, 1e-3]])
    k = gm.gaussian_kernel(x, bandwidth=1e-3)
    assert np.log(k[0, 1]) == pytest.approx(-0.5, rel=1e-6)


def test_gradient_at_equal_points_is_zero_not_nan():
    x = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
    for kernel in (gm.gaussian_kernel, gm.laplacian_kernel):
        (grad,) = torch.autograd.grad(kernel(x, bandwidth=1.0).sum(), x)
        assert torch.equal(grad, torch.zeros_like(grad))


def test_linear_and_cosine_kernels_match_numpy():
    x, y = normal(4, 3).numpy(), normal(5, 3, seed=1).numpy()
    assert gm.linear_kernel(x, y) == pytest.approx(x @ y.T)
    norms = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(y, axis=1)
    assert gm.cosine_kernel(x, y) == pytest.approx(x @ y.T / norms)
    assert np.diag(gm.cosine_kernel(x)) == pytest.approx(np.ones(4))


def test_label_kernel_is_one_where_labels_agree():
    labels = np.array([[4, 4, -1], [0, 1, 2]])
    k = gm.label_kernel(labels)
    assert k.dtype == np.float64
    assert k[0].tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert k[1].tolist() == np.eye(3).tolist()
    assert gm.label_kernel(torch.tensor([1, 2])).dtype == torch.get_default_dtype()


@pytest.mark.parametrize("name", ["gaussian", "laplacian", "linear", "cosine"])
def test_gram_by_name_is_the_named_kernel(name):
    x = normal(5, 3)
    assert torch.equal(gram(x, kernel=name), getattr(gm, f"{name}_kernel")(x))


def test_gram_takes_a_bandwidth_and_a_function():
    x = normal(5, 3)
    assert torch.equal(gram(x, bandwidth=0.4), gm.gaussian_kernel(x, bandwidth=0.4))
    assert torch.equal(gram(x, kernel=lambda z: (1 + z @ z.mT) ** 2), (1 + x @ x.mT) ** 2)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda z: z, "a square Gram matrix"),
        (lambda z: (z @ z.mT)[:2, :2], "a Gram matrix of shape"),
        (lambda z: (z @ z.mT).numpy(), "a torch tensor like x"),
        (lambda z: torch.cdist(z, z), "a positive trace"),
        (lambda z: 5 - torch.cdist(z, z) ** 2, "indefinite"),
    ],
)
def test_gram_checks_what_a_function_returns(function, message):
    with pytest.raises((ValueError, TypeError), match=message):
        gram(normal(5, 3), kernel=function)


@pytest.mark.parametrize("kernel", [gm.gaussian_kernel, gm.laplacian_kernel, gm.cosine_kernel])
def test_kernels_are_positive_semidefinite_with_repeated_points(kernel):
    x = normal(10, 3, dtype=torch.float32).repeat(3, 1)
    assert spectrum(kernel(x)).min() >= 0
