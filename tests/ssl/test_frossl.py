"""Value and gradient of FroSSL: the definition, the released forms, lightly's loss, precision, edges."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from gramian.itl import feature_entropy
from gramian.ssl import FroSSLLoss, frossl_loss, frossl_terms
from tests.ssl import _reference as reference

SHAPES = {"tall": (40, 12), "wide": (12, 40), "square": (20, 20)}
FORMS = ("feature", "standardized", "sample")


def correlated_views(count, shape, *, seed=0, dtype=torch.float64, offset=0.3, noise=0.5):
    """Views of one sample each: shared part, noise, a mean that is not zero and features of different spread."""
    generator = torch.Generator().manual_seed(seed)
    spread = torch.rand(shape[1], generator=generator, dtype=torch.float64) + 0.2
    shared = torch.randn(shape, generator=generator, dtype=torch.float64) + offset
    views = [shared + noise * torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(count)]
    return [(view * spread).to(dtype) for view in views]


def value_and_gradients(loss, views):
    leaves = [view.clone().requires_grad_() for view in views]
    value = loss(leaves)
    return value.detach(), torch.autograd.grad(value, leaves)


def relative(found, expected):
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("count", [2, 4, 8])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_equals_the_loss_of_lightly(shape, count, dtype, tolerance):
    lightly = pytest.importorskip("lightly.loss")
    views = correlated_views(count, shape, dtype=dtype)
    value, gradients = value_and_gradients(FroSSLLoss(invariance_weight=1.4), views)
    expected, peers = value_and_gradients(lightly.FroSSLLoss(invariance_weight=1.4), views)
    assert relative(value, expected) < tolerance
    assert max(map(relative, gradients, peers)) < tolerance


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("count", [2, 3, 8])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("invariance", ["released", "mean"])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 2.0, 3.0, math.inf])
def test_value_is_the_definition(shape, count, form, invariance, alpha):
    views = correlated_views(count, shape)
    found = frossl_loss(views, invariance_weight=0.7, alpha=alpha, normalization=form, invariance=invariance)
    expected = reference.frossl(
        [view.numpy() for view in views], weight=0.7, alpha=alpha, normalization=form, invariance=invariance
    )
    assert float(found) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [(7, 4), (4, 7)], ids=["tall", "wide"])
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_gradient_is_that_of_the_definition(shape, count, form, alpha):
    views = correlated_views(count, shape)
    _, gradients = value_and_gradients(FroSSLLoss(invariance_weight=3.0, alpha=alpha, normalization=form), views)

    def definition(arrays):
        return reference.frossl(arrays, weight=3.0, alpha=alpha, normalization=form)

    expected = reference.numerical_gradient(definition, [view.numpy() for view in views])
    for found, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(found.numpy(), wanted, atol=2e-8)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6)], ids=["tall", "wide"])
@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.2, 2.0, 3.0])
def test_terms_pass_gradcheck_one_by_one(shape, count, form, alpha):
    if alpha <= 1 and form == "standardized" and shape[0] < shape[1]:
        pytest.skip("centred wide views have a zero eigenvalue, where these orders have no derivative")
    views = [view.requires_grad_() for view in correlated_views(count, shape)]

    def terms(*given):
        found = frossl_terms(given, alpha=alpha, normalization=form)
        return found.invariance, found.entropies

    assert gradcheck(terms, views, atol=1e-6)


def test_repeated_eigenvalues_have_a_gradient():
    """An orthogonal view has one eigenvalue four times over: backward through eigenvectors alone would divide by zero."""
    view = torch.eye(4, dtype=torch.float64)
    for alpha in (1.0, 2.0, 3.0):
        _, gradients = value_and_gradients(FroSSLLoss(alpha=alpha), [view, view.flip(0)])
        assert all(torch.isfinite(gradient).all() for gradient in gradients)
        assert gradcheck(
            lambda a, alpha=alpha: frossl_loss([a, view.flip(0)], alpha=alpha), [view.clone().requires_grad_()]
        )


def test_orthogonal_equal_views_have_minus_views_times_log_d():
    view = torch.eye(5, dtype=torch.float64)
    for count in (2, 4):
        assert float(frossl_loss([view] * count)) == pytest.approx(-count * math.log(5), rel=1e-12)


def test_loss_is_the_sum_of_its_terms():
    views = correlated_views(4, (30, 10))
    terms = frossl_terms(views, invariance_weight=1.7)
    assert float(terms.loss) == pytest.approx(float(terms.regularization + 1.7 * terms.invariance), rel=1e-12)
    assert float(terms.regularization) == pytest.approx(-float(terms.entropies.sum()), rel=1e-12)
    assert float(terms.loss) == pytest.approx(float(frossl_loss(views, invariance_weight=1.7)), rel=1e-12)


def test_entropies_are_those_of_the_normalised_features():
    views = correlated_views(2, (30, 10))
    for alpha in (1.0, 2.0):
        expected = [float(feature_entropy(view / view.norm(dim=0), alpha=alpha)) for view in views]
        assert frossl_terms(views, alpha=alpha).entropies.tolist() == pytest.approx(expected, rel=1e-10)


def test_standardized_is_the_first_two_view_code_up_to_its_constant():
    """As released for the paper: standardise, columns of length sqrt(D), covariance over N and not over its trace."""
    first, second = correlated_views(2, (32, 9), offset=2.0)
    n, d = first.shape
    a, b = ((view - view.mean(0)) / view.std(0) for view in (first, second))
    a, b = d**0.5 * a / a.norm(dim=0), d**0.5 * b / b.norm(dim=0)
    released = torch.nn.functional.mse_loss(a, b) + sum(2 * torch.log((z.T @ z / n).norm()) for z in (a, b))
    constant = 4 * math.log(d * d / n)
    assert float(frossl_loss([first, second], normalization="standardized")) + constant == pytest.approx(
        float(released), rel=1e-12
    )


def test_sample_is_the_released_code_with_rows_on_the_sphere():
    views = correlated_views(3, (8, 20))
    rows = [20**0.5 * torch.nn.functional.normalize(view) for view in views]
    mean = torch.stack(rows).mean(0)
    released = 0.0
    for row in rows:
        gram = row @ row.T
        released += 2 * torch.log((gram / gram.trace()).norm()) + 1.3 * torch.nn.functional.mse_loss(row, mean)
    found = frossl_loss(views, normalization="sample", invariance_weight=1.3)
    assert float(found) == pytest.approx(float(released), rel=1e-12)


def test_column_scales_do_not_matter_and_offsets_do_unless_standardized():
    views = correlated_views(2, (30, 10))
    scaled = [view * torch.linspace(0.1, 9, 10, dtype=torch.float64) for view in views]
    assert float(frossl_loss(scaled)) == pytest.approx(float(frossl_loss(views)), rel=1e-12)
    moved = [view + 3 for view in views]
    assert float(frossl_loss(moved)) > float(frossl_loss(views)) + 0.5
    assert float(frossl_loss(moved, normalization="standardized")) == pytest.approx(
        float(frossl_loss(views, normalization="standardized")), rel=1e-10
    )


@pytest.mark.parametrize("form", ["feature", "sample"])
def test_released_weight_has_its_equal_in_the_mean_scale(form):
    for count, shape in ((2, (30, 10)), (4, (10, 30))):
        views = correlated_views(count, shape)
        factor = (count - 1) * (1 / count if form == "sample" else shape[1] / shape[0])
        released = frossl_loss(views, invariance_weight=1.4, normalization=form)
        mean = frossl_loss(views, invariance_weight=1.4 * factor, normalization=form, invariance="mean")
        assert float(mean) == pytest.approx(float(released), rel=1e-12)


def test_mean_invariance_does_not_depend_on_batch_or_views_and_the_released_does():
    def share(count, samples, scale):
        terms = frossl_terms(correlated_views(count, (samples, 8), offset=0.0), invariance=scale)
        return float(terms.invariance) / count

    assert share(2, 4096, "mean") == pytest.approx(share(2, 1024, "mean"), rel=0.1)
    assert share(8, 1024, "mean") == pytest.approx(share(2, 1024, "mean"), rel=0.1)
    assert share(2, 4096, "released") == pytest.approx(share(2, 1024, "released") / 4, rel=0.1)


@pytest.mark.parametrize("shape", [(64, 256), (256, 64)], ids=["wide", "tall"])
def test_bfloat16_autocast_is_within_a_thousandth_of_float32_on_the_same_rounded_input(shape):
    rounded = [view.to(torch.bfloat16) for view in correlated_views(2, shape, dtype=torch.float32)]
    expected, gradients = value_and_gradients(frossl_loss, [view.float() for view in rounded])
    leaves = [view.clone().requires_grad_() for view in rounded]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = frossl_loss(leaves)
        value.backward()  # inside, as some loops have it
    assert value.dtype == torch.float32
    assert relative(value.detach(), expected) < 1e-6
    for leaf, gradient in zip(leaves, gradients, strict=True):
        assert leaf.grad.dtype == torch.bfloat16
        assert relative(leaf.grad.float(), gradient) < 4e-3  # the gradient itself is rounded to bfloat16


def test_float32_views_stay_float32_inside_autocast():
    views = correlated_views(2, (32, 64), dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside, found = value_and_gradients(frossl_loss, views)
    outside, expected = value_and_gradients(frossl_loss, views)
    assert float(inside) == float(outside)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("shape", [(6, 4), (4, 6)], ids=["tall", "wide"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("alpha", [1.0, 2.0, math.inf])
def test_collapsed_views_have_loss_zero_and_gradient_zero(shape, form, alpha):
    """Every sample at one point: the largest loss, and stationary, so that nothing but noise leaves it."""
    point = torch.linspace(0.5, 2, shape[1], dtype=torch.float64).expand(shape)
    value, gradients = value_and_gradients(FroSSLLoss(normalization=form, alpha=alpha), [point, point.clone()])
    assert float(value) == pytest.approx(0, abs=1e-12)
    assert all(float(gradient.abs().max()) < 1e-12 for gradient in gradients)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6)], ids=["tall", "wide"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, math.inf])
def test_views_of_zeros_have_loss_zero_and_gradient_zero(shape, form, alpha):
    zeros = torch.zeros(shape, dtype=torch.float64)
    value, gradients = value_and_gradients(FroSSLLoss(normalization=form, alpha=alpha), [zeros, zeros, zeros])
    assert float(value) == 0
    assert all(float(gradient.abs().max()) == 0 for gradient in gradients)


@pytest.mark.parametrize("shape", [(9, 5), (5, 9)], ids=["tall", "wide"])
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_a_dead_feature_adds_nothing_to_the_spectrum_and_has_no_gradient(shape, count, alpha):
    views = correlated_views(count, shape)
    views[0][:, 1] = 0
    terms = frossl_terms(views, alpha=alpha)
    alive = views[0][:, [0, *range(2, shape[1])]]
    assert float(terms.entropies[0]) == pytest.approx(float(feature_entropy(alive / alive.norm(dim=0), alpha=alpha)))
    expected = reference.frossl([view.numpy() for view in views], alpha=alpha)
    assert float(terms.loss) == pytest.approx(expected, rel=1e-9)
    _, gradients = value_and_gradients(FroSSLLoss(alpha=alpha), views)
    assert float(gradients[0][:, 1].abs().max()) == 0

    def others(*given):  # by everything but the dead column, at which the loss jumps
        first = torch.cat([given[0][:, :1], torch.zeros_like(given[0][:, :1]), given[0][:, 2:]], 1)
        return frossl_loss([first, *given[1:]], alpha=alpha)

    assert gradcheck(others, [view.requires_grad_() for view in views], atol=1e-6)


def test_a_constant_feature_is_dead_once_standardized():
    views = correlated_views(2, (30, 6), dtype=torch.float32)
    for view in views:
        view[:, 2] = 0.1  # its mean is not exactly 0.1 in float32
    terms = frossl_terms(views, normalization="standardized")
    kept = [torch.cat([view[:, :2], view[:, 3:]], 1) for view in views]
    expected = frossl_terms(kept, normalization="standardized")
    assert terms.entropies.tolist() == pytest.approx(expected.entropies.tolist(), rel=1e-5)


@pytest.mark.parametrize("shape", [(8, 4), (4, 8)], ids=["tall", "wide"])
def test_numbers_out_of_range_give_nan_not_a_plausible_loss(shape):
    views = correlated_views(2, shape, dtype=torch.float32)
    for bad in (math.nan, math.inf, 1e30):
        spoiled = [view.clone() for view in views]
        spoiled[0][1, 1] = bad
        assert math.isnan(float(frossl_loss(spoiled)))


def test_views_that_need_no_gradient_get_none():
    online, target = correlated_views(2, (20, 8))
    online.requires_grad_()
    (found,) = torch.autograd.grad(frossl_loss([online, target]), online)
    _, (expected, _) = value_and_gradients(frossl_loss, [online.detach(), target])
    assert torch.equal(found, expected)


def test_a_second_derivative_raises_rather_than_being_wrong():
    views = [view.requires_grad_() for view in correlated_views(2, (8, 4))]
    with pytest.raises(RuntimeError, match="FroSSL: expected one derivative; got create_graph=True"):
        torch.autograd.grad(frossl_loss(views), views[0], create_graph=True)


def test_one_stacked_tensor_is_its_views():
    views = correlated_views(3, (20, 8))
    assert float(frossl_loss(torch.stack(views))) == float(frossl_loss(views))


def test_views_need_not_be_contiguous():
    views = correlated_views(2, (20, 8))
    strided = [view.T.contiguous().T for view in views]
    value, gradients = value_and_gradients(frossl_loss, strided)
    expected, others = value_and_gradients(frossl_loss, views)
    assert relative(value, expected) < 1e-12
    assert max(map(relative, gradients, others)) < 1e-12
