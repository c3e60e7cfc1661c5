"""Order 2 refuses what is clearly indefinite, and nothing else."""

import numpy as np
import pytest
import torch

import gramian as gm
from tests.itl._reference import normal, unit_diagonal, wishart

INDEFINITE = {
    "repelling pairs, many": np.full((200, 200), -0.9) + 1.9 * np.eye(200),
    "repelling pairs, few": np.eye(5) - 0.21 * np.ones((5, 5)),
    "distances from one": 1 - np.abs(np.subtract.outer(np.arange(150.0), np.arange(150.0))) / 20,
    "one pair among many": np.block(
        [[np.array([[1.0, 1.5], [1.5, 1.0]]), np.zeros((2, 298))], [np.zeros((298, 2)), 2.0 * np.eye(298)]]
    ),
    "a wide band": np.eye(300) + 0.06 * np.sign(normal(300, 300).numpy() + normal(300, 300).numpy().T),
}


@pytest.mark.parametrize("kind", INDEFINITE)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scale", [1.0, 1e30])
def test_order_two_refuses_clearly_indefinite_matrices(kind, dtype, scale):
    gram = (INDEFINITE[kind] * scale).astype(dtype)
    gram = (gram + gram.T) / 2
    for bad in (gram, np.stack([np.eye(len(gram), dtype=dtype), gram])):
        with pytest.raises(ValueError, match=r"gram: expected a positive semidefinite Gram matrix"):
            gm.matrix_entropy(bad, alpha=2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("n", [1, 2, 60, 128, 129, 300])
def test_order_two_accepts_every_gram(n, dtype):
    grams = [unit_diagonal(n, 3), wishart(n, 2 * n), wishart(n, 1), torch.eye(n), torch.ones(n, n)]
    grams += [torch.diag(torch.arange(n) < 1).double(), gm.gaussian_kernel(normal(n, 2), bandwidth=3.0)]
    for gram in grams:
        value = gm.matrix_entropy(gram.to(dtype), alpha=2).item()
        assert 0 <= value <= np.log(n) + 1e-4


@pytest.mark.parametrize("n", [5, 300])
def test_large_asymmetry_is_found_wherever_it_is(n):
    for i, j in ((0, n - 1), (n - 1, 0), (n // 2, n - 2)):
        gram = np.eye(n)
        gram[i, j] += 1e-3
        with pytest.raises(ValueError, match=r"expected a symmetric Gram matrix; got \|K - K.T\| up to 0.001"):
            gm.matrix_entropy(gram, alpha=2)
