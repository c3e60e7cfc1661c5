"""The test of independence: its statistic, its p-value, and that both are what their definitions say."""

import itertools
import math

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.inference import IndependenceResult
from tests.itl._reference import entropy, gaussian_gram

ORDERS = [0.5, 1.0, 1.01, 2.0, 3.0, math.inf]


def pairs(n, *, noise=0.5, d=2, seed=0):
    """Points, and a noisy square of their first coordinate: dependent without correlation."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x, x[:, :1] ** 2 + noise * rng.normal(size=(n, 1))


def joint_entropies(gram_x, gram_y, alpha, orders):
    return np.array([entropy(gram_x * gram_y[np.ix_(order, order)], alpha) for order in orders])


@pytest.mark.parametrize("alpha", ORDERS)
def test_every_permutation_is_taken_once_where_they_are_few(alpha):
    x, y = pairs(5)
    result = gm.independence_test(x, y, alpha=alpha, bandwidth=(0.9, 1.7))
    orders = [list(order) for order in itertools.permutations(range(5))]
    entropies = joint_entropies(gaussian_gram(x, 0.9), gaussian_gram(y, 1.7), alpha, orders)
    dimes = entropies.mean() - entropies
    assert result.exhaustive
    assert np.concatenate([[result.statistic], result.null_distribution]) == pytest.approx(dimes, abs=1e-9)
    assert result.dime == result.statistic
    assert result.pvalue == pytest.approx(np.mean(dimes >= dimes[0] - 1e-9), abs=1e-12)


def test_as_many_permutations_as_there_are_others_are_all_of_them():
    x, y = pairs(5)
    for permutations, exhaustive in ((118, False), (119, True), (999, True)):
        result = gm.independence_test(x, y, permutations=permutations, seed=0)
        assert result.exhaustive == exhaustive
        assert len(result.null_distribution) == min(permutations, 119)


@pytest.mark.parametrize("kernel", ["gaussian", "laplacian", "linear", "cosine"])
@pytest.mark.parametrize("n", [40, 150, 530])  # one strip, several, and single precision
def test_order_two_is_the_entropy_of_each_product(kernel, n):
    x, y = pairs(n)
    y = np.column_stack([y, np.ones(n)])
    told = {"bandwidth": (0.8, 1.3)} if kernel in ("gaussian", "laplacian") else {}
    result = gm.independence_test(x, y, kernel=kernel, permutations=4, seed=torch.Generator().manual_seed(5), **told)
    generator = torch.Generator().manual_seed(5)
    orders = [np.arange(n), *(torch.randperm(n, generator=generator).numpy() for _ in range(4))]
    lengths = told.get("bandwidth", (None, None))
    makers = {"gaussian": gm.gaussian_kernel, "laplacian": gm.laplacian_kernel}
    plain = {"linear": gm.linear_kernel, "cosine": gm.cosine_kernel}
    gram_x, gram_y = (
        makers[kernel](view, bandwidth=length) if kernel in makers else plain[kernel](view)
        for view, length in zip((x, y), lengths, strict=True)
    )
    products = [gram_x * gram_y[np.ix_(order, order)] for order in orders]
    entropies = np.array([-math.log((one**2).sum() / one.trace() ** 2) for one in products])
    found = np.concatenate([[result.statistic], result.null_distribution])
    assert found == pytest.approx(entropies.mean() - entropies, abs=1e-9 if n < 512 else 1e-6)


@pytest.mark.parametrize("alpha", [1.0, 1.01, 2.0])
def test_dime_and_mutual_information_order_permutations_alike(alpha):
    """Marginal entropies do not change when rows are permuted: both are the joint entropy and a constant, one test."""
    x, y = pairs(30)
    gram_x, gram_y = gm.gaussian_kernel(x, bandwidth=1.0), gm.gaussian_kernel(y, bandwidth=1.0)
    result = gm.independence_test(x, y, alpha=alpha, bandwidth=1.0, permutations=60, seed=torch.Generator())
    generator = torch.Generator()
    orders = [np.arange(30), *(torch.randperm(30, generator=generator).numpy() for _ in range(60))]
    moved = [gram_y[np.ix_(order, order)] for order in orders]
    information = np.array([float(gm.mutual_information(gram_x, one, alpha=alpha)) for one in moved])
    dime = np.array([float(gm.dime(gram_x, one, alpha=alpha, permutations=3, seed=0)) for one in moved[:3]])
    found = np.concatenate([[result.statistic], result.null_distribution])
    assert found - information == pytest.approx(np.full(61, found[0] - information[0]), abs=1e-9)
    assert (np.argsort(found) == np.argsort(information)).all()
    assert result.pvalue == pytest.approx(np.mean(information >= information[0] - 1e-12))
    # DiME against the same shuffles is again the joint entropy and a constant.
    shuffles = torch.Generator().manual_seed(0)
    draws = [torch.randperm(30, generator=shuffles).numpy() for _ in range(3)]
    for one, value in zip(moved, dime, strict=False):
        paired = joint_entropies(gram_x, one, alpha, [np.arange(30)])[0]
        assert value == pytest.approx(joint_entropies(gram_x, one, alpha, draws).mean() - paired, abs=1e-9)


def test_order_two_is_hsic_of_the_squared_kernels_and_the_row_sums():
    x, y = pairs(25)
    result = gm.independence_test(x, y, bandwidth=1.0, permutations=40, seed=torch.Generator())
    generator = torch.Generator()
    orders = [np.arange(25), *(torch.randperm(25, generator=generator).numpy() for _ in range(40))]
    left, right = gaussian_gram(x) ** 2, gaussian_gram(y) ** 2
    centring = np.eye(25) - 1 / 25
    sums = []
    for order in orders:
        moved = right[np.ix_(order, order)]
        hsic = np.trace(left @ centring @ moved @ centring)
        sums.append(hsic + 2 / 25 * left.sum(1) @ moved.sum(1) - left.sum() * right.sum() / 25**2)
    found = np.concatenate([[result.statistic], result.null_distribution])
    assert found == pytest.approx(np.log(sums) - np.mean(np.log(sums)), abs=1e-12)


@pytest.mark.parametrize(
    "told", [{"bandwidth": ("aggregate", "median")}, {"alpha": 1.01, "bandwidth": (1.0, [0.5, 2.0])}]
)
def test_the_level_is_exact_over_all_orders_of_one_sample(told):
    """Of the 120 orders of five pairs at most a share t has a p-value of at most t, whatever is combined."""
    x, y = pairs(5, seed=3)
    found = np.array([gm.independence_test(x, y[list(p)], **told).pvalue for p in itertools.permutations(range(5))])
    for level in np.unique(found):
        assert np.mean(found <= level + 1e-12) <= level + 1e-12
    assert found.min() == pytest.approx(1 / 120)


def test_independent_views_are_rejected_as_often_as_they_may_be():
    found = []
    for repetition in range(100):
        rng = np.random.default_rng(repetition)
        views = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
        found.append(gm.independence_test(*views, permutations=39, seed=repetition).pvalue)
    assert np.mean(np.array(found) <= 0.05) <= 0.12  # as 99.5 % of binomial draws
    assert np.mean(found) == pytest.approx(0.5, abs=0.1)


def test_dependence_without_correlation_is_found():
    x, y = pairs(80, seed=1)
    found = gm.independence_test(x, y, seed=0)
    assert found.pvalue == 0.001
    assert found.dime > 0
    shuffled = gm.independence_test(x, np.random.default_rng(5).permutation(y), seed=0)
    assert shuffled.pvalue > 0.05
    statistic, pvalue = found
    assert (statistic, pvalue) == (found.statistic, found.pvalue)
    assert isinstance(found, IndependenceResult)


def test_every_bandwidth_of_one_view_meets_every_one_of_the_other():
    x, y = pairs(20)
    result = gm.independence_test(x, 100 * y, seed=0)
    lengths = [scale.bandwidth for scale in result.scales]
    assert len(set(lengths)) == len(lengths) == 25
    assert len({one for one, _ in lengths}) == len({other for _, other in lengths}) == 5
    assert [scale.bandwidth for scale in gm.independence_test(x, y, bandwidth=([1, 2], 3.0)).scales] == [
        (1.0, 3.0),
        (2.0, 3.0),
    ]
    mixed = gm.independence_test(x, y, kernel=("linear", ("gaussian", "laplacian")), bandwidth=("aggregate", 2.0))
    assert [scale.kernel for scale in mixed.scales] == [("linear", "gaussian"), ("linear", "laplacian")]
    assert [scale.bandwidth for scale in mixed.scales] == [(None, 2.0), (None, 2.0)]


@pytest.mark.parametrize("told", [{}, {"alpha": 1.01, "bandwidth": "median"}])
def test_units_and_the_order_of_the_pairs_change_nothing(told):
    x, y = pairs(6, seed=2)
    plain = gm.independence_test(x, y, **told)
    order = np.random.default_rng(0).permutation(6)
    assert plain.exhaustive
    for views in ((1000 * x, y / 7 + 3), (x[order], y[order]), (y, x)):
        other = gm.independence_test(*views, **told)
        assert other.pvalue == plain.pvalue
        assert other.statistic == pytest.approx(plain.statistic, rel=1e-6)


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_ties_count(alpha):
    x = np.array([[0.0], [0.0], [0.0], [1.0], [1.0], [1.0]])
    same = gm.independence_test(x, x, alpha=alpha, bandwidth=1.0)
    assert same.exhaustive
    assert same.pvalue == pytest.approx(2 * 36 / 720)  # orders that keep the halves, or exchange them
    alone = gm.independence_test(np.eye(8), np.eye(8), alpha=alpha, kernel="precomputed", permutations=50, seed=0)
    assert alone.pvalue == 1.0  # all objects equally unlike: no order is better than another
    far = 1e6 * np.arange(600.0)[:, None]
    assert gm.independence_test(far, far, bandwidth=1.0, permutations=19, seed=0).pvalue == 1.0


@pytest.mark.parametrize("alpha", [1.01, 2.0])
def test_grams_in_place_of_points(alpha):
    x, y = pairs(25)
    grams_x = np.stack([gaussian_gram(x, 0.7), gaussian_gram(x, 1.4)])
    told = {"alpha": alpha, "permutations": 20, "seed": 0}
    points = gm.independence_test(x, y, bandwidth=([0.7, 1.4], 1.0), **told)
    given = gm.independence_test(3.0 * grams_x, gaussian_gram(y), kernel="precomputed", **told)
    assert given.null_distribution == pytest.approx(points.null_distribution, rel=1e-6)
    assert given.pvalue == points.pvalue
    assert [scale.kernel for scale in given.scales] == [("precomputed", "precomputed")] * 2


def test_a_function_serves_as_kernel():
    x, y = pairs(20)
    own = gm.independence_test(x, y, kernel=(lambda points: gaussian_gram(points, 2.0), "linear"), seed=0)
    named = gm.independence_test(x, y, kernel=("gaussian", "linear"), bandwidth=(2.0, "aggregate"), seed=0)
    assert own.null_distribution == pytest.approx(named.null_distribution, rel=1e-9)


@pytest.mark.parametrize("alpha", [1.0, 1.01, 3.0])
def test_leading_eigenvalues_give_nearly_the_same_null_distribution(alpha):
    x, y = pairs(60)
    told = {"alpha": alpha, "bandwidth": "median", "permutations": 30}
    exact = gm.independence_test(x, y, seed=torch.Generator(), **told)
    fewer = gm.independence_test(x, y, rank=30, seed=torch.Generator(), **told)
    assert (fewer.rank, exact.rank) == (30, None)
    spread = exact.null_distribution.std()
    assert np.abs(fewer.null_distribution - exact.null_distribution).max() < 0.15 * spread
    assert np.corrcoef(fewer.null_distribution, exact.null_distribution)[0, 1] > 0.998
    assert gm.independence_test(x, y, rank=60, seed=0, **told).rank is None


def test_kinds_and_seeds():
    x, y = pairs(20)
    before = torch.random.get_rng_state()
    first, second = (gm.independence_test(x, y, seed=3) for _ in range(2))
    assert (first.null_distribution == second.null_distribution).all()
    assert torch.equal(before, torch.random.get_rng_state())
    tensors = gm.independence_test(torch.tensor(x), torch.tensor(y), seed=3)
    assert isinstance(tensors.null_distribution, torch.Tensor)
    assert tensors.null_distribution.numpy() == pytest.approx(first.null_distribution)
    single = gm.independence_test(x.astype(np.float32), y.astype(np.float32), seed=3)
    assert single.null_distribution.dtype == np.float32
    assert single.statistic == pytest.approx(first.statistic, rel=1e-3)


X, Y = pairs(8)
GRAM = gaussian_gram(X)


@pytest.mark.parametrize(
    ("views", "error", "message"),
    [
        ((X, Y[:-1]), ValueError, "y: expected as many points as x, 8; got 7"),
        (
            (X[:, 0], Y),
            ValueError,
            r"x: expected points \(n, d\); got shape \(8,\).* reshape single numbers to \(n, 1\)",
        ),
        ((X, Y[:, 0]), ValueError, r"y: expected points \(n, d\); got shape \(8,\)"),
        ((X[:4], Y[:4]), ValueError, "x: expected at least 5 pairs; got 4"),
        ((X[:1], Y[:1]), ValueError, "x: expected at least 5 pairs; got 1"),
        ((X, np.full_like(Y, np.nan)), ValueError, "y: expected finite values; got 8 NaN"),
        ((X, np.ones_like(Y)), ValueError, "y: expected at least two different points; got all points equal"),
        ((np.ones_like(X), Y), ValueError, "x: expected at least two different points; got all points equal"),
        ((X, torch.tensor(Y)), TypeError, "y: expected a NumPy array like x; got a torch tensor"),
        ((X, Y.astype(int)), TypeError, "y: expected a floating dtype"),
    ],
)
def test_bad_views(views, error, message):
    with pytest.raises(error, match=message):
        gm.independence_test(*views)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"alpha": -1.0}, ValueError, "alpha: expected an order from 0 to infinity"),
        ({"permutations": 0}, ValueError, "permutations: expected an integer of at least 1; got 0"),
        ({"seed": "0"}, TypeError, "seed: expected an integer, a torch.Generator or None"),
        ({"kernel": "rbf"}, ValueError, "kernel: expected one of gaussian"),
        ({"kernel": ("gaussian",) * 3}, ValueError, "kernel: expected one for both views or a pair"),
        ({"bandwidth": [1.0, 2.0, 3.0]}, ValueError, "bandwidth: expected one for both views or a pair"),
        ({"bandwidth": 0.0}, ValueError, "bandwidth: expected positive, finite lengths"),
        ({"bandwidth": 1.0, "kernel": "linear"}, ValueError, "bandwidth: expected the default for kernels other than"),
        ({"rank": 4}, ValueError, "rank: expected None at orders below 1 and at order 2; got 4"),
        ({"rank": 4, "alpha": 0.5}, ValueError, "rank: expected None at orders below 1"),
        ({"rank": 0, "alpha": 1.0}, ValueError, "rank: expected an integer of at least 1; got 0"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        gm.independence_test(X, Y, **arguments)


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ((GRAM, GRAM[:7, :7]), "y: expected as many points as x, 8; got 7"),
        ((GRAM, np.ones((8, 8))), "y: expected a Gram of different points; got a constant Gram"),
        ((GRAM[:4, :4], GRAM[:4, :4]), "x: expected at least 5 pairs; got 4"),
        ((GRAM[:, :5], GRAM), "x: expected a square Gram matrix"),
        ((GRAM, -GRAM), "y: expected a positive semidefinite Gram matrix"),
        ((1.0 - 0.9 * np.eye(8), GRAM), "x: expected a positive semidefinite Gram matrix"),
        ((GRAM[None, None], GRAM), r"x: expected one Gram \(n, n\), or one for each scale"),
    ],
)
def test_bad_grams(views, message):
    with pytest.raises(ValueError, match=message):
        gm.independence_test(*views, kernel="precomputed")
