"""Conventions that published code gets wrong: each test shows the published behaviour to differ, and ours to hold."""

import math

import numpy as np
import pytest

from gramian import quality
from gramian.itl import cosine_kernel, dime

pytestmark = pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")


def prompts(count=40, tokens=12, d=16, seed=0):
    """Prompts that differ by their mean: what pooling must keep."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 1, d)) + 0.5 * rng.normal(size=(count, tokens, d))


def test_convention_03_a_prompt_is_pooled_before_centring():
    """Published: tokens are centred and normalised first, then averaged; the prompt's mean is gone."""

    def published_pooling(tokens):
        centred = tokens - tokens.mean(-2, keepdims=True)
        return (centred / np.linalg.norm(centred, axis=-1, keepdims=True)).mean(-2)

    tokens = prompts()
    ours, published = tokens.mean(1), published_pooling(tokens)
    assert np.linalg.norm(published, axis=1).mean() < 0.1 * np.linalg.norm(ours, axis=1).mean()
    other_view = prompts(seed=0) + 0.2 * np.random.default_rng(1).normal(size=tokens.shape)
    bound = float(quality.infonce_bound(ours, other_view.mean(1)))
    # The published vectors are not brought to unit length either: their logits are near zero and the loss at chance.
    logits = published @ published_pooling(other_view).T / 0.1
    loss = np.mean(np.log(np.exp(logits).sum(1)) - np.diag(logits))
    assert math.log(40) - loss < 0.2
    assert bound > 3
    # Centring alone leaves nothing: the mean of centred tokens is zero, and a measure of it refuses.
    with pytest.raises(ValueError, match="expected"):
        quality.anisotropy(np.zeros_like(ours) + (tokens - tokens.mean(1, keepdims=True)).mean(1).round(12))


def test_convention_04_hadamard_products_use_n_by_n_grams():
    """Published: for N > d the Gram matrices are swapped for d x d covariances, whose Hadamard product is another quantity."""

    def published_dime(a, b, seed):
        def trace_one(m):
            return m / np.trace(m)

        def entropy(m):
            p = np.linalg.eigvalsh(m / np.trace(m))
            p = p[p > 1e-12]
            return -(p * np.log(p)).sum()

        first, second = trace_one(a.T @ a), trace_one(b.T @ b)
        rng = np.random.default_rng(seed)
        orders = [rng.permutation(len(second)) for _ in range(5)]
        return np.mean([entropy(first * second[np.ix_(p, p)]) for p in orders]) - entropy(first * second)

    tokens = prompts(count=120, d=6)
    a, b = tokens[:, :6].mean(1), tokens[:, 6:].mean(1)
    ours = float(quality.augmentation_dime(a, b, permutations=5, seed=0, alpha=1.0))
    assert ours == pytest.approx(float(dime(cosine_kernel(a), cosine_kernel(b), permutations=5, seed=0, alpha=1.0)))
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b)]
    assert abs(published_dime(*unit, seed=0)) < 0.5 * ours


CORNER = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.5, math.sqrt(0.75), 1.0], [1.5, math.sqrt(0.75), 1.0]])


def test_convention_05_curvature_is_on_differences():
    """Published (first version): arccos between successive centred unit tokens, not between differences."""

    def published_curvature(tokens):
        z = tokens - tokens.mean(0)
        z = z / np.linalg.norm(z, axis=1, keepdims=True)
        return np.mean(np.arccos(np.clip((z[:-1] * z[1:]).sum(1), -1, 1)))

    line = np.outer(np.arange(1.0, 6.0), [1.0, 2.0])
    assert float(quality.curvature(line)) == pytest.approx(0, abs=1e-12)
    assert published_curvature(line[[0, 1, 3, 4]]) > 0.5, "a straight line turns, by the published code"
    assert float(quality.curvature(CORNER)) == pytest.approx(2 * math.pi / 3)


def test_convention_05_angles_are_not_folded():
    """Published (later version): the absolute value of the cosine folds a reversal into a straight line."""

    def published_curvature(tokens):
        v = np.diff(tokens, axis=0)
        v = v / np.linalg.norm(v, axis=1, keepdims=True)
        return np.mean(np.arccos(np.clip(np.abs((v[:-1] * v[1:]).sum(1)), -1, 1)))

    assert published_curvature(CORNER) == pytest.approx(math.pi / 3)
    assert float(quality.curvature(CORNER)) == pytest.approx(2 * math.pi / 3)
    assert float(quality.curvature(np.array([[0.0], [1.0], [0.0]]))) == pytest.approx(math.pi)


def test_convention_05_cosines_that_round_above_one_give_no_nan():
    """Published: arccos of an unclamped product of unit vectors, NaN as soon as one rounds above 1."""

    def published_angles(v):
        v = v / np.linalg.norm(v, axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            return np.arccos((v[:-1] * v[1:]).sum(1))

    rng = np.random.default_rng(0)
    lines = [np.outer(np.arange(4.0), rng.normal(size=7)) for _ in range(50)]
    assert any(np.isnan(published_angles(np.diff(line, axis=0))).any() for line in lines)
    assert max(float(quality.curvature(line)) for line in lines) < 1e-7


def test_convention_06_lidar_is_the_exponential_and_its_entropy_has_its_own_name():
    """Published layer-wise code reports the entropy as LiDAR; the LiDAR paper reports its exponential."""
    rng = np.random.default_rng(0)
    views = rng.normal(size=(30, 1, 5)) + 0.3 * rng.normal(size=(30, 12, 5))
    entropy, dimensions = float(quality.lidar_entropy(views)), float(quality.lidar(views))
    assert dimensions == pytest.approx(math.exp(entropy))
    assert 1 < entropy < math.log(5) < dimensions < 5
    assert (quality.get("lidar").unit, quality.get("lidar_entropy").unit) == ("dimensions", "nats")


@pytest.mark.parametrize(
    ("function", "arrays", "message"),
    [
        (quality.prompt_entropy, (np.ones((1, 3)),), "at least 2 real tokens"),
        (quality.prompt_entropy, (np.ones((4, 3)),), "tokens that differ"),
        (quality.curvature, (np.eye(2),), "at least 3 real tokens"),
        (quality.curvature, (np.ones((4, 3)),), "differences that are not zero"),
        (quality.sink_share, (np.zeros((4, 3)),), "not zero"),
        (quality.dataset_entropy, (np.zeros((4, 3)),), "not zero"),
        (quality.effective_rank, (np.ones((1, 3)),), "at least 2 prompts"),
        (quality.participation_ratio, (np.ones((4, 3)),), "rows that differ"),
        (quality.alpha_req, (np.outer(np.arange(6.0), np.ones(5)),), "fit_range"),
        (quality.intrinsic_dimension, (np.repeat(np.eye(2), 5, 0),), "at least 3 different rows"),
        (quality.intrinsic_dimension, (np.eye(6),), "different distances"),
        (quality.lidar, (np.ones((4, 3, 2)),), "rows that differ"),
        (quality.infonce, (np.zeros((4, 3)), np.ones((4, 3))), "direction"),
        (quality.linear_cka, (np.ones((4, 3)), np.eye(4)), "x: expected rows that differ"),
        (quality.adjacent_cosine, (np.ones((4, 3)), np.zeros((4, 3))), "direction"),
    ],
)
def test_convention_13_undefined_raises(function, arrays, message):
    with pytest.raises(ValueError, match=message):
        function(*arrays)
