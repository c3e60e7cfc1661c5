"""DiME as an objective: its value is that of the pairs, its draws follow from the state, its bandwidth can be learned."""

import copy
import itertools
import math

import pytest
import torch

import gramian as gm
from gramian.multiview import DiMELoss, conditional_entropy_loss, independence_loss


def _codes(n=40, widths=(3, 5), seed=0):
    generator = torch.Generator().manual_seed(seed)
    shared = torch.randn(n, 3, generator=generator, dtype=torch.float64)
    return [
        shared @ torch.randn(3, width, generator=generator, dtype=torch.float64)
        + 0.1 * torch.randn(n, width, generator=generator, dtype=torch.float64)
        for width in widths
    ]


@pytest.mark.parametrize("alpha", [1.01, 2.0])
def test_the_loss_is_minus_the_mean_over_pairs(alpha):
    views = _codes(widths=(2, 3, 4))
    loss = DiMELoss(alpha=alpha, seed=7).eval()
    grams = [gm.gaussian_kernel(view, bandwidth="dimension") for view in views]
    expected = -sum(gm.dime(a, b, alpha=alpha, seed=7) for a, b in itertools.combinations(grams, 2)) / 3
    assert loss(views).item() == pytest.approx(expected.item(), abs=1e-12)


@pytest.mark.parametrize("bandwidth", ["dimension", "median", "learned", 0.7])
@pytest.mark.parametrize("outlier", [False, True])
def test_large_batches_at_order_2_are_those_of_their_grams(bandwidth, outlier):
    """They go by their points; with a sample so far away that points would lose digits, by Grams."""
    views = [view.float() for view in _codes(n=300, widths=(2, 3, 4))]
    if outlier:
        views[1][5] = 1e5
    views = [view.requires_grad_() for view in views]
    loss = DiMELoss(alpha=2, bandwidth=bandwidth, seed=7).eval()
    assert bool(loss._by_points(views, 7)) != outlier
    rules = {"learned": "dimension"}
    grams = [gm.gaussian_kernel(view.double(), bandwidth=rules.get(bandwidth, bandwidth)) for view in views]
    expected = -sum(gm.dime(a, b, alpha=2, seed=7) for a, b in itertools.combinations(grams, 2)) / 3
    value = loss(views)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(expected.item(), abs=2e-6)
    if bandwidth == "median":
        return  # held constant by the loss, and not by the kernel
    for own, their in zip(*(torch.autograd.grad(one, views) for one in (value, expected)), strict=True):
        # By points nothing is rounded but the gradient; Grams of single precision are.
        digits = {"rtol": 1e-3, "atol": 1e-4 * float(their.abs().max())} if outlier else {"rtol": 1e-5, "atol": 1e-8}
        torch.testing.assert_close(own, their, **digits)


def test_codes_far_from_the_origin_go_by_their_points_too():
    views = _codes(n=300)
    far = [view + 1e4 for view in views]
    loss = DiMELoss(alpha=2).eval()
    assert loss._by_points(far, 0)
    assert loss(far).item() == pytest.approx(loss(views).item(), abs=1e-9)


def test_a_large_batch_teaches_a_learned_bandwidth():
    views = _codes(n=300)
    loss = DiMELoss(alpha=2, bandwidth="learned").eval()
    loss(views).backward()
    with torch.no_grad():
        values = []
        for step in (1e-3, -1e-3):
            loss.log_factor.fill_(step)
            values.append(loss(views).item())
    assert loss.log_factor.grad.item() == pytest.approx((values[0] - values[1]) / 2e-3, rel=1e-3)


def test_gradient_is_that_of_the_sampled_value():
    views = [view.requires_grad_() for view in _codes(n=8)]
    loss = DiMELoss(permutations=2).eval()
    assert torch.autograd.gradcheck(lambda *given: loss(given), views)


def test_training_draws_anew_and_evaluation_does_not():
    views = _codes()
    loss = DiMELoss()
    assert loss(views).item() != loss(views).item()
    loss.eval()
    assert loss(views).item() == loss(views).item()


