"""Token measures: masks, degenerate prompts, and the fast path."""

import math
import warnings

import numpy as np
import pytest
import torch

from gramian.itl import spectral_entropy
from gramian.quality import curvature, get, prompt_entropy, prompt_entropy_from_spectrum, sink_share, token_spectrum

TOKEN_MEASURES = [get(name) for name in ("prompt_entropy", "curvature", "sink_share")]
every_measure = pytest.mark.parametrize("measure", TOKEN_MEASURES, ids=lambda m: m.name)


def ragged(lengths, d, *, seed=0):
    rng = np.random.default_rng(seed)
    prompts = [rng.normal(size=(n, d)) + 0.5 for n in lengths]
    batch = np.full((len(lengths), max(lengths), d), np.nan)
    mask = np.zeros(batch.shape[:2], dtype=bool)
    for i, prompt in enumerate(prompts):
        batch[i, : len(prompt)], mask[i, : len(prompt)] = prompt, True
    return prompts, batch, mask


@pytest.mark.parametrize("d", [3, 40])
@every_measure
def test_a_masked_batch_gives_each_prompt_alone(measure, d):
    """Padding may hold anything, NaN included."""
    prompts, batch, mask = ragged([4, 9, 17], d)
    alone = [float(measure.function(prompt)) for prompt in prompts]
    np.testing.assert_allclose(measure.function(batch, mask), alone, rtol=1e-10)
    np.testing.assert_allclose(measure.function(torch.tensor(batch), torch.tensor(mask)).numpy(), alone, rtol=1e-10)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0, math.inf])
@pytest.mark.parametrize("normalization", [None, "log_n", "log_d", "min"])
def test_a_masked_batch_gives_each_prompt_alone_at_every_order(alpha, normalization):
    prompts, batch, mask = ragged([4, 9, 17], 6)
    options = {"alpha": alpha, "normalization": normalization}
    alone = [float(prompt_entropy(prompt, **options)) for prompt in prompts]
    np.testing.assert_allclose(prompt_entropy(batch, mask, **options), alone, rtol=1e-9)


@every_measure
def test_leaving_the_first_token_out_by_mask_is_leaving_it_out(measure):
    x = np.random.default_rng(0).normal(size=(8, 4))
    mask = np.arange(8) > 0
    assert float(measure.function(x, mask)) == pytest.approx(float(measure.function(x[1:])), rel=1e-12)


def test_entropy_and_sink_share_take_any_mask():
    x = np.random.default_rng(0).normal(size=(8, 4))
    mask = np.array([0, 1, 0, 1, 1, 0, 1, 1], dtype=bool)
    for function in (prompt_entropy, sink_share):
        assert float(function(x, mask)) == pytest.approx(float(function(x[mask])), rel=1e-12)


def test_curvature_refuses_gaps():
    x = np.random.default_rng(0).normal(size=(2, 8, 4))
    mask = np.ones((2, 8), dtype=bool)
    mask[1, 3] = False
    with pytest.raises(ValueError, match=r"mask: expected one contiguous run .* got gaps in prompt\(s\) 1\."):
        curvature(x, mask)


@every_measure
def test_bad_masks_are_refused(measure):
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    ones = np.ones((2, 5), dtype=bool)
    with pytest.raises(TypeError, match="mask: expected boolean entries; got int64"):
        measure.function(x, ones.astype(np.int64))
    with pytest.raises(ValueError, match=r"mask: expected shape \(2, 5\)"):
        measure.function(x, ones[0])
    with pytest.raises(ValueError, match=r"mask: expected at least one true entry in every prompt; .* prompt\(s\) 1"):
        measure.function(x, np.array([[True] * 5, [False] * 5]))
    with pytest.raises(TypeError, match="mask: expected the kind of tokens"):
        measure.function(x, torch.tensor(ones))
    with pytest.raises(TypeError, match="tokens: expected a NumPy array"):
        measure.function(x.tolist(), ones)


