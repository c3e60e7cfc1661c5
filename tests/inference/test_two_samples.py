"""The two-sample test: its statistic, its p-value, and that both are what their definitions say."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

import gramian as gm
from gramian.inference import TestResult
from tests.inference._reference import biased_mmd, divergence, every_labelling, gaussian_gram, shifted

ORDERS = [0.5, 1.0, 1.01, 2.0, 3.0, 5.0, math.inf]


@pytest.mark.parametrize("alpha", ORDERS)
@pytest.mark.parametrize("sizes", [(8, 8), (5, 11)])
@pytest.mark.parametrize("balanced", [True, False])
def test_the_statistic_is_the_divergence_of_the_samples(alpha, sizes, balanced):
    x, y = shifted(*sizes, shift=1.0)
    result = gm.two_sample_test(x, y, alpha=alpha, bandwidth=1.3, permutations=9, balanced=balanced, seed=0)
    gram = gaussian_gram(np.concatenate([x, y]), 1.3)
    labels = np.repeat([0, 1], sizes)
    expected = gm.jensen_renyi_divergence(gram, labels, alpha=alpha, balanced=balanced)
    assert result.statistic == pytest.approx(float(expected), abs=1e-9)
    assert result.divergence == result.statistic
    assert result.label_entropy == pytest.approx(math.log(2) if balanced else _entropy(sizes, alpha))


def _entropy(sizes, alpha):
    return float(gm.matrix_entropy(np.diag(np.array(sizes, dtype=float)), alpha=alpha))


@pytest.mark.parametrize("alpha", ORDERS)
@pytest.mark.parametrize("sizes", [(4, 4), (3, 5), (2, 2, 3)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("balanced", [True, False])
def test_every_labelling_is_taken_once_where_they_are_few(alpha, sizes, weighted, balanced):
    samples = shifted(*sizes, shift=0.5, seed=3)
    rng = np.random.default_rng(4)
    weights = [rng.uniform(0.5, 2.0, size=size) for size in sizes] if weighted else None
    result = gm.k_sample_test(*samples, alpha=alpha, bandwidth=0.9, weights=weights, balanced=balanced)
    gram = gaussian_gram(np.concatenate(samples), 0.9)
    together = np.concatenate(weights) if weighted else None
    values = [divergence(gram, ls, alpha, weights=together, balanced=balanced) for ls in every_labelling(sizes)]
    assert result.exhaustive
    assert np.concatenate([[result.statistic], result.null_distribution]) == pytest.approx(values, abs=1e-7)
    reached = sum(value >= values[0] - 1e-9 for value in values)
    assert result.pvalue == pytest.approx(reached / len(values), abs=1e-12)


def test_as_many_permutations_as_there_are_other_labellings_are_all_of_them():
    x, y = shifted(4, 4)
    for permutations, exhaustive in ((68, False), (69, True), (70, True)):
        result = gm.two_sample_test(x, y, permutations=permutations, seed=0)
        assert result.exhaustive == exhaustive
        assert len(result.null_distribution) == min(permutations, 69)


@pytest.mark.parametrize("sizes", [(4, 4), (3, 6)])
def test_scipy_finds_the_same_p_value_over_all_labellings(sizes):
    x, y = shifted(*sizes, shift=1.0, seed=1)
    gram = gaussian_gram(np.concatenate([x, y]), 1.0)

    def statistic(left, right):
        order = np.concatenate([left, right]).astype(int)
        return divergence(gram[order][:, order], np.repeat([0, 1], [len(left), len(right)]), 2.0)

    numbers = np.arange(sum(sizes), dtype=float)
    theirs = stats.permutation_test(
        (numbers[: sizes[0]], numbers[sizes[0] :]),
        statistic,
        permutation_type="independent",
        alternative="greater",
        n_resamples=np.inf,
    )
    ours = gm.two_sample_test(x, y, bandwidth=1.0)
    assert ours.exhaustive
    assert ours.statistic == pytest.approx(theirs.statistic, abs=1e-12)
    assert ours.pvalue == pytest.approx(theirs.pvalue, abs=1e-12)


def test_the_p_value_counts_the_observed_labelling_and_ties():
    x, y = shifted(12, 9, shift=0.4, seed=5)
    result = gm.two_sample_test(x, y, bandwidth="median", permutations=99, seed=1)
    reached = (result.null_distribution >= result.statistic - 1e-12).sum()
    assert not result.exhaustive
    assert len(result.null_distribution) == 99
    assert result.pvalue == (reached + 1) / 100
    apart = gm.two_sample_test(x, y + 50, permutations=99, seed=1)
    assert apart.pvalue == 1 / 100


def test_labels_that_nothing_tells_apart_tie_to_a_p_value_of_one():
    same = np.ones((30, 2))
    for alpha in (1.0, 2.0, 5.0):
        result = gm.two_sample_test(same, same, alpha=alpha, bandwidth=1.0, permutations=50, seed=0)
        assert result.pvalue == 1.0
        assert result.divergence == pytest.approx(0.0, abs=1e-12)
    for size in (700, 3000):  # single precision products, in several tiles
        many = np.ones((size, 2))
        assert gm.two_sample_test(many, many[:311], bandwidth=[0.5, 1.0], permutations=50, seed=0).pvalue == 1.0


@pytest.mark.parametrize("size", [40, 400])
def test_the_mirror_image_of_a_labelling_ties_with_it(size):
    # Equal sizes: exchanging the names of the samples changes nothing, in single precision products too.
    x, y = shifted(size, size, shift=0.2)
    first = gm.two_sample_test(x, y, bandwidth=1.0, permutations=20, seed=3)
    second = gm.two_sample_test(y, x, bandwidth=1.0, permutations=20, seed=3)
    assert first.statistic == pytest.approx(second.statistic, rel=1e-5)


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_with_unequal_sizes_the_pooled_entropy_changes_under_permutation(alpha):
    """The trap: a balanced mixture weighs points by their group's size, so it is another matrix for every labelling."""
    x, y = shifted(3, 6, shift=1.0, seed=2)
    gram = gaussian_gram(np.concatenate([x, y]), 1.0)
    every = every_labelling((3, 6))

    def reused(labels):  # the pooled entropy of the observed labelling, kept
        labels = np.asarray(labels)
        own = divergence(gram, labels, alpha)
        return own - _pooled_entropy(gram, labels, alpha) + _pooled_entropy(gram, np.asarray(every[0]), alpha)

    result = gm.two_sample_test(x, y, alpha=alpha, bandwidth=1.0)
    values = np.array([divergence(gram, labels, alpha) for labels in every])
    wrong = np.array([reused(labels) for labels in every])
    assert result.null_distribution == pytest.approx(values[1:], abs=1e-9)
    assert np.abs(wrong - values).max() > 0.01


