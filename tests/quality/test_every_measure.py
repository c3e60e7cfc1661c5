"""Claims every measure has to meet, read from its declaration; a measure without an entry in CASES fails."""

import inspect
import math
import re
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gramian import quality
from gramian.quality import SmallSampleWarning, available, get, reference

from ._references import CASES

MEASURES = available()
NAMES = [m.name for m in MEASURES]
UNITS = {"nats", "radians", "dimensions", "none"}
every_measure = pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
pytestmark = pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")


def sample(measure, seed=0):
    return CASES[measure.name].sample(np.random.default_rng(seed))


def number(measure, *arrays, **parameters):
    value = measure.function(*arrays, **parameters)
    assert value.shape == ()
    return float(value)


@every_measure
def test_every_measure_is_classified(measure):
    assert measure.name in CASES, "add its sample, reference, closed forms and range to _references.py"
    assert CASES[measure.name].closed_forms
    assert measure.unit in UNITS
    assert re.fullmatch(r"[\[(].+, .+[\])](, .+)?", measure.bounds)
    assert str(reference(measure.source)).count(".") > 2
    assert measure.summary.startswith("High")
    assert f"[{measure.source}" in measure.function.__doc__
    assert measure.name in quality.__all__


def test_no_case_is_left_without_a_measure():
    assert set(CASES) == set(NAMES)


@pytest.mark.parametrize(
    ("measure", "arrays", "parameters", "expected"),
    [(m, *form) for m in MEASURES for form in CASES[m.name].closed_forms],
    ids=[f"{m.name}-{i}" for m in MEASURES for i in range(len(CASES[m.name].closed_forms))],
)
def test_closed_forms_worked_by_hand(measure, arrays, parameters, expected):
    assert number(measure, *arrays, **parameters) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("measure", [m for m in MEASURES if CASES[m.name].reference], ids=lambda m: m.name)
def test_agrees_with_an_independent_computation(measure, seed):
    arrays = sample(measure, seed)
    assert number(measure, *arrays) == pytest.approx(CASES[measure.name].reference(*arrays), rel=1e-9, abs=1e-10)


@every_measure
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), spread=st.floats(1e-3, 1e3))
def test_values_lie_within_the_declared_bounds(measure, seed, spread):
    arrays = tuple(array * np.geomspace(1, spread, array.shape[-1]) for array in sample(measure, seed))
    low, high = CASES[measure.name].range(*arrays)
    assert low - 1e-9 <= number(measure, *arrays) <= high + 1e-9


def scaled(arrays, rng):
    return [0.02 * array for array in arrays]


def rotated(arrays, rng):
    turn = np.linalg.qr(rng.normal(size=(arrays[0].shape[-1],) * 2))[0]
    return [array @ turn for array in arrays]


def translated(arrays, rng):
    return [array + 3 * rng.normal(size=array.shape[-1]) for array in arrays]


def permuted(arrays, rng):
    order = rng.permutation(arrays[0].shape[0])
    return [array[order] for array in arrays]


def row_scaled(arrays, rng):
    return [array * rng.uniform(0.2, 5.0, size=(*array.shape[:-1], 1)) for array in arrays]


CHANGES = {
    "scale": scaled,
    "rotation": rotated,
    "translation": translated,
    "permutation": permuted,
    "row_scale": row_scaled,
}