@every_measure
def test_a_mask_may_be_a_view_of_any_kind(measure):
    """Reversed and read-only memory, which torch cannot share."""
    x = np.random.default_rng(0).normal(size=(8, 4))
    real = np.arange(8) < 6
    reversed_view, read_only = real[::-1].copy()[::-1], real.copy()
    read_only.flags.writeable = False
    expected = float(measure.function(x[:6]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mask in (reversed_view, read_only):
            assert float(measure.function(x, mask)) == pytest.approx(expected, rel=1e-12)


@every_measure
def test_masked_arrays_are_refused_since_their_mask_would_be_lost(measure):
    x, real = np.random.default_rng(0).normal(size=(8, 4)), np.ones(8, dtype=bool)
    hidden = np.ma.masked_array(x, mask=x > 1)
    for arguments in ((hidden,), (hidden, real)):
        with pytest.raises(TypeError, match=r"tokens: expected a plain NumPy array .* got a masked array"):
            measure.function(*arguments)
    with pytest.raises(TypeError, match="mask: expected a plain NumPy array"):
        measure.function(x, np.ma.masked_array(real, mask=~real))


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_padding_does_not_move_the_rank_tolerance(alpha):
    """An eigenvalue of 1e-5 is above 6 float32 roundings of the largest, and below 300: it counts, however long the batch."""
    angle = 10**-2.5
    prompt = np.array([[1, angle], [1, -angle], [-1, angle], [-1, -angle], [1, 0], [-1, 0]], dtype=np.float32)
    batch = np.zeros((2, 300, 2), dtype=np.float32)
    batch[0, :6], batch[1] = prompt, np.random.default_rng(0).normal(size=(300, 2))
    mask = np.arange(300) < np.array([[6], [300]])
    alone = float(prompt_entropy(prompt, alpha=alpha))
    assert alone > 1e-3
    assert float(prompt_entropy(batch, mask, alpha=alpha)[0]) == pytest.approx(alone, rel=1e-5)
    spectra = token_spectrum(batch, mask)
    found = prompt_entropy_from_spectrum(spectra, mask.sum(1), 2, alpha=alpha)
    assert float(found[0]) == pytest.approx(alone, rel=1e-2)


@every_measure
def test_nan_in_a_real_token_is_refused(measure):
    _, batch, mask = ragged([4, 6], 3)
    mask[0, 4] = True
    with pytest.raises(ValueError, match="expected finite"):
        measure.function(batch, mask)


def test_one_token_has_no_centred_entropy():
    prompts, batch, mask = ragged([1, 5], 3)
    with pytest.raises(ValueError, match=r"expected at least 2 real tokens a prompt; got 1 in prompt\(s\) 0"):
        prompt_entropy(batch, mask)
    assert float(prompt_entropy(prompts[0], center=False)) == 0
    with pytest.raises(ValueError, match="'log_n' to divide by the log of 2 or more"):
        prompt_entropy(prompts[0], center=False, normalization="log_n")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_equal_tokens_have_no_centred_entropy(dtype):
    """The mean of equal numbers is off by rounding; what it leaves must not be taken for directions."""
    equal = np.full((7, 4), 0.1, dtype=dtype) * np.arange(1, 5, dtype=dtype)
    for function in (prompt_entropy, token_spectrum):
        with pytest.raises(ValueError, match="expected tokens that differ in every prompt; got equal tokens"):
            function(equal)
    with pytest.raises(ValueError, match="got only zeros"):
        prompt_entropy(np.zeros((3, 2), dtype=dtype), center=False)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_token_equal_to_the_mean_counts_as_a_zero_row(dtype):
    rng = np.random.default_rng(3)
    a, b, c = rng.normal(size=(3, 5)).astype(dtype) + dtype(10)
    tokens = np.stack([a, b, c, ((a.astype(float) + b + c) / 3).astype(dtype)])
    expected = float(prompt_entropy(tokens[:3].astype(np.float64)))
    assert float(prompt_entropy(tokens)) == pytest.approx(expected, abs=1e-5)
    assert float(spectral_entropy(token_spectrum(tokens))) == pytest.approx(expected, abs=1e-5)


def test_short_prompts_have_no_curvature():
    _, batch, mask = ragged([2, 5], 3)
    with pytest.raises(ValueError, match=r"expected at least 3 real tokens a prompt; got fewer in prompt\(s\) 0"):
        curvature(batch, mask)
    with pytest.raises(ValueError, match="expected two successive differences that are not zero"):
        curvature(np.ones((5, 2)))
    with pytest.raises(ValueError, match="expected two successive differences"):
        curvature(np.array([[0.0], [1.0], [1.0], [2.0]]))  # a pause between two steps: no angle


def test_zero_prompts_have_no_sink_share():
    with pytest.raises(ValueError, match="expected a token that is not zero"):
        sink_share(np.zeros((3, 2)))


def test_massive_activations_do_not_overflow_float32():
    x = np.ones((4, 8), dtype=np.float32)
    x[0] = 1e20
    assert float(sink_share(x)) == pytest.approx(1)


def test_unknown_normalization_is_refused():
    with pytest.raises(ValueError, match="normalization: expected one of None, 'log_n', 'log_d', 'min'; got 'max'"):
        prompt_entropy(np.eye(3), normalization="max")


def test_negative_order_is_refused():
    with pytest.raises(ValueError, match="alpha: expected"):
        prompt_entropy(np.eye(3), alpha=-1)


def spread_prompts(seed):
    """Prompts between flat and nearly one line, as in a layer whose first token outweighs all others."""
    rng = np.random.default_rng(seed)
    for n, d in ((200, 64), (64, 200), (300, 300)):
        for tail in (0.0, 1e-6, 1e-3, 1e-1, 1.0):
            yield np.outer(rng.normal(size=n), rng.normal(size=d)) + tail * rng.normal(size=(n, d))


@pytest.mark.parametrize("alpha", [1.0, 1.5, 2.0, math.inf])
def test_the_float32_spectrum_stays_within_1e_4_nats(alpha):
    for x in spread_prompts(0):
        single = x.astype(np.float32)
        fast = prompt_entropy_from_spectrum(token_spectrum(single), len(x), x.shape[1], alpha=alpha)
        assert fast.dtype == np.float32
        assert float(fast) == pytest.approx(float(prompt_entropy(single.astype(np.float64), alpha=alpha)), abs=1e-4)


@pytest.mark.parametrize("normalization", [None, "log_n", "log_d", "min"])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_entropy_from_the_spectrum_is_prompt_entropy(alpha, normalization):
    _, batch, mask = ragged([4, 9, 17], 6)
    spectrum = token_spectrum(batch, mask)
    assert spectrum.shape == (3, 6)
    found = prompt_entropy_from_spectrum(spectrum, mask.sum(1), 6, alpha=alpha, normalization=normalization)
    np.testing.assert_allclose(found, prompt_entropy(batch, mask, alpha=alpha, normalization=normalization), rtol=1e-9)
    with pytest.raises(ValueError, match=r"lengths: expected shape \(3,\)"):
        prompt_entropy_from_spectrum(spectrum, 4, 6)
    with pytest.raises(ValueError, match=r"eigenvalues: expected a sum of one; got 2"):
        prompt_entropy_from_spectrum(2 * spectrum, mask.sum(1), 6)


def test_spectrum_sums_to_one_and_descends():
    _, batch, mask = ragged([4, 9, 17], 40)
    spectrum = token_spectrum(batch, mask)
    np.testing.assert_allclose(spectrum.sum(-1), 1)
    assert (np.diff(spectrum, axis=-1) <= 0).all()


@pytest.mark.parametrize("unit_norm", [True, False])
@pytest.mark.parametrize("center", [True, False])
def test_gradients_are_finite_with_padding_and_zero_rows(center, unit_norm):
    _, batch, mask = ragged([4, 9, 17], 40)
    batch[1, 3] = batch[1, :9][[0, 1, 2, 4, 5, 6, 7, 8]].mean(0)  # equal to the mean of its prompt
    x = torch.tensor(np.nan_to_num(batch), requires_grad=True)
    prompt_entropy(x, torch.tensor(mask), center=center, unit_norm=unit_norm).sum().backward()
    assert bool(torch.isfinite(x.grad).all())
    assert bool((x.grad[0, 4:] == 0).all()), "padding has no influence"


def test_curvature_has_a_finite_gradient_on_straight_and_reversing_paths():
    for path in ([[0.0, 0], [1, 1], [2, 2], [3, 3]], [[0.0, 0], [1, 0], [0, 0], [1, 0]]):
        x = torch.tensor(path, dtype=torch.float64, requires_grad=True)
        curvature(x).backward()
        assert bool(torch.isfinite(x.grad).all())
