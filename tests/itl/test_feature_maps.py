"""Feature maps: inner products of features against the kernels they stand for."""

import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch

import gramian as gm
from gramian.itl import fourier_map, nystrom_map
from tests.itl._reference import normal

KERNELS = {"gaussian": gm.gaussian_kernel, "laplacian": gm.laplacian_kernel}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("width", [1, 2, 30])
def test_fourier_features_have_the_kernel_as_their_mean_inner_product(kernel, width):
    # 200,000 pairs of cosine and sine: each entry is a mean of cosines, off by 4 / sqrt(200,000) at most
    x = normal(6, width) / math.sqrt(width)
    phi = fourier_map(width, bandwidth=0.8, features=400_000, kernel=kernel, seed=0).map(x)
    assert torch.allclose(phi @ phi.mT, KERNELS[kernel](x, bandwidth=0.8), atol=4 / math.sqrt(200_000), rtol=0)


def test_the_laplacian_features_know_the_euclidean_distance():
    # Not the product of one-dimensional kernels: the same distance along a diagonal and along an axis
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0], [5.0, 0.0]], dtype=torch.float64)
    phi = fourier_map(2, bandwidth=5.0, features=400_000, kernel="laplacian", seed=0).map(x)
    assert (phi[1:] @ phi[0]).tolist() == pytest.approx([math.exp(-1)] * 2, abs=0.008)


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_row_of_fourier_features_has_norm_one(kernel):
    phi = fourier_map(3, bandwidth=0.1, features=10, kernel=kernel, seed=0).map(normal(50, 3))
    assert phi.square().sum(-1).tolist() == pytest.approx([1.0] * 50, abs=1e-14)


def test_the_error_of_fourier_features_falls_with_the_root_of_their_number():
    x = normal(40, 5)
    exact = gm.gaussian_kernel(x, bandwidth=2.0)

    def error(features):
        grams = [fourier_map(5, bandwidth=2.0, features=features, seed=s).map(x) for s in range(20)]
        return math.sqrt(sum(float((phi @ phi.mT - exact).square().mean()) for phi in grams) / 20)

    errors = [error(m) for m in (64, 256, 1024)]
    assert [a / b for a, b in pairwise(errors)] == pytest.approx([2.0, 2.0], rel=0.15)


@pytest.mark.parametrize("kernel", KERNELS)
def test_nystrom_features_reproduce_the_gram_of_the_landmarks(kernel):
    x = normal(60, 3)
    made = nystrom_map(x[:25], bandwidth=1.0, kernel=kernel)
    phi = made.map(x)
    exact = KERNELS[kernel](x, bandwidth=1.0)
    gram = phi @ phi.mT
    assert made.features == 25
    assert torch.allclose(gram[:25], exact[:25], atol=1e-9)  # with every other point too
    assert bool((gram.diagonal() <= 1 + 1e-9).all())
    assert torch.linalg.eigvalsh(exact - gram)[0] > -1e-9  # what is left out is positive semidefinite


def test_nystrom_directions_within_rounding_of_zero_are_left_out():
    x = normal(5, 2).repeat(4, 1)  # every landmark four times
    made = nystrom_map(x, bandwidth=1.0)
    phi = made.map(x)
    assert made.features == 5
    assert torch.allclose(phi @ phi.mT, gm.gaussian_kernel(x, bandwidth=1.0), atol=1e-12)
    smooth = nystrom_map(normal(200, 1), bandwidth=3.0)  # a spectrum that falls below rounding
    assert smooth.features < 30
    phi = smooth.map(normal(200, 1))
    assert torch.allclose(phi @ phi.mT, gm.gaussian_kernel(normal(200, 1), bandwidth=3.0), atol=1e-10)


MAPS = [
    lambda: fourier_map(3, bandwidth=1.3, features=14, seed=5),
    lambda: fourier_map(3, bandwidth=1.3, features=14, kernel="laplacian", seed=5),
    lambda: nystrom_map(normal(6, 3, seed=9), bandwidth=1.3),
    lambda: nystrom_map(normal(6, 3, seed=9), bandwidth=1.3, kernel="laplacian"),
]


