"""Batches of small matrices on every core."""

import pytest
import torch

from gramian.itl import batched_eigenvalues, map_on_cores


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("count", [1, 2, 7])
def test_eigenvalues_on_threads_equal_one_call(count):
    x = torch.randn(count, 3, 20, 40, generator=torch.Generator().manual_seed(count))
    grams = x @ x.mT
    assert torch.allclose(batched_eigenvalues(grams), torch.linalg.eigvalsh(grams), atol=1e-4)


@pytest.mark.usefixtures("two_threads")
def test_threads_leave_the_callers_thread_count_alone():
    batched_eigenvalues(torch.eye(4).expand(8, 4, 4))
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_an_error_in_a_thread_is_raised_here():
    def fail(item):
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item 1"):
        map_on_cores(fail, [1, 2])


@pytest.mark.usefixtures("two_threads")
def test_gradients_pass_through_a_batch():
    x = torch.randn(3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: batched_eigenvalues(x @ x.mT).square().sum(), (x,))
