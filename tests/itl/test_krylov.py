"""A basis of a block Krylov space: orthonormal whatever the matrix, and with its image."""

import numpy as np
import pytest
import torch

from gramian.itl._krylov import krylov_basis, random_start
from tests.itl._reference import normal


def symmetric(*batch, n=80, d=None, seed=0):
    x = normal(*batch, n, d or n, seed=seed)
    return x @ x.mT / n


def checked(a, rank, width, tolerance=1e-10):
    start = normal(a.shape[-1], width, seed=9)
    space = krylov_basis(a, start, rank)
    eye = torch.eye(rank, dtype=torch.float64).expand(*a.shape[:-2], -1, -1)
    wide = a.double()
    assert space.basis.shape == (*a.shape[:-1], rank)
    torch.testing.assert_close(space.basis.mT @ space.basis, eye, rtol=0, atol=1e-11)
    torch.testing.assert_close(space.image, wide @ space.basis, rtol=0, atol=tolerance)
    torch.testing.assert_close(space.inside, space.basis.mT @ wide @ space.basis, rtol=0, atol=tolerance)
    return space, start


@pytest.mark.parametrize(("rank", "width"), [(12, 4), (13, 4), (4, 4), (3, 1), (79, 8)])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_basis_is_orthonormal_and_its_image_is_that_of_the_matrix(batch, rank, width):
    checked(symmetric(*batch), rank, width)


def test_the_space_is_that_of_the_powers_of_the_matrix():
    a = symmetric()
    space, start = checked(a, 12, 4)
    powers = [a @ start, a @ a @ start, a @ a @ a @ start]
    for power in powers:
        beyond = power - space.basis @ (space.basis.mT @ power)
        assert float(beyond.norm() / power.norm()) < 1e-9


def test_leading_eigenvalues_are_found_to_rounding():
    a = symmetric()
    a = a @ a @ a
    space, _ = checked(a / a.trace(), 40, 8)
    exact = np.linalg.eigvalsh((a / a.trace()).numpy())[::-1]
    ritz = np.linalg.eigvalsh(space.inside.numpy())[::-1]
    np.testing.assert_allclose(ritz[:6], exact[:6], rtol=1e-9)


@pytest.mark.parametrize(
    "a",
    [
        torch.eye(60, dtype=torch.float64),
        torch.ones(60, 60, dtype=torch.float64),
        torch.zeros(60, 60, dtype=torch.float64),
        symmetric(n=60, d=3),
        torch.block_diag(*[torch.ones(12, 12, dtype=torch.float64)] * 5),
    ],
    ids=["identity", "rank one", "zero", "rank three", "five equal eigenvalues"],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_space_the_matrix_does_not_leave_is_filled_up(a, dtype):
    checked(a.to(dtype), 20, 6, tolerance=1e-10 if dtype == torch.float64 else 1e-4)


def test_single_precision_products_have_a_basis_orthonormal_in_double():
    checked(symmetric(n=100).float(), 30, 8, tolerance=1e-5)


def test_the_start_is_an_eighth_of_the_space_within_bounds_and_of_its_generator():
    shapes = [tuple(random_start(90, rank, torch.Generator()).shape) for rank in (1, 5, 30, 100, 512)]
    assert shapes == [(90, 1), (90, 3), (90, 8), (90, 13), (90, 32)]
    first, second = (random_start(9, 4, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)