def _pooled_entropy(gram, labels, alpha):
    sizes = np.array([np.sum(labels == label) for label in labels])
    return float(gm.matrix_entropy(gram / np.sqrt(np.outer(sizes, sizes)), alpha=alpha))


@pytest.mark.parametrize("size", [15, 300])
def test_at_order_two_and_equal_sizes_labellings_are_ordered_as_by_the_mmd_of_the_squared_kernel(size):
    x, y = shifted(size, size, shift=0.3, seed=6)
    result = gm.two_sample_test(x, y, bandwidth=1.1, permutations=60, seed=7)
    gram = gaussian_gram(np.concatenate([x, y]), 1.1)
    # D = -log(1 - MMD^2 / (2 (mean of K_xx^2 + mean of K_yy^2))), where the sum of all blocks is constant
    squared = gram**2
    labels = np.repeat([0, 1], [size, size])
    ranks = []
    generator = torch.Generator().manual_seed(7)
    for _ in range(60):
        permuted = labels[torch.randperm(2 * size, generator=generator).numpy()]
        ranks.append(biased_mmd(squared, permuted))
    assert np.array_equal(np.argsort(ranks), np.argsort(result.null_distribution))
    total = squared.sum() / size**2
    within = (total + biased_mmd(squared, labels)) / 2  # mean of K_xx^2 + mean of K_yy^2
    assert result.statistic == pytest.approx(math.log(2 * within / total), abs=1e-7)