@pytest.mark.parametrize("make", MAPS)
def test_maps_keep_kind_dtype_and_batch_axes(make):
    made, x = make(), normal(2, 4, 7, 3)
    phi = made.map(x)
    assert phi.shape == (2, 4, 7, made.features)
    assert torch.allclose(phi[1, 2], made.map(x[1, 2]), atol=1e-14)
    as_numpy = made.map(x.numpy())
    assert isinstance(as_numpy, np.ndarray)
    assert np.allclose(as_numpy, phi.numpy(), atol=1e-14)
    single = made.map(x.float())
    assert single.dtype == torch.float32
    assert torch.allclose(single.double(), phi, atol=1e-6)
    assert made.map(x.half()).dtype == torch.float32


@pytest.mark.parametrize("make", MAPS)
def test_maps_are_differentiable_by_the_points(make):
    assert torch.autograd.gradcheck(make().map, normal(4, 3, seed=2).requires_grad_())


@pytest.mark.parametrize("make", MAPS)
def test_pieces_and_recorded_gradients_change_nothing(make, monkeypatch):
    made, x = make(), normal(50, 3)
    whole = made.map(x.clone().requires_grad_()).detach()
    monkeypatch.setattr("gramian.itl._feature_maps._CHUNK", 40)
    assert torch.allclose(made.map(x), whole, atol=1e-14)


@pytest.mark.parametrize("make", MAPS)
def test_maps_are_frozen_picklable_and_say_what_they_are(make):
    made = make()
    with pytest.raises(AttributeError):
        made.bandwidth = 2.0
    again = pickle.loads(pickle.dumps(made))
    assert torch.equal(again.map(normal(3, 3)), made.map(normal(3, 3)))
    assert (made.kernel, made.bandwidth, made.width) == (again.kernel, 1.3, 3)


@pytest.mark.parametrize("kernel", KERNELS)
def test_fourier_features_are_differentiable_by_the_bandwidth(kernel):
    x = normal(4, 3)
    length = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)

    def features(sigma):
        return fourier_map(3, bandwidth=sigma, features=8, kernel=kernel, seed=0).map(x)

    assert torch.autograd.gradcheck(features, length)
    assert torch.allclose(features(length), features(1.3), atol=1e-14)


def test_the_dtype_of_features_can_be_chosen():
    x = normal(5, 3)
    for made in (
        fourier_map(3, bandwidth=1.0, seed=0, dtype=torch.float32),
        nystrom_map(x, bandwidth=1.0, dtype=torch.float32),
    ):
        assert made.map(x).dtype == torch.float32
        assert made.map(x.numpy()).dtype == np.float32
        assert made.map(x.clone().requires_grad_()).dtype == torch.float32


def test_one_seed_is_one_map_and_the_global_random_state_is_left_alone():
    x, before = normal(4, 3), torch.random.get_rng_state()
    maps = [fourier_map(3, bandwidth=1.0, seed=seed).map(x) for seed in (3, 3, 4, torch.Generator().manual_seed(3))]
    assert torch.equal(maps[0], maps[1])
    assert torch.equal(maps[0], maps[3])
    assert not torch.equal(maps[0], maps[2])
    fourier_map(3, bandwidth=1.0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_float32_points_far_from_the_origin_keep_their_phases():
    # In float32 the phase of a point at 1e4 bandwidths would be off by 1e-3; the points here are exact in float32.
    x = torch.arange(8, dtype=torch.float32)[:, None] / 8 + 10_000
    phi = fourier_map(1, bandwidth=1.0, features=64, seed=0).map(x).double()
    near = fourier_map(1, bandwidth=1.0, features=64, seed=0).map(x.double() - 10_000)
    assert torch.allclose(phi @ phi.mT, near @ near.mT, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"width": 0}, ValueError, "width: expected an integer of at least 1; got 0"),
        ({"width": 2.0}, TypeError, "width: expected an integer of at least 1; got float"),
        ({"features": 7}, ValueError, "features: expected an even number; got 7"),
        ({"features": 0}, ValueError, "features: expected an integer of at least 2; got 0"),
        ({"features": True}, TypeError, "features: expected an integer"),
        ({"kernel": "linear"}, ValueError, "kernel: expected one of gaussian, laplacian; got 'linear'"),
        ({"kernel": gm.gaussian_kernel}, TypeError, "kernel: expected the name of a kernel with a bandwidth; got func"),
        ({"bandwidth": "median"}, TypeError, "bandwidth: expected a number; got 'median'. A rule needs a sample"),
        ({"bandwidth": 0.0}, ValueError, "bandwidth: expected a positive, finite length; got 0.0"),
        ({"bandwidth": np.array(math.inf)}, ValueError, "bandwidth: expected a positive, finite length; got inf"),
        ({"bandwidth": torch.ones(2)}, ValueError, r"bandwidth: expected one number; got shape \(2,\)"),
        ({"bandwidth": None}, TypeError, "bandwidth: expected a number; got NoneType"),
        ({"bandwidth": torch.tensor(True)}, TypeError, "bandwidth: expected a number"),
        ({"dtype": torch.float16}, ValueError, r"dtype: expected torch.float32, torch.float64 or None"),
        ({"seed": "a"}, TypeError, "seed: expected an integer, a torch.Generator or None"),
    ],
)
def test_arguments_of_fourier_maps_are_checked(arguments, error, message):
    with pytest.raises(error, match=message):
        fourier_map(**{"width": 2, "bandwidth": 1.0} | arguments)


