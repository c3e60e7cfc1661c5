"""The engine's one Gram per layer gives what the plain functions give, prompt by prompt."""

import math

import pytest
import torch

from gramian.layers._token_statistics import TokenPass, curvature_of, left_aligned
from gramian.quality import curvature, prompt_entropy, sink_share

LENGTHS = [4, 9, 17, 30]
ORDERS = (0.5, 1.0, 2.0, math.inf)


def ragged_batch(width, *, sink=1.0, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(len(LENGTHS), max(LENGTHS), width, generator=generator, dtype=torch.float64)
    states = states + 3 * torch.randn(width, generator=generator, dtype=torch.float64)
    states[:, 0] *= sink
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    # What lies on padding is arbitrary: it must not reach any number.
    states[~mask] = 1e6
    return states.to(dtype), mask


def run_pass(states, mask, orders=ORDERS):
    collected = TokenPass(names=[(0, "residual")], orders=orders, entropy=True, curvature=True, sink_share=True)
    collected.visit(0, "residual", states, mask)
    return collected.results()


@pytest.mark.parametrize("width", [64, 12], ids=["wider than long", "longer than wide"])
@pytest.mark.parametrize("sink", [1.0, 1000.0], ids=["even", "first token 1000 times longer"])
def test_every_value_equals_the_plain_function_on_each_prompt_alone(width, sink):
    states, mask = ragged_batch(width, sink=sink)
    found = run_pass(states, mask)
    for i, length in enumerate(LENGTHS):
        alone = states[i, :length].double()
        for first in (0, 1):
            for o, order in enumerate(ORDERS):
                if order < 1 and sink > 1:
                    continue  # eigenvalues at the rank tolerance: rounding decides which side they fall on
                # Which eigenvalues count as zero at orders below 1 depends on the precision of the input.
                expected = prompt_entropy(states[i, first:length] if order < 1 else alone[first:], alpha=order)
                assert found.entropy[0, o, first, i] == pytest.approx(expected.item(), abs=1e-4)
            assert found.curvature[0, first, i] == pytest.approx(curvature(alone[first:]).item(), abs=2e-4)
            assert torch.allclose(found.pooled[0, first, i].double(), alone[first:].mean(0), rtol=1e-5, atol=1e-4)
        assert found.sink_share[0, i] == pytest.approx(sink_share(alone).item(), abs=1e-6)


def test_float32_spectra_stay_within_a_ten_thousandth_of_a_nat_of_float64():
    states, mask = ragged_batch(48, sink=300.0, seed=4)
    single = run_pass(states, mask, orders=(1.0, 2.0)).entropy
    double = run_pass(states.double(), mask, orders=(1.0, 2.0)).entropy
    assert (single.double() - double).abs().max() < 1e-4


def test_half_precision_states_are_computed_in_float32():
    states, mask = ragged_batch(48, dtype=torch.bfloat16)
    found = run_pass(states, mask)
    assert found.entropy.dtype == found.pooled.dtype == torch.float32
    assert torch.equal(found.entropy, run_pass(states.float(), mask).entropy)


def test_layers_queued_together_equal_layers_alone():
    batches = [ragged_batch(48, seed=seed) for seed in range(3)]
    names = [(layer, "residual") for layer in range(3)]
    together = TokenPass(names=names, orders=(1.0,), entropy=True, curvature=False, sink_share=False)
    for layer, (states, mask) in enumerate(batches):
        together.visit(layer, "residual", states, mask)
    result = together.results().entropy
    for layer, (states, mask) in enumerate(batches):
        assert torch.allclose(result[layer], run_pass(states, mask, orders=(1.0,)).entropy[0], atol=1e-6)


def test_a_prompt_inside_a_template_is_measured_as_if_alone():
    states, mask = ragged_batch(48)
    framed = torch.cat([torch.full((4, 5, 48), 7.0), states], 1)
    inner = torch.cat([torch.zeros(4, 5, dtype=torch.bool), mask], 1)
    assert torch.allclose(run_pass(framed, inner).entropy, run_pass(states, mask).entropy, atol=1e-6)


def test_left_alignment_zeroes_what_is_not_measured():
    states, mask = ragged_batch(8)
    tokens, lengths = left_aligned(states, mask)
    assert lengths.tolist() == LENGTHS
    assert (tokens[~mask] == 0).all()


def test_a_straight_line_has_no_curvature_and_a_zigzag_turns_half_a_circle():
    steps = torch.arange(6.0, dtype=torch.float64)
    line = torch.stack([steps, 2 * steps], -1)
    zigzag = torch.stack([steps % 2, 0 * steps], -1)
    lengths = torch.tensor([6])
    assert curvature_of(line[None], (line @ line.T)[None], lengths) == pytest.approx(0, abs=1e-6)
    assert curvature_of(zigzag[None], (zigzag @ zigzag.T)[None], lengths) == pytest.approx(math.pi)


def test_states_that_overflowed_name_their_layer():
    states, mask = ragged_batch(8)
    states[1, 2, 3] = math.inf
    with pytest.raises(ValueError, match=r"finite values; got NaN or infinity in layer 0 \(residual\)"):
        run_pass(states, mask)


def test_one_token_prompts_are_refused():
    states, mask = ragged_batch(8)
    mask[0, 1:] = False
    with pytest.raises(ValueError, match="at least 2 measured tokens"):
        run_pass(states, mask)