def test_more_than_one_tile_gives_what_one_gives(monkeypatch):
    from gramian.inference import _collision

    samples = shifted(21, 13, 17, shift=0.3)
    whole = gm.k_sample_test(*samples, permutations=19, seed=0)
    monkeypatch.setattr(_collision, "_TILE", 8)
    tiled = gm.k_sample_test(*samples, permutations=19, seed=0)
    assert tiled.null_distribution == pytest.approx(whole.null_distribution, abs=1e-9)
    assert [s.divergence for s in tiled.scales] == pytest.approx([s.divergence for s in whole.scales], abs=1e-13)


def test_single_precision_products_leave_the_divergence_alone():
    x, y = shifted(450, 300, shift=0.1)
    result = gm.two_sample_test(x, y, bandwidth=1.0, permutations=30, seed=0)
    gram, labels = gaussian_gram(np.concatenate([x, y]), 1.0), np.repeat([0, 1], [450, 300])
    assert result.statistic == pytest.approx(divergence(gram, labels, 2.0), abs=1e-7)
    spread = np.std(result.null_distribution)
    assert abs(result.statistic - divergence(gram, labels, 2.0)) < 1e-4 * spread


def test_seeded_and_without_the_global_random_state():
    x, y = shifted(20, 25)
    before = torch.random.get_rng_state()
    state = np.random.get_state()[1].copy()
    first, second, other = (gm.two_sample_test(x, y, permutations=50, seed=seed) for seed in (3, 3, 4))
    gm.two_sample_test(x, y, permutations=50)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], state)
    assert np.array_equal(first.null_distribution, second.null_distribution)
    assert not np.array_equal(first.null_distribution, other.null_distribution)
    generator = torch.Generator().manual_seed(3)
    assert np.array_equal(
        gm.two_sample_test(x, y, permutations=50, seed=generator).null_distribution, first.null_distribution
    )


def test_torch_gives_torch_and_numpy_gives_numpy():
    x, y = shifted(20, 25)
    ours = gm.two_sample_test(x, y, permutations=50, seed=3)
    theirs = gm.two_sample_test(torch.from_numpy(x), torch.from_numpy(y), permutations=50, seed=3)
    assert isinstance(ours.null_distribution, np.ndarray)
    assert isinstance(theirs.null_distribution, torch.Tensor)
    assert theirs.null_distribution.numpy() == pytest.approx(ours.null_distribution)
    assert (ours.statistic, ours.pvalue) == (theirs.statistic, theirs.pvalue)


def test_a_result_unpacks_and_is_frozen():
    x, y = shifted(6, 6)
    result = gm.two_sample_test(x, y)
    statistic, pvalue = result
    assert isinstance(result, TestResult)
    assert (statistic, pvalue) == (result.statistic, result.pvalue)
    with pytest.raises(AttributeError):
        result.pvalue = 0.0


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_a_pooled_gram_stands_in_for_the_samples(alpha):
    x, y = shifted(12, 15, shift=0.5)
    direct = gm.two_sample_test(x, y, alpha=alpha, bandwidth=1.0, permutations=40, seed=0)
    gram = gaussian_gram(np.concatenate([x, y]), 1.0)
    labels = np.repeat([7, 9], [12, 15])
    given = gm.two_sample_test(gram, labels, alpha=alpha, kernel="precomputed", permutations=40, seed=0)
    assert given.null_distribution == pytest.approx(direct.null_distribution, abs=1e-9)
    assert given.pvalue == direct.pvalue
    # Rows in any order: labels say where they belong.
    order = np.random.default_rng(0).permutation(27)
    mixed = gm.two_sample_test(gram[order][:, order], labels[order], alpha=alpha, kernel="precomputed", permutations=9)
    assert mixed.statistic == pytest.approx(direct.statistic, abs=1e-9)


