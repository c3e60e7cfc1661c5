"""Measures that amplify small eigenvalues must not see those that rounding makes."""

import numpy as np
import pytest
import torch

from gramian.quality import (
    Moments,
    alpha_req,
    dataset_entropy,
    effective_rank,
    get,
    intrinsic_dimension,
    prompt_entropy,
)

pytestmark = pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")


@pytest.mark.parametrize("shape", [(50, 40), (40, 50)])
def test_one_line_has_effective_rank_one_whatever_its_width(shape):
    rng = np.random.default_rng(0)
    line = np.outer(rng.normal(size=shape[0]), rng.normal(size=shape[1]))
    assert float(effective_rank(line)) == pytest.approx(1, abs=1e-10)
    moments = Moments()
    moments.update(line)
    assert get("effective_rank").finish(moments) == pytest.approx(1, abs=1e-10)


def test_the_decay_is_fitted_over_the_rank_not_the_width():
    """A power law over six directions of twenty: ranks 1 to 3 are fitted."""
    axes = np.diag(np.arange(1, 7.0) ** -1.0)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(20, 20)))[0][:6]
    x = np.concatenate([axes, -axes] * 3) @ turn
    assert float(alpha_req(x)) == pytest.approx(2, abs=1e-9)
    with pytest.raises(ValueError, match="1 <= first < last <= 6"):
        alpha_req(x, fit_range=(1, 7))


def test_a_batch_fits_each_sample_over_its_own_rank():
    rng = np.random.default_rng(0)
    full = rng.normal(size=(60, 30)) * np.arange(1, 31.0) ** -0.5
    poor = rng.normal(size=(60, 12)) @ rng.normal(size=(12, 30))
    both = alpha_req(np.stack([full, poor]))
    np.testing.assert_allclose(both, [float(alpha_req(full)), float(alpha_req(poor))], rtol=1e-9)


@pytest.mark.parametrize("tail", [1e-3, 1e-5, 1e-7, 1e-9])
def test_a_flat_tail_of_small_singular_values_counts(tail):
    """sigma = (1, t, ..., t): the entropy of p = sigma / sum, worked out."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(n, 100)))[0] for n in (120, 100))
    sigma = np.array([1.0] + [tail] * 99)
    p = sigma / sigma.sum()
    expected = np.exp(-(p * np.log(p)).sum())
    found = effective_rank(np.stack([left * sigma @ right.T, left @ right.T]))
    assert found[0] - 1 == pytest.approx(expected - 1, rel=1e-5)
    assert found[1] == pytest.approx(100)


HALVES = [torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", HALVES)
def test_the_rank_tolerance_is_that_of_half_precision_before_it_was_widened(dtype):
    """A second direction with 1e-4 of the largest eigenvalue: float32 can tell it from rounding, halves cannot."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(n, 2)))[0] for n in (30, 20))
    x = torch.tensor(left * [1, 1e-2] @ right.T).to(dtype)
    assert float(dataset_entropy(x.float(), alpha=0)) == pytest.approx(np.log(2))
    assert float(dataset_entropy(x, alpha=0)) == 0
    whole, part = Moments(), Moments()
    whole.update(x.float())
    part.update(x)
    whole.merge(Moments.from_state(part.state()))
    assert get("dataset_entropy").finish(whole, alpha=0) == 0
    options = {"alpha": 0, "center": False, "unit_norm": False}
    assert float(prompt_entropy(x.float(), **options)) == pytest.approx(np.log(2))
    assert float(prompt_entropy(x, **options)) == 0


def test_orders_below_one_are_refused_where_half_precision_hides_the_rank():
    wide = torch.tensor(np.random.default_rng(0).normal(size=(200, 200))).bfloat16()
    for measure in (dataset_entropy, prompt_entropy):
        with pytest.raises(ValueError, match="alpha: expected an order of at least 1 where rounding hides the rank"):
            measure(wide, alpha=0.5)
        assert float(measure(wide, alpha=1.0)) > 4
    assert float(dataset_entropy(wide.float(), alpha=torch.tensor(0.5))) > 4


# Nearest neighbours ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("far", [1e9, 1e10, 1e14, 1e30])
def test_an_outlier_does_not_blur_the_distances_of_the_others(far):
    x = np.random.default_rng(0).normal(size=(200, 3))
    with_outlier = np.concatenate([x, [[far, 0, 0]]])
    near = np.concatenate([x, [[100.0, 0, 0]]])
    assert float(intrinsic_dimension(with_outlier)) == pytest.approx(float(intrinsic_dimension(near)), rel=1e-3)


def test_close_pairs_far_from_the_mean_keep_their_distance():
    """Pairs 1e-7 apart: a difference of squared norms has no digits for them."""
    rng = np.random.default_rng(0)
    clusters = np.repeat(rng.normal(size=(40, 3)), 3, 0) + 1e-7 * rng.normal(size=(120, 3))
    distances = np.linalg.norm(clusters[:, None] - clusters, axis=-1) + np.diag(np.full(120, np.inf))
    nearest = np.sort(distances, 1)
    mu = np.sort(np.log(nearest[:, 1] / nearest[:, 0]))[:108]
    heights = -np.log1p(-np.arange(1, 109) / 120)
    assert float(intrinsic_dimension(clusters)) == pytest.approx((heights * mu).sum() / (mu * mu).sum(), rel=1e-9)


def test_repeats_are_left_out_wherever_they_stand():
    x = np.random.default_rng(0).normal(size=(100, 5))
    order = np.random.default_rng(1).permutation(130)
    repeated = np.concatenate([x, x[:30]])[order]
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0]
    for data in (repeated, repeated @ turn, repeated + 1e4):
        assert float(intrinsic_dimension(data)) == pytest.approx(float(intrinsic_dimension(x)), rel=1e-7)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "lattice",
    [np.arange(10.0)[:, None], 0.1 * np.arange(10.0)[:, None], 0.3 * np.argwhere(np.ones((5, 5)))],
    ids=["line", "tenths", "square"],
)
def test_a_regular_lattice_has_no_dimension(lattice, dtype):
    with pytest.raises(ValueError, match=r"different distances; got equal ones for \d+ of \d+ rows"):
        intrinsic_dimension(lattice.astype(dtype))


def test_a_few_equal_ratios_are_no_lattice():
    x = np.random.default_rng(0).normal(size=(100, 3))
    cluster = 50 + np.argwhere(np.ones((2, 2, 2)))
    assert float(intrinsic_dimension(np.concatenate([x, cluster]))) > 1