def test_a_restored_loss_draws_as_an_undisturbed_one():
    views = _codes()
    loss, other = DiMELoss(seed=3), DiMELoss(seed=3)
    loss(views)
    other.load_state_dict(copy.deepcopy(loss.state_dict()))
    assert [loss(views).item() for _ in range(3)] == [other(views).item() for _ in range(3)]
    assert DiMELoss(seed=4)(views).item() != DiMELoss(seed=5)(views).item()


def test_the_global_random_state_is_left_alone():
    before = torch.random.get_rng_state()
    DiMELoss()(_codes())
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_learned_bandwidth_climbs_to_where_dime_is_larger():
    views = _codes(n=80)
    loss = DiMELoss(bandwidth="learned", alpha=2, permutations=20)
    start = loss.eval()(views).item()
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.1)
    for _ in range(40):
        optimizer.zero_grad()
        loss(views).backward()
        optimizer.step()
    assert loss.log_factor.item() != 0.0
    assert loss(views).item() < start - 0.01


def test_codes_collapsing_to_a_point_and_flying_apart_both_lose():
    views = _codes()
    loss = DiMELoss(alpha=2).eval()
    best = loss(views).item()
    for scale in (1e-4, 1e4):
        assert loss([scale * view for view in views]).item() == pytest.approx(0.0, abs=1e-3)
    assert best < -0.1


def test_large_batches_take_leading_eigenvalues_and_stay_close():
    views = _codes(n=600)
    exact, close = (DiMELoss(rank=rank, permutations=2).eval()(views).item() for rank in (None, "auto"))
    assert exact != close
    assert close == pytest.approx(exact, rel=0.05)


def test_half_precision_is_computed_in_single():
    views = [view.bfloat16() for view in _codes()]
    loss = DiMELoss().eval()
    wide = loss([view.float() for view in views])
    with torch.autocast("cpu", torch.bfloat16):
        assert loss(views).item() == pytest.approx(wide.item(), abs=1e-6)


@pytest.mark.parametrize("kernel", ["gaussian", "laplacian"])
def test_conditional_entropy_is_what_exclusive_codes_add(kernel):
    corners = torch.tensor(list(itertools.product([0.0, 50.0], repeat=2)), dtype=torch.float64)
    exclusive, shared = corners[:, :1], corners[:, 1:]
    told = {"kernel": kernel, "bandwidth": 1.0}
    assert conditional_entropy_loss(exclusive, shared, **told).item() == pytest.approx(-math.log(2), abs=1e-6)
    assert conditional_entropy_loss(shared.clone(), shared, **told).item() == pytest.approx(0.0, abs=1e-9)


def test_conditional_entropy_has_a_gradient():
    views = [view.requires_grad_() for view in _codes(n=8)]
    assert torch.autograd.gradcheck(conditional_entropy_loss, views)


