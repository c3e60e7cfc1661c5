"""Bootstrap and jackknife against closed forms and coverage."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from gramian.layers._uncertainty import Bootstrap, jackknife


@dataclass
class Sum:
    """A statistic whose mean has a known standard error."""

    total: float
    count: int

    def copy(self):
        return Sum(self.total, self.count)

    def merge(self, other):
        self.total += other.total
        self.count += other.count


def mean(statistic):
    return statistic.total / statistic.count


def groups_of(values, groups):
    return [Sum(float(part.sum()), len(part)) for part in np.array_split(values, groups)]


def test_bootstrap_error_of_a_mean_is_the_standard_error():
    values = np.random.Generator(np.random.Philox(1)).normal(size=(2, 400))
    for row, estimate in zip(values, Bootstrap(400, seed=0, resamples=4000).means(values), strict=True):
        assert estimate.value == pytest.approx(row.mean())
        assert estimate.stderr == pytest.approx(row.std() / 20, rel=0.05)
        assert estimate.low < estimate.value < estimate.high
        assert estimate.high - estimate.low == pytest.approx(3.92 * estimate.stderr, rel=0.1)
        assert estimate.n == 400


def test_bootstrap_is_seeded_and_leaves_the_global_state_alone():
    values = np.arange(12.0).reshape(1, 12)
    before = np.random.get_state()[1].copy()
    first, again, other = (Bootstrap(12, seed=seed).means(values)[0] for seed in (3, 3, 4))
    assert first == again != other
    assert (np.random.get_state()[1] == before).all()


def test_bootstrap_leaves_undefined_prompts_out_of_their_row_alone():
    values = np.random.Generator(np.random.Philox(5)).normal(size=(2, 50))
    holes = values.copy()
    holes[0, [3, 8]] = np.nan
    first, second = Bootstrap(50, seed=0).means(holes)
    assert first.n == 48
    assert first.value == pytest.approx(np.nanmean(holes[0]))
    assert first.stderr == pytest.approx(np.nanstd(holes[0]) / math.sqrt(48), rel=0.15)
    assert second.n == 50
    assert second.value == pytest.approx(values[1].mean())


def test_bootstrap_of_a_row_without_any_value_is_undefined():
    (estimate,) = Bootstrap(4, seed=0).means(np.full((1, 4), np.nan))
    assert math.isnan(estimate.value)
    assert estimate.n == 0


def test_bootstrap_of_one_prompt_has_no_error():
    estimate = Bootstrap(1, seed=0).means(np.array([[2.0]]))[0]
    assert estimate.value == 2.0
    assert math.isnan(estimate.stderr)


def test_jackknife_with_one_prompt_a_group_is_the_standard_error_of_the_mean():
    values = np.random.Generator(np.random.Philox(2)).normal(size=20)
    result = jackknife(groups_of(values, 20), {"mean": mean}).estimates["mean"]
    assert result.stderr == pytest.approx(values.std(ddof=1) / math.sqrt(20), rel=1e-9)
    assert result.value == pytest.approx(values.mean())
    assert result.high - result.value == pytest.approx(2.093 * result.stderr)


def test_jackknife_intervals_cover_the_truth():
    """300 samples of 100, ten groups: 95 % intervals hold the mean in 95 % of cases, give or take three binomial errors."""
    generator = np.random.Generator(np.random.Philox(3))
    hits = 0
    for _ in range(300):
        estimate = jackknife(groups_of(generator.exponential(size=100), 10), {"mean": mean}).estimates["mean"]
        hits += estimate.low <= 1.0 <= estimate.high
    assert hits / 300 == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 300) + 0.02)


def test_jackknife_does_not_change_the_groups():
    groups = groups_of(np.arange(10.0), 5)
    jackknife(groups, {"mean": mean})
    assert groups == groups_of(np.arange(10.0), 5)


def test_a_measure_undefined_without_a_group_has_a_value_and_no_error():
    def needs_ten(statistic):
        if statistic.count < 10:
            raise ValueError("count: expected at least 10; got fewer")
        return 1.0

    result = jackknife(groups_of(np.arange(10.0), 5), {"fussy": needs_ten})
    estimate = result.estimates["fussy"]
    assert estimate.value == 1.0
    assert math.isnan(estimate.stderr)


def test_a_measure_undefined_on_the_whole_says_why():
    def never(statistic):
        raise ValueError("rows: expected rows that differ; got equal rows")

    result = jackknife(groups_of(np.arange(10.0), 5), {"never": never, "mean": mean})
    assert set(result.estimates) == {"mean"}
    assert result.undefined == {"never": "rows: expected rows that differ; got equal rows"}


def test_one_group_has_no_error():
    estimate = jackknife(groups_of(np.arange(4.0), 1), {"mean": mean}).estimates["mean"]
    assert (estimate.value, estimate.n) == (1.5, 4)
    assert math.isnan(estimate.low)