@pytest.mark.parametrize("change", CHANGES)
@every_measure
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_declared_invariances_hold(measure, change, seed):
    if change not in measure.invariances:
        return
    arrays = sample(measure, seed)
    moved = CHANGES[change](arrays, np.random.default_rng(seed + 1))
    assert number(measure, *moved) == pytest.approx(number(measure, *arrays), rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("change", CHANGES)
@every_measure
def test_invariances_that_are_not_declared_fail(measure, change):
    """The declaration is exact: what it leaves out really changes the value."""
    if change in measure.invariances:
        return
    arrays = sample(measure)
    moved = CHANGES[change](arrays, np.random.default_rng(1))
    assert number(measure, *moved) != pytest.approx(number(measure, *arrays), rel=1e-4, abs=1e-6)


@every_measure
def test_kind_and_dtype_follow_the_input(measure):
    arrays = sample(measure)
    double = measure.function(*arrays)
    assert isinstance(double, np.ndarray)
    assert double.dtype == np.float64
    single = measure.function(*(torch.tensor(a, dtype=torch.float32) for a in arrays))
    assert isinstance(single, torch.Tensor)
    assert single.dtype == torch.float32
    assert float(single) == pytest.approx(float(double), rel=1e-4, abs=1e-4)
    half = measure.function(*(torch.tensor(a, dtype=torch.bfloat16) for a in arrays))
    rounded = measure.function(*(torch.tensor(a, dtype=torch.bfloat16).float() for a in arrays))
    assert half.dtype == torch.float32
    assert float(half) == float(rounded), "half precision computes in float32"


@every_measure
def test_batches_give_what_single_samples_give(measure):
    parts = [sample(measure, seed) for seed in range(6)]
    stacked = [np.stack(group).reshape(2, 3, *group[0].shape) for group in zip(*parts, strict=True)]
    values = measure.function(*stacked)
    assert values.shape == (2, 3)
    singly = np.reshape([number(measure, *part) for part in parts], (2, 3))
    if measure.name == "augmentation_dime":
        # Every element of a batch may draw permutations of its own; a batch of one sample shares the first ones.
        values, singly = measure.function(*(array[:1, :1] for array in stacked)), singly[:1, :1]
    np.testing.assert_allclose(values, singly, rtol=1e-10)


@every_measure
def test_no_function_touches_the_global_random_state(measure):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    number(measure, *sample(measure))
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


SMOOTH = [m for m in MEASURES if m.name not in ("intrinsic_dimension",)]


@pytest.mark.parametrize("measure", SMOOTH, ids=lambda m: m.name)
def test_gradient_is_that_of_finite_differences(measure):
    arrays = [torch.tensor(a, requires_grad=True) for a in sample(measure)]
    direction = [torch.tensor(a) for a in sample(measure, 1)]
    measure.function(*arrays).backward()
    slope = sum(float((a.grad * d).sum()) for a, d in zip(arrays, direction, strict=True))
    step = 1e-5
    ahead, behind = (
        float(measure.function(*(a.detach() + s * d for a, d in zip(arrays, direction, strict=True))))
        for s in (step, -step)
    )
    assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-5, abs=1e-7)


def test_intrinsic_dimension_has_the_gradient_of_finite_differences():
    x = torch.tensor(sample(get("intrinsic_dimension"))[0], requires_grad=True)
    quality.intrinsic_dimension(x).backward()
    direction = torch.tensor(np.random.default_rng(1).normal(size=x.shape))
    step = 1e-7
    ahead, behind = (float(quality.intrinsic_dimension(x.detach() + s * direction)) for s in (step, -step))
    assert float((x.grad * direction).sum()) == pytest.approx((ahead - behind) / (2 * step), rel=1e-4)


# Bad input -----------------------------------------------------------------------------------------------------------


def with_entry(arrays, value):
    spoiled = [array.copy() for array in arrays]
    spoiled[-1].flat[0] = value
    return spoiled


@pytest.mark.parametrize("value", [math.nan, math.inf])
@every_measure
def test_nan_and_infinity_are_refused(measure, value):
    with pytest.raises(ValueError, match="expected finite"):
        measure.function(*with_entry(sample(measure), value))


@every_measure
def test_integers_are_refused(measure):
    with pytest.raises(TypeError, match="expected a floating dtype"):
        measure.function(*(array.astype(int) for array in sample(measure)))


@every_measure
def test_lists_are_refused(measure):
    with pytest.raises(TypeError, match="expected a NumPy array or a torch tensor; got list"):
        measure.function(*(array.tolist() for array in sample(measure)))


@every_measure
def test_masked_arrays_are_refused(measure):
    with pytest.raises(TypeError, match="got a masked array"):
        measure.function(*(np.ma.masked_array(array, mask=array > 1) for array in sample(measure)))


@every_measure
def test_missing_axes_are_refused(measure):
    with pytest.raises(ValueError, match=r"expected shape \(\.\.\., .*; got"):
        measure.function(*(array[0] if array.ndim == 2 else array[0, 0] for array in sample(measure)))


