"""Selecting points of a class."""

import pickle

import numpy as np
import pytest

pytest.importorskip("imblearn", reason="needs imbalanced-learn: the extra `sampling`")

from imblearn.pipeline import make_pipeline
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from gramian.sampling import JensenRenyiUnderSampler
from tests.sampling._classes import divergence, two_blobs


def test_the_majority_is_brought_to_the_size_of_the_minority_by_rows_of_it():
    x, y = two_blobs()
    sampler = JensenRenyiUnderSampler()
    kept, labels = sampler.fit_resample(x, y)
    assert np.bincount(labels).tolist() == [20, 20]
    assert np.array_equal(kept, x[sampler.sample_indices_])
    assert np.array_equal(labels, y[sampler.sample_indices_])
    assert len(np.unique(sampler.sample_indices_)) == 40
    assert set(np.flatnonzero(y == 1)) <= set(sampler.sample_indices_)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 2.0, 5.0])
def test_the_kept_points_diverge_less_than_the_best_of_a_hundred_random_subsets(alpha):
    x, y = two_blobs()
    sampler = JensenRenyiUnderSampler(alpha=alpha, standardize=False)
    kept, labels = sampler.fit_resample(x, y)
    members, bandwidth = x[y == 0], sampler.bandwidths_[0]
    rng = np.random.default_rng(0)
    random = [divergence(members, members[rng.choice(120, 20, replace=False)], bandwidth, alpha) for _ in range(100)]
    assert divergence(members, kept[labels == 0], bandwidth, alpha) < min(random)


@pytest.mark.parametrize("alpha", [0.5, 5.0, 20.0])
def test_exchanges_under_another_order_lower_its_divergence(alpha):
    x, y = two_blobs(200, 10, width=2)
    found = {}
    for order in (2.0, alpha):
        sampler = JensenRenyiUnderSampler(alpha=order, bandwidth=0.5, standardize=False)
        kept, labels = sampler.fit_resample(x, y)
        found[order] = divergence(x[y == 0], kept[labels == 0], 0.5, alpha)
    assert found[alpha] <= found[2.0] + 1e-9
    if alpha == 20:
        assert found[alpha] < found[2.0]


def test_every_class_above_its_target_is_thinned_and_no_other():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 2)), np.repeat(["a", "b", "c"], [50, 30, 10])
    sampler = JensenRenyiUnderSampler(sampling_strategy={"a": 20, "b": 30})
    _, labels = sampler.fit_resample(x, y)
    assert {name: int((labels == name).sum()) for name in "abc"} == {"a": 20, "b": 30, "c": 10}
    assert set(sampler.bandwidths_) == {"a"}


def test_a_share_is_the_minority_over_the_majority():
    x, y = two_blobs()
    _, labels = JensenRenyiUnderSampler(sampling_strategy=0.5).fit_resample(x, y)
    assert np.bincount(labels).tolist() == [40, 20]


def test_none_kept_is_none():
    x, y = two_blobs()
    _, labels = JensenRenyiUnderSampler(sampling_strategy={0: 0}).fit_resample(x, y)
    assert np.bincount(labels).tolist() == [0, 20]


def test_the_choice_does_not_depend_on_the_units_of_columns_nor_on_their_origin():
    x, y = two_blobs()
    plain, moved = JensenRenyiUnderSampler(), JensenRenyiUnderSampler()
    plain.fit_resample(x, y)
    moved.fit_resample(x * [1e-3, 7, 1e5] + [1, -40, 1e3], y)
    assert np.array_equal(plain.sample_indices_, moved.sample_indices_)


def test_small_classes_draw_nothing():
    x, y = two_blobs()
    chosen = [JensenRenyiUnderSampler(random_state=state).fit(x, y).fit_resample(x, y)[0] for state in (None, 0, 1)]
    assert np.array_equal(chosen[0], chosen[1])
    assert np.array_equal(chosen[0], chosen[2])


def test_large_classes_follow_the_seed_and_leave_the_global_state(monkeypatch):
    from gramian.sampling import _selection

    monkeypatch.setattr(_selection, "_POOL", 32)
    x, y = two_blobs()
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    first, again, other = (
        JensenRenyiUnderSampler(random_state=state).fit_resample(x, y)[0] for state in (3, np.random.RandomState(3), 4)
    )
    assert np.array_equal(before, np.random.get_state()[1])
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_bandwidth_is_searched_in_a_pipeline():
    x, y = two_blobs(60, 15)
    search = GridSearchCV(
        make_pipeline(JensenRenyiUnderSampler(), SVC()),
        {
            "jensenrenyiundersampler__bandwidth_factor": [0.2, 1.0],
            "jensenrenyiundersampler__bandwidth": ["median", 1.0],
        },
        scoring="roc_auc",
        cv=3,
        error_score="raise",
    ).fit(x, y)
    assert search.best_score_ > 0.8


def test_clones_and_pickles_do_the_same():
    x, y = two_blobs()
    sampler = JensenRenyiUnderSampler(bandwidth=0.5)
    expected = sampler.fit_resample(x, y)[0]
    for copy in (clone(sampler), pickle.loads(pickle.dumps(sampler))):
        assert np.array_equal(copy.fit_resample(x, y)[0], expected)
    assert np.array_equal(pickle.loads(pickle.dumps(sampler)).sample_indices_, sampler.sample_indices_)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix])
def test_sparse_data_stay_sparse(kind):
    x, y = two_blobs()
    found, _ = JensenRenyiUnderSampler().fit_resample(kind(x), y)
    assert sparse.issparse(found)
    assert np.array_equal(found.toarray(), JensenRenyiUnderSampler().fit_resample(x, y)[0])


def test_data_frames_keep_columns_and_dtypes():
    pandas = pytest.importorskip("pandas")
    x, y = two_blobs()
    frame = pandas.DataFrame({"a": x[:, 0], "b": np.rint(10 * x[:, 1]).astype(int), "c": x[:, 2] > 0})
    sampler = JensenRenyiUnderSampler()
    kept, labels = sampler.fit_resample(frame, pandas.Series(y, name="class"))
    assert list(kept.columns) == ["a", "b", "c"]
    assert list(kept.dtypes) == list(frame.dtypes)
    assert labels.name == "class"
    rows = frame.iloc[sampler.sample_indices_].reset_index(drop=True)
    pandas.testing.assert_frame_equal(kept.reset_index(drop=True), rows)
