"""Kinds, dtypes and how many digits survive."""

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.itl import as_tensors, feature_spectrum, spectral_entropy
from tests.itl._reference import normal, unit_diagonal, wishart

FUNCTIONS = [
    gm.spectrum,
    gm.matrix_entropy,
    gm.feature_entropy,
    feature_spectrum,
    gm.gaussian_kernel,
    gm.laplacian_kernel,
    gm.linear_kernel,
    gm.cosine_kernel,
    lambda k: gm.joint_entropy(k, k),
    lambda k: gm.conditional_entropy(k, k),
    lambda k: gm.mutual_information(k, k, alpha=2),
    lambda k: gm.total_correlation(k, k, k),
    lambda k: gm.dime(k, k, seed=0),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_numpy_gives_numpy_and_torch_gives_torch(function):
    gram = unit_diagonal(5, 4)
    of_torch, of_numpy = function(gram), function(gram.numpy())
    assert isinstance(of_torch, torch.Tensor)
    assert isinstance(of_numpy, np.ndarray)
    assert of_numpy.shape == tuple(of_torch.shape)
    assert of_numpy == pytest.approx(of_torch.numpy(), abs=1e-12)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("given", "result"),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
    ],
)
def test_results_have_the_dtype_of_the_input_or_float32_for_halves(function, given, result):
    assert function(torch.eye(4, dtype=given)).dtype == result


def test_numpy_half_precision_is_computed_in_float32():
    value = gm.matrix_entropy(np.eye(4, dtype=np.float16))
    assert value.dtype == np.float32
    assert value.shape == ()


@pytest.mark.parametrize("alpha", [1.0, 1.01, 1.5, 2.0, 5.0, float("inf")])
@pytest.mark.parametrize(
    "make",
    [
        lambda: gm.gaussian_kernel(normal(400, 2)),  # smooth: most of the spectrum is rounding
        lambda: gm.gaussian_kernel(normal(400, 50), bandwidth=2.0),  # a flat tail
        lambda: unit_diagonal(400, 5),  # rank 5
        lambda: gm.linear_kernel(normal(400, 30) + 50.0),  # one direction carries nearly all
        lambda: wishart(400, 800),
    ],
)
def test_float32_grams_stay_within_a_ten_thousandth_of_a_nat(make, alpha):
    gram = make()
    exact = gm.matrix_entropy(gram, alpha=alpha).item()
    assert gm.matrix_entropy(gram.float(), alpha=alpha).item() == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("alpha", [1.0, 1.01, 2.0])
@pytest.mark.parametrize("shape", [(3000, 64), (64, 3000), (300, 4)])
def test_float32_features_stay_within_a_ten_thousandth_of_a_nat(shape, alpha):
    x = normal(*shape) + 3.0
    for center in (False, True):
        exact = gm.feature_entropy(x, alpha=alpha, center=center).item()
        assert gm.feature_entropy(x.float(), alpha=alpha, center=center).item() == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("alpha", [1.0, 1.01, 2.0])
def test_half_precision_gives_what_its_rounded_numbers_give(dtype, alpha):
    gram = unit_diagonal(60, 30).to(dtype)
    value = gm.matrix_entropy(gram, alpha=alpha).item()
    if alpha == 2:
        rounded = gram.double()
        assert value == pytest.approx(-2 * float((rounded.norm() / rounded.trace()).log()), abs=1e-5)
    assert value == pytest.approx(gm.matrix_entropy(unit_diagonal(60, 30), alpha=alpha).item(), abs=5e-2)


def test_rank_hidden_by_half_precision_is_an_error():
    gram = torch.eye(200, dtype=torch.bfloat16)
    with pytest.raises(ValueError, match="alpha: expected an order of at least 1 where rounding hides the rank"):
        gm.matrix_entropy(gram, alpha=0.5)
    assert gm.matrix_entropy(gram, alpha=1).item() == pytest.approx(np.log(200), abs=1e-5)


def test_mixed_float_dtypes_are_promoted():
    assert gm.joint_entropy(torch.eye(3), torch.eye(3).double()).dtype == torch.float64


def test_numpy_views_backwards_read_only_and_foreign_byte_order_are_read():
    x = normal(6, 3).numpy()
    expected = float(gm.feature_entropy(x))
    frozen = x.copy()
    frozen.flags.writeable = False
    for view in (x[::-1], frozen, x.astype(">f8"), np.asfortranarray(x)):
        assert float(gm.feature_entropy(view)) == pytest.approx(expected, abs=1e-12)


def test_gradients_come_back_in_the_input_dtype():
    for dtype in (torch.float16, torch.float32, torch.float64):
        x = normal(6, 3).to(dtype).requires_grad_()
        gm.feature_entropy(x).backward()
        assert x.grad.dtype == dtype
        assert torch.isfinite(x.grad).all()


def test_as_tensors_restores_kind_and_names_its_arrays():
    (a, b), restore = as_tensors("view", np.eye(2, dtype=np.float16), np.ones(3))
    assert a.dtype == b.dtype == torch.float64
    assert restore(a).dtype == np.float64
    with pytest.raises(ValueError, match=r"view\[1\]: expected finite values; got 1 NaN and 2 infinite values"):
        as_tensors("view", np.ones(1), np.array([np.nan, np.inf, -np.inf]))
    with pytest.raises(ValueError, match="y: expected finite values"):
        as_tensors(["x", "y"], np.ones(1), np.array([np.nan]))
    with pytest.raises(ValueError, match="name: expected 1 names"):
        as_tensors(["x", "y"], np.ones(1))


def test_finite_values_whose_sum_overflows_are_finite():
    assert float(spectral_entropy(np.array([1.0, 0.0]))) == 0.0
    (x,), _ = as_tensors("x", np.array([1e308, 1e308]))
    assert x.tolist() == [1e308, 1e308]