def test_several_grams_are_scales_like_any():
    x, y = shifted(12, 15, shift=0.5)
    points = np.concatenate([x, y])
    direct = gm.two_sample_test(x, y, bandwidth=[0.5, 2.0], permutations=40, seed=0)
    grams = np.stack([gaussian_gram(points, 0.5), gaussian_gram(points, 2.0)])
    given = gm.two_sample_test(grams, np.repeat([0, 1], [12, 15]), kernel="precomputed", permutations=40, seed=0)
    assert given.null_distribution == pytest.approx(direct.null_distribution, abs=1e-9)
    assert [scale.divergence for scale in given.scales] == pytest.approx([s.divergence for s in direct.scales])


@pytest.mark.parametrize("kernel", ["linear", "cosine", lambda points: (points @ points.T + 1) ** 2])
@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_kernels_without_a_bandwidth_and_functions(kernel, alpha):
    from gramian.itl import gram as gram_of

    x, y = shifted(12, 9, d=3, shift=0.5)
    result = gm.two_sample_test(x, y, alpha=alpha, kernel=kernel, permutations=20, seed=0)
    gram = gram_of(np.concatenate([x, y]), kernel=kernel)
    given = gm.two_sample_test(
        gram, np.repeat([0, 1], [12, 9]), alpha=alpha, kernel="precomputed", permutations=20, seed=0
    )
    assert result.null_distribution == pytest.approx(given.null_distribution, abs=1e-9)
    assert result.statistic == pytest.approx(divergence(gram, np.repeat([0, 1], [12, 9]), alpha), abs=1e-9)
    assert result.bandwidth is None


def test_the_laplacian_kernel_at_order_two_is_squared_too():
    x, y = shifted(12, 9, d=3, shift=0.5)
    labels = np.repeat([0, 1], [12, 9])
    points = np.concatenate([x, y])
    result = gm.two_sample_test(x, y, kernel="laplacian", bandwidth=1.5, permutations=9)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    assert result.statistic == pytest.approx(divergence(np.exp(-distances / 1.5), labels, 2.0), abs=1e-12)
    both = gm.two_sample_test(x, y, kernel=("gaussian", "laplacian"), bandwidth=[1.0, 1.5], permutations=9)
    assert [scale.kernel for scale in both.scales] == ["gaussian"] * 2 + ["laplacian"] * 2
    assert both.scales[3].divergence == pytest.approx(result.statistic, abs=1e-12)


def test_equal_weights_are_no_weights_and_twice_a_weight_is_a_point_twice():
    x, y = shifted(6, 7, shift=0.5)
    plain = gm.two_sample_test(x, y, bandwidth=1.0, permutations=30, seed=0)
    equal = gm.two_sample_test(x, y, bandwidth=1.0, weights=(np.full(6, 3.0), np.full(7, 3.0)), permutations=30, seed=0)
    assert equal.null_distribution == pytest.approx(plain.null_distribution, abs=1e-12)
    twice = gm.two_sample_test(np.concatenate([x, x[:1]]), y, bandwidth=1.0, permutations=9)
    weights = np.ones(6)
    weights[0] = 2.0
    weighted = gm.two_sample_test(x, y, bandwidth=1.0, weights=(weights, None), permutations=9)
    for balanced in (True, False):
        twice = gm.two_sample_test(np.concatenate([x, x[:1]]), y, bandwidth=1.0, permutations=9, balanced=balanced)
        weighted = gm.two_sample_test(x, y, bandwidth=1.0, weights=(weights, None), permutations=9, balanced=balanced)
        assert weighted.statistic == pytest.approx(twice.statistic, abs=1e-12)


def test_the_effect_is_about_zero_under_the_null_and_one_for_samples_with_nothing_in_common():
    x, y = shifted(60, 60)
    near = [
        gm.two_sample_test(*shifted(60, 60, seed=s), bandwidth=1.0, permutations=99, seed=s).effect for s in range(10)
    ]
    assert abs(np.mean(near)) < 0.01
    far = gm.two_sample_test(np.zeros((9, 2)), np.full((9, 2), 100.0), bandwidth=1.0, permutations=99, seed=0)
    assert far.effect == pytest.approx(1.0)
    assert far.divergence == pytest.approx(math.log(2))
    wide, narrow = (gm.two_sample_test(x, y + shift, bandwidth=1.0, seed=0).effect for shift in (0.5, 0.2))
    assert wide > narrow
