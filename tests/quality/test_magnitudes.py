"""Numbers whose squares overflow or vanish: a value that scale does not change, or an error that says so."""

import numpy as np
import pytest
import torch

from gramian import quality
from gramian.quality import LayerPair, Moments, ViewScatter, available, get, token_spectrum

from ._references import CASES

INVARIANT = [m for m in available() if "scale" in m.invariances]
scale_invariant = pytest.mark.parametrize("measure", INVARIANT, ids=lambda m: m.name)
pytestmark = pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")
rng = np.random.default_rng


def sample(measure):
    return CASES[measure.name].sample(rng(0))


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-160, 1e-75, 1e75, 1e150, 1e200, 1e300])
@scale_invariant
def test_scale_invariance_reaches_to_the_ends_of_float64(measure, scale):
    arrays = sample(measure)
    expected = float(measure.function(*arrays))
    assert float(measure.function(*(scale * a for a in arrays))) == pytest.approx(expected, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("scale", [1e-37, 1e-30, 1e-20, 1e15, 1e20, 1e37])
@scale_invariant
def test_scale_invariance_reaches_to_the_ends_of_float32(measure, scale):
    arrays = [a.astype(np.float32).astype(np.float64) for a in sample(measure)]
    expected = float(measure.function(*(a.astype(np.float32) for a in arrays)))
    value = float(measure.function(*((scale * a).astype(np.float32) for a in arrays)))
    assert value == pytest.approx(expected, rel=2e-4, abs=2e-4)


@pytest.mark.parametrize("scale", [1e-25, 1e20])
def test_the_token_spectrum_does_not_depend_on_the_scale(scale):
    x = rng(0).normal(size=(20, 8))
    found = token_spectrum((scale * x).astype(np.float32))
    np.testing.assert_allclose(found, token_spectrum(x), atol=1e-5)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
@pytest.mark.parametrize("name", ["curvature", "prompt_entropy", "infonce", "linear_cka", "participation_ratio"])
def test_the_gradient_scales_as_the_inverse_of_the_data(name, scale):
    measure = get(name)

    def gradient(factor):
        arrays = [torch.tensor(factor * a, requires_grad=True) for a in sample(measure)]
        measure.function(*arrays).backward()
        return factor * arrays[0].grad

    torch.testing.assert_close(gradient(scale), gradient(1.0), rtol=1e-6, atol=1e-10)


def test_uncentred_tokens_keep_their_directions_beside_one_that_is_huge():
    x = rng(0).normal(size=(6, 4)).astype(np.float32)
    scaled = x * np.array([1e30, 1e-30, 1, 1, 1, 1], dtype=np.float32)[:, None]
    expected = float(quality.prompt_entropy(x, center=False))
    assert float(quality.prompt_entropy(scaled, center=False)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("scale", [1e-200, 1e-100, 1e100, 1e200])
@pytest.mark.parametrize("name", ["participation_ratio", "dataset_entropy", "effective_rank", "linear_cka"])
def test_moments_out_of_range_say_so(name, scale):
    accumulator = get(name).accumulator()
    accumulator.update(*(scale * a for a in sample(get(name))))
    assert accumulator.statistic._rows is None
    with pytest.raises(ValueError, match="expected magnitudes from 1e-60 to 1e60"):
        accumulator.compute()


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_rows_and_directions_have_no_range(scale):
    x = rng(0).normal(size=(6, 12))
    far, near = Moments(), Moments()
    far.update(scale * x)
    near.update(x)
    for center in (True, False):
        np.testing.assert_allclose(far.spectrum(center=center), near.spectrum(center=center), atol=1e-12)
    many = rng(1).normal(size=(30, 4))
    for statistic, name in ((Moments(), "anisotropy"), (LayerPair(), "adjacent_cosine")):
        arrays = [many] if name == "anisotropy" else [many, many + 1]
        statistic.update(*(scale * a for a in arrays))
        assert get(name).finish(statistic) == pytest.approx(float(get(name).function(*arrays)), rel=1e-9)


def test_lidar_has_a_scale_and_refuses_squares_that_overflow():
    views = rng(0).normal(size=(30, 12, 4)) + rng(1).normal(size=(30, 1, 4))
    with pytest.raises(ValueError, match=r"views: expected deviations .* got an overflow"):
        quality.lidar(1e200 * views)
    scatter = ViewScatter()
    scatter.update(1e200 * views)
    with pytest.raises(ValueError, match="expected magnitudes"):
        get("lidar").finish(scatter)
    # The ridge outweighs views this small, whatever they are: the same limit.
    assert float(quality.lidar(1e-200 * views)) == pytest.approx(float(quality.lidar(1e-50 * views)))