def test_exclusive_codes_that_repeat_the_shared_ones_are_punished_whatever_their_scale():
    exclusive, shared = _codes(n=60)
    repeated = independence_loss(exclusive, shared, seed=0).item()
    assert repeated > 0.3
    turn = torch.randn(3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for moved in (1e-3 * exclusive, 1e3 * exclusive + 7):
        assert independence_loss(moved, shared, seed=0).item() == pytest.approx(repeated, rel=1e-6)
    # But for the floor under the variances.
    assert independence_loss(exclusive @ turn, shared, seed=0).item() == pytest.approx(repeated, abs=0.05)


def test_independent_codes_and_those_of_opposite_neighbours_have_none():
    exclusive, shared = _codes(n=60)[0], _codes(n=60, seed=1)[1]
    assert independence_loss(exclusive, shared, permutations=20, seed=0).item() < 0.05
    # Every value of one meets every value of the other once: shuffles meet some twice.
    corners = torch.tensor(list(itertools.product([0.0, 50.0], repeat=2)), dtype=torch.float64)
    grams = [gm.gaussian_kernel(corners[:, [side]], bandwidth=0.5) for side in (0, 1)]
    assert gm.dime(*grams, seed=0).item() < -0.1
    assert independence_loss(corners[:, :1], corners[:, 1:], bandwidth=0.5, seed=0).item() == 0.0


@pytest.mark.parametrize("kernel", ["gaussian", "laplacian"])
def test_independence_is_dime_of_whitened_codes(kernel):
    exclusive, shared = _codes(n=40)
    centred = exclusive - exclusive.mean(0)
    covariance = centred.T @ centred / 40
    values, vectors = torch.linalg.eigh(covariance + 1e-4 * covariance.diagonal().mean() * torch.eye(3))
    white = centred @ vectors / values.sqrt()
    build = gm.gaussian_kernel if kernel == "gaussian" else gm.laplacian_kernel
    expected = gm.dime(
        build(white, bandwidth=1.5**0.5), build(shared, bandwidth=0.9), alpha=1.5, permutations=3, seed=4
    )
    told = {"kernel": kernel, "alpha": 1.5, "permutations": 3, "seed": 4, "bandwidth": 0.9}
    assert independence_loss(exclusive, shared, **told).item() == pytest.approx(expected.item(), abs=1e-9)
    assert expected > 0.01


def test_independence_has_a_gradient():
    views = [view.requires_grad_() for view in _codes(n=8, widths=(2, 3))]
    assert torch.autograd.gradcheck(lambda *given: independence_loss(*given, seed=0, permutations=2), views)


_ONE = torch.ones(4, 2)
_TWO = torch.arange(8.0).reshape(4, 2)


@pytest.mark.parametrize(
    ("views", "error", "message"),
    [
        (_TWO, TypeError, "views: expected a list of tensors, one a view"),
        ([_TWO], ValueError, "views: expected at least 2 views; got 1"),
        ([_TWO, _TWO[:3]], ValueError, r"views\[1\]: expected as many samples as views\[0\], 4; got 3"),
        ([_TWO[:1], _TWO[:1]], ValueError, r"views\[0\]: expected at least two samples; got 1"),
        ([_TWO, _ONE], ValueError, r"views\[1\]: expected codes that differ; got all rows equal"),
        ([_TWO, _TWO / 0], ValueError, r"views\[1\]: expected finite codes; got NaN or infinite values"),
        ([_TWO, _TWO.long()], TypeError, r"views\[1\]: expected a floating tensor; got torch.int64"),
        ([_TWO, _TWO[None]], ValueError, r"views\[1\]: expected codes \(n, d\); got shape \(1, 4, 2\)"),
    ],
)
def test_views_without_an_answer_are_refused(views, error, message):
    with pytest.raises(error, match=message):
        DiMELoss()(views)
    if isinstance(views, list) and len(views) == 2:
        with pytest.raises(error, match=message):
            independence_loss(*views)


@pytest.mark.parametrize(
    ("told", "error", "message"),
    [
        ({"kernel": "linear"}, ValueError, "kernel: expected one of gaussian, laplacian; got 'linear'"),
        ({"bandwidth": "widest"}, ValueError, "bandwidth: expected dimension, median, learned or a positive number"),
        ({"bandwidth": 0.0}, ValueError, "bandwidth: expected"),
        ({"bandwidth": None}, TypeError, "bandwidth: expected"),
        ({"permutations": 0}, ValueError, "permutations: expected an integer of at least 1; got 0"),
        ({"rank": "most"}, ValueError, "rank: expected auto, a number or None"),
        ({"rank": 5, "alpha": 2}, ValueError, "rank: expected auto or None at order 2; got 5"),
        ({"seed": -1}, ValueError, "seed: expected"),
        ({"alpha": -1.0}, ValueError, "alpha"),
    ],
)
def test_settings_without_a_meaning_are_refused(told, error, message):
    with pytest.raises(error, match=message):
        DiMELoss(**told)
