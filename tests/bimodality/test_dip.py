"""The dip test: its statistic by hand, its p-values under and away from the null."""

import numpy as np
import pytest

from gramian.bimodality import dip_test
from gramian.bimodality._dip import holm


def test_two_tight_clusters_have_the_largest_dip():
    """Half the mass at 0 and half at 1: no unimodal distribution function comes nearer than 1/4."""
    values = np.concatenate([np.linspace(0, 1e-9, 50), np.linspace(1, 1 + 1e-9, 50)])
    assert dip_test([values], resamples=99).dips[0] == pytest.approx(0.25, abs=0.01)


def test_evenly_spaced_values_have_the_least_dip():
    n = 64
    assert dip_test([np.arange(n)], resamples=99).dips[0] <= 1 / (2 * n)


def test_pvalue_is_never_zero_and_counts_the_observed_sample():
    values = np.concatenate(
        [np.random.default_rng(0).normal(0, 0.01, 60), np.random.default_rng(1).normal(9, 0.01, 60)]
    )
    assert dip_test([values], resamples=199).pvalues[0] == 1 / 200


def test_the_dip_does_not_depend_on_order_or_scale():
    values = np.random.default_rng(2).normal(size=80)
    shuffled = np.random.default_rng(3).permutation(values)
    result = dip_test([values, shuffled, 1e6 * values + 3], resamples=99)
    assert result.dips == pytest.approx(result.dips[0], rel=1e-9)


def test_uniform_samples_are_rejected_no_more_often_than_the_level():
    """The uniform is the null's own distribution, so the level is exact: 400 samples, 5 standard errors."""
    generator = np.random.default_rng(4)
    pvalues = dip_test([generator.random(50) for _ in range(400)], resamples=999).pvalues
    assert abs((pvalues <= 0.05).mean() - 0.05) < 5 * np.sqrt(0.05 * 0.95 / 400)


def test_normal_samples_are_hardly_ever_rejected():
    generator = np.random.default_rng(5)
    assert (dip_test([generator.normal(size=60) for _ in range(200)], resamples=499).pvalues <= 0.05).mean() < 0.02


def test_the_package_table_agrees_with_our_null_distribution():
    import diptest

    generator = np.random.default_rng(6)
    samples = [generator.beta(0.6, 0.6, size=80) for _ in range(12)]
    table = [diptest.diptest(sample)[1] for sample in samples]
    assert dip_test(samples, resamples=4999).pvalues == pytest.approx(table, abs=0.03)


def test_holm_by_hand():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.6]) == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("samples", "match"),
    [
        ([np.arange(5.0)], r"samples\[0\]: expected shape \(n,\) with n of at least 30; got \(5,\)"),
        ([np.ones(40)], "got 40 equal ones"),
        ([np.r_[np.arange(40.0), np.nan]], "got NaN or infinity"),
        ([], "expected at least one"),
    ],
)
def test_bad_samples(samples, match):
    with pytest.raises(ValueError, match=match):
        dip_test(samples)


def test_bad_numbers():
    with pytest.raises(ValueError, match="resamples: expected at least 99"):
        dip_test([np.arange(40.0)], resamples=10)
    with pytest.raises(ValueError, match="seed: expected at least 0"):
        dip_test([np.arange(40.0)], seed=-1)
