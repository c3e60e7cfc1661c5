"""Data that no class can be thinned in, and data that looks so and can."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("imblearn", reason="needs imbalanced-learn: the extra `sampling`")

from gramian.sampling import JensenRenyiPrototypes, JensenRenyiUnderSampler, coverage
from tests.sampling._classes import two_blobs

BOTH = pytest.mark.parametrize(
    "sampler", [JensenRenyiUnderSampler(), JensenRenyiPrototypes(iterations=3)], ids=["select", "prototypes"]
)


@BOTH
def test_constant_columns_are_kept_and_change_nothing(sampler):
    x, y = two_blobs()
    wider = np.column_stack([x, np.full(len(x), 0.1), np.zeros(len(x))])
    found, labels = sampler.fit_resample(wider, y)
    assert np.array_equal(found[:, 3:], np.tile([0.1, 0.0], (40, 1)))
    assert found[labels == 0, :3] == pytest.approx(sampler.fit_resample(x, y)[0][labels == 0], abs=1e-9)


@BOTH
def test_duplicated_points_give_the_counts_asked_for(sampler):
    x, y = two_blobs(30, 12)
    x = np.concatenate([x] + [x[y == 0]] * 3)
    y = np.concatenate([y, np.zeros(90, dtype=int)])
    _, labels = sampler.fit_resample(x, y)
    assert np.bincount(labels).tolist() == [12, 12]


@BOTH
def test_a_class_of_one_point_many_times_gives_that_point(sampler):
    x = np.concatenate([np.full((30, 2), 3.0), np.random.default_rng(0).normal(size=(5, 2))])
    found, labels = sampler.fit_resample(x, np.repeat([0, 1], [30, 5]))
    assert found[labels == 0] == pytest.approx(np.full((5, 2), 3.0))


@BOTH
def test_one_point_asked_for_is_one_point(sampler):
    x, y = two_blobs(40, 1)
    found, labels = sampler.fit_resample(x, y)
    assert np.bincount(labels).tolist() == [1, 1]
    assert np.isfinite(found).all()


@BOTH
@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda x, y: (np.where(x > 1, np.nan, x), y), "contains NaN"),
        (lambda x, y: (np.where(x > 1, np.inf, x), y), "infinity"),
        (lambda x, y: (x.astype(str).astype(object) + "a", y), "could not convert string"),
        (lambda x, y: (x, np.zeros(len(y), dtype=int)), "more than 1 class"),
        (lambda x, y: (x, x[:, 0]), "Unknown label type|continuous"),
        (lambda x, y: (x[:-1], y), "inconsistent numbers of samples"),
        (lambda x, y: (x[:, 0], y), "1D array"),
        (lambda x, y: (x[:0], y[:0]), "0 sample|minimum of 1|at least"),
    ],
    ids=["nan", "infinity", "text", "one class", "continuous", "lengths", "one axis", "empty"],
)
def test_undefined_input_raises(sampler, change, match):
    with pytest.raises((ValueError, TypeError), match=match):
        sampler.fit_resample(*change(*two_blobs()))


@BOTH
def test_more_points_than_there_are_is_an_error(sampler):
    x, y = two_blobs()
    sampler = type(sampler)(sampling_strategy={0: 500})
    with pytest.raises(ValueError, match="less or equal to the original number of samples"):
        sampler.fit_resample(x, y)


@BOTH
def test_a_frame_with_text_names_the_column(sampler):
    pandas = pytest.importorskip("pandas")
    x, y = two_blobs()
    frame = pandas.DataFrame({"age": x[:, 0], "city": ["Bern", "Rome"] * (len(x) // 2)})
    with pytest.raises(TypeError, match=r"X: expected columns of numbers; got others in 'city'\. Encode them"):
        sampler.fit_resample(frame, y)


@BOTH
def test_a_frame_of_numbers_held_as_objects_is_fine(sampler):
    pandas = pytest.importorskip("pandas")
    x, y = two_blobs()
    _, labels = sampler.fit_resample(pandas.DataFrame(x).astype(object), y)
    assert np.bincount(labels).tolist() == [20, 20]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"alpha": -1}, "'alpha' parameter"),
        ({"bandwidth": "silverman"}, "'bandwidth' parameter"),
        ({"bandwidth": 0.0}, "'bandwidth' parameter"),
        ({"bandwidth_factor": -2.0}, "'bandwidth_factor' parameter"),
        ({"standardize": "yes"}, "'standardize' parameter"),
        ({"landmarks": 0}, "'landmarks' parameter"),
        ({"random_state": "seed"}, "'random_state' parameter"),
        ({"sampling_strategy": "some"}, "sampling_strategy"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("kind", [JensenRenyiUnderSampler, JensenRenyiPrototypes])
def test_wrong_parameters_are_named(kind, options, match):
    with pytest.raises(ValueError, match=match):
        kind(**options).fit_resample(*two_blobs())


@pytest.mark.parametrize(
    ("options", "match"),
    [({"init": "kmeans"}, "'init'"), ({"iterations": -1}, "'iterations'"), ({"learning_rate": 0.0}, "'learning_rate'")],
)
def test_wrong_parameters_of_learning_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        JensenRenyiPrototypes(**options).fit_resample(*two_blobs())


def test_coverage_of_other_shapes():
    with pytest.raises(ValueError, match=r"points: expected points \(m, 2\)"):
        coverage(np.eye(2), np.eye(3))
    with pytest.raises(ValueError, match=r"members: expected points \(n, d\)"):
        coverage(np.zeros(3), np.eye(3))


def test_a_missing_package_is_one_clear_line():
    program = "import sys; sys.modules['imblearn'] = None\nimport gramian.sampling"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    line = ended.stderr.strip().splitlines()[-1]
    assert line.endswith(
        "sampling: expected the package imbalanced-learn; got none. Install it with pip install 'gramian[sampling]'."
    )