@every_measure
def test_empty_samples_are_refused(measure):
    with pytest.raises(ValueError, match="expected at least one entry"):
        measure.function(*(array[:0] for array in sample(measure)))


@pytest.mark.parametrize(
    "measure", [m for m in MEASURES if len(CASES[m.name].closed_forms[0][0]) == 2], ids=lambda m: m.name
)
def test_pairs_must_match(measure):
    a, b = sample(measure)
    with pytest.raises(ValueError, match="must belong to prompt i"):
        measure.function(a, b[:-1])
    with pytest.raises(TypeError, match="not mixed"):
        measure.function(a, torch.tensor(b))


NOT_TOKENS = [m for m in MEASURES if m.needs != "tokens"]


@pytest.mark.parametrize(
    "measure", [m for m in NOT_TOKENS if m.name not in ("alignment", "adjacent_cosine")], ids=lambda m: m.name
)
def test_one_prompt_defines_no_measure_of_a_set(measure):
    with pytest.raises(ValueError, match=r"expected at least [23] prompts; got 1"):
        measure.function(*(array[:1] for array in sample(measure)))


@pytest.mark.parametrize("measure", [m for m in MEASURES if "row_scale" in m.invariances], ids=lambda m: m.name)
def test_zero_vectors_have_no_direction(measure):
    arrays = [array.copy() for array in sample(measure)]
    arrays[0][3] = 0
    with pytest.raises(ValueError, match="zero vector"):
        measure.function(*arrays)


@pytest.mark.parametrize(
    "measure",
    [m for m in NOT_TOKENS if "translation" in m.invariances and m.name != "intrinsic_dimension"],
    ids=lambda m: m.name,
)
def test_equal_rows_have_no_variance(measure):
    arrays = [np.broadcast_to(np.float64(0.1) * (1 + array[:1]), array.shape).copy() for array in sample(measure)]
    with pytest.raises(ValueError, match="expected rows that differ"):
        measure.function(*arrays)


@pytest.mark.parametrize(
    "measure", [get("dataset_entropy"), get("effective_rank"), get("stable_rank")], ids=lambda m: m.name
)
def test_zeros_have_no_spectrum(measure):
    with pytest.raises(ValueError, match="got only zeros"):
        measure.function(np.zeros((6, 3)))


# The registry ---------------------------------------------------------------------------------------------------------


def test_available_lists_token_measures_first():
    order = ["tokens", "embeddings", "views", "view_pair", "adjacent_layers"]
    assert [order.index(m.needs) for m in MEASURES] == sorted(order.index(m.needs) for m in MEASURES)
    assert len(MEASURES) == len(set(NAMES))


def test_get_names_the_nearest():
    assert get("lidar") is next(m for m in MEASURES if m.name == "lidar")
    with pytest.raises(
        ValueError, match=r"measure: expected one of .*; got 'efective_rank'. Did you mean 'effective_rank'"
    ):
        get("efective_rank")


def test_unknown_parameters_of_an_accumulator_are_refused():
    with pytest.raises(ValueError, match=r"infonce: expected parameters among \(temperature, form\); got tau"):
        get("infonce").accumulator(tau=1.0)


def test_an_unknown_source_cannot_be_declared():
    with pytest.raises(ValueError, match="expected a key of the bibliography; got 'nobody1900'"):
        reference("nobody1900")


@every_measure
def test_data_is_positional_and_all_else_keyword_only(measure):
    kinds = [p.kind for p in inspect.signature(measure.function).parameters.values()]
    assert set(kinds) <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= 2


@pytest.mark.filterwarnings("default::gramian.quality.SmallSampleWarning")
@pytest.mark.parametrize("measure", NOT_TOKENS, ids=lambda m: m.name)
def test_small_samples_warn_and_large_ones_do_not(measure):
    arrays = sample(measure)
    if measure.name in ("augmentation_dime", "linear_cka", "lidar", "lidar_entropy"):
        few = [array[:4] for array in arrays]
    else:
        few = [array[:5] for array in arrays]
    with pytest.warns(SmallSampleWarning, match=f"^{measure.name}: "):
        measure.function(*few)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measure.function(*arrays)
