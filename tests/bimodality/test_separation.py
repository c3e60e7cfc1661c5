"""Mixture, features of prompts, and how far a feature tells two modes apart."""

import math

import numpy as np
import pytest

from gramian.bimodality import PromptFeature, fit_mixture, ngram_overlap, prompt_features, repetition, separation


def test_mixture_recovers_planted_components_in_any_unit():
    generator = np.random.default_rng(0)
    values = np.r_[generator.normal(1, 0.1, 300), generator.normal(3, 0.4, 100)]
    for scale in (1.0, 1e6):
        mixture = fit_mixture(values * scale)
        assert mixture.means == pytest.approx((scale, 3 * scale), rel=0.05)
        assert mixture.deviations == pytest.approx((0.1 * scale, 0.4 * scale), rel=0.2)
        assert mixture.weights == pytest.approx((0.75, 0.25), abs=0.02)
        assert mixture.bic_gain > 10
        assert (mixture.upper == (np.arange(400) >= 300)).mean() > 0.98


def test_one_normal_gains_nothing_from_a_second_component():
    assert fit_mixture(np.random.default_rng(1).normal(size=500)).bic_gain < 0


def test_bad_mixture():
    with pytest.raises(ValueError, match="values: expected at least 4 finite numbers that differ"):
        fit_mixture([1.0, 1.0, 1.0, 1.0])


def test_repetition_counts_words_that_occurred_before():
    assert repetition("The cat and THE dog") == pytest.approx(0.2)
    assert repetition("each word once") == 0
    assert math.isnan(repetition("?!"))


def test_ngram_overlap_is_the_share_of_ngrams_seen():
    corpus = ["alpha beta gamma delta", "epsilon zeta"]
    overlap = ngram_overlap(["Alpha, beta gamma! epsilon", "zeta", "one two three"], corpus, n=2)
    # alpha beta, beta gamma are there; gamma epsilon is not: n-grams do not run across documents.
    assert overlap[0] == pytest.approx(2 / 3)
    assert math.isnan(overlap[1])
    assert overlap[2] == 0


def test_ngram_overlap_refuses_empty_ngrams():
    with pytest.raises(ValueError, match="n: expected at least 1 word; got 0"):
        ngram_overlap(["a"], ["a"], n=0)


def test_numbers_give_cliffs_delta():
    """Pairs (high, low): 3>1, 3>2, 2>1, one tie: (3 + 1/2) / 4 = 0.875, so 2 AUC - 1 = 0.75."""
    feature = PromptFeature("length", "length", np.array([1.0, 2.0, 2.0, 3.0]))
    result = separation(feature, np.array([False, False, True, True]))
    assert result.effect == pytest.approx(0.75)
    assert (result.low, result.high) == (1.5, 2.5)
    reverse = separation(feature, np.array([True, True, False, False]))
    assert reverse.effect == pytest.approx(0.75)


def test_labels_that_decide_the_mode_give_v_one_and_independent_ones_little():
    upper = np.arange(200) % 2 == 0
    same = separation(PromptFeature("source", "source", np.where(upper, "a", "b")), upper)
    assert same.effect == pytest.approx(1, abs=0.02)
    assert same.pvalue == 1 / 2000
    assert (same.low, same.high) == ("b", "a")
    drawn = np.random.default_rng(2).integers(0, 5, 200).astype(str)
    independent = separation(PromptFeature("source", "source", drawn), upper)
    assert independent.effect < 0.2
    assert independent.pvalue > 0.01


def test_permutation_pvalue_of_labels_agrees_with_chi_square():
    from scipy.stats import chi2_contingency

    generator = np.random.default_rng(3)
    labels, upper = generator.integers(0, 3, 300), generator.random(300) < 0.4
    labels = np.where(upper & (generator.random(300) < 0.15), 0, labels)
    table = np.array([[((labels == k) & (upper == u)).sum() for k in range(3)] for u in (False, True)])
    expected = chi2_contingency(table, correction=False).pvalue
    found = separation(PromptFeature("source", "source", labels.astype(str)), upper)
    assert found.pvalue == pytest.approx(expected, abs=0.04)


def test_a_constant_feature_separates_nothing():
    upper = np.arange(10) < 4
    assert separation(PromptFeature("length", "length", np.ones(10)), upper) is None
    assert separation(PromptFeature("source", "source", np.array(["a"] * 10)), upper) is None


def test_undefined_values_are_left_out():
    feature = PromptFeature("overlap", "overlap", np.array([math.nan, 0.0, 1.0, 1.0]))
    assert separation(feature, np.array([True, False, True, True])).n == 3


def test_lengths_must_match():
    with pytest.raises(ValueError, match="upper: expected 3 prompts, as the feature has; got 2"):
        separation(PromptFeature("length", "length", np.arange(3.0)), np.array([True, False]))


def test_features_are_those_that_can_be_had():
    names = [f.name for f in prompt_features(["a b", "c d"], tokens=[2, 2])]
    assert names == ["length", "repetition"]
    everything = prompt_features(["a b", "c d"], tokens=[2, 2], sources=["x", None], training=["a b"], ngram=2)
    assert [f.name for f in everything] == ["length", "repetition", "source", "overlap"]
    assert everything[3].values.tolist() == [1.0, 0.0]