@pytest.mark.parametrize(
    ("landmarks", "arguments", "error", "message"),
    [
        (np.ones(3), {}, ValueError, r"landmarks: expected points \(m, d\); got shape \(3,\)"),
        (np.ones((2, 3, 1)), {}, ValueError, r"landmarks: expected points \(m, d\)"),
        (np.ones((0, 3)), {}, ValueError, "landmarks: expected at least one element"),
        (np.full((2, 2), np.nan), {}, ValueError, "landmarks: expected finite values"),
        (np.eye(2, dtype=int), {}, TypeError, "landmarks: expected a floating dtype"),
        (np.eye(2), {"bandwidth": -1}, ValueError, "bandwidth: expected a positive, finite length"),
        (np.eye(2), {"kernel": "cosine"}, ValueError, "kernel: expected one of gaussian, laplacian"),
        (
            np.eye(2),
            {"bandwidth": torch.tensor(1.0, requires_grad=True)},
            TypeError,
            "bandwidth: expected a number without gradient",
        ),
    ],
)
def test_arguments_of_nystrom_maps_are_checked(landmarks, arguments, error, message):
    with pytest.raises(error, match=message):
        nystrom_map(landmarks, **{"bandwidth": 1.0} | arguments)


@pytest.mark.parametrize("make", MAPS)
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones(3), ValueError, r"x: expected points \(\.\.\., n, d\); got shape \(3,\)"),
        (np.ones((4, 2)), ValueError, r"x: expected points of width 3, .* got shape \(4, 2\)"),
        (np.ones((0, 3)), ValueError, "x: expected at least one element"),
        (np.full((2, 3), np.inf), ValueError, "x: expected finite values"),
        (np.ones((2, 3), dtype=int), TypeError, "x: expected a floating dtype"),
        ([[1.0, 2.0, 3.0]], TypeError, "x: expected a NumPy array or a torch tensor"),
    ],
)
def test_points_of_maps_are_checked(make, x, error, message):
    with pytest.raises(error, match=message):
        make().map(x)


@pytest.mark.parametrize(("scale", "bandwidth"), [(1e13, 1.0), (1.0, 1e-300), (1e300, 1e-300)])
def test_phases_without_digits_are_refused(scale, bandwidth):
    with pytest.raises(
        ValueError, match=r"x: expected points within 1e\+11 bandwidths of the origin; got a coordinate"
    ):
        fourier_map(2, bandwidth=bandwidth, seed=0).map(scale * np.eye(2))


def test_points_and_bandwidths_of_any_scale_have_features():
    x = normal(5, 2)
    expected = fourier_map(2, bandwidth=1.0, features=8, seed=0).map(x)
    for scale in (1e-150, 1e150):
        scaled = fourier_map(2, bandwidth=scale, features=8, seed=0).map(scale * x)
        assert torch.allclose(scaled, expected, atol=1e-12)
        landmarks = nystrom_map(scale * x, bandwidth=scale).map(scale * x)
        assert torch.allclose(landmarks @ landmarks.mT, gm.gaussian_kernel(x, bandwidth=1.0), atol=1e-12)
