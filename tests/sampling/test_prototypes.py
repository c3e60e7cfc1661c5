"""Learning points that stand for a class."""

import pickle

import numpy as np
import pytest

pytest.importorskip("imblearn", reason="needs imbalanced-learn: the extra `sampling`")

import torch
from imblearn.pipeline import make_pipeline
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from gramian.sampling import JensenRenyiPrototypes, JensenRenyiUnderSampler
from gramian.sampling._class_features import ClassFeatures
from gramian.sampling._learning import learn_points
from tests.sampling._classes import divergence, two_blobs


def features(x, bandwidth, count=128):
    return ClassFeatures(x, bandwidth, count=count, draws=np.random.RandomState(0))


def test_features_have_unit_length_and_are_exact_where_every_point_is_a_landmark():
    x = two_blobs(60)[0]
    of = features(x, 1.0)
    assert of.of_class.square().sum(1).numpy() == pytest.approx(np.ones(len(x)), rel=1e-10)
    between, far = torch.from_numpy(x[:1] + 0.7), torch.full((1, 3), 100.0, dtype=torch.float64)
    for point in (between, far):
        assert float(of(point).square().sum()) == pytest.approx(1)
    assert 0.01 < float(of(between)[0, -1]) < 0.99
    squared = ((x[:, None] - x[None]) ** 2).sum(-1)
    assert (of.of_class @ of.of_class.mT).numpy() == pytest.approx(np.exp(-squared / 2), abs=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 2.0, 5.0])
def test_the_divergence_in_features_is_that_of_the_gram_for_points_of_the_class(alpha):
    x = two_blobs(50)[0][:50]
    of = features(x, 0.8)
    some = of.of_class[:9]
    found = of.divergence(some.mT @ some / 9, alpha)
    assert float(found) == pytest.approx(divergence(x, x[:9], 0.8, alpha), abs=2e-5 if alpha < 1 else 1e-7)


@pytest.mark.parametrize("alpha", [1.01, 2.0])
def test_the_gradient_by_the_points_is_right(alpha):
    x = torch.from_numpy(two_blobs(20)[0])
    of = features(x.numpy()[:20], 1.0)

    def loss(points):
        vectors = of(points)
        return of.divergence(vectors.mT @ vectors / len(points), alpha)

    assert torch.autograd.gradcheck(
        loss, (torch.randn(4, 3, dtype=torch.float64, generator=torch.manual_seed(0)).requires_grad_(),)
    )


@pytest.mark.parametrize("alpha", [1.01, 2.0])
def test_learned_points_diverge_less_than_the_selected_ones_they_start_from(alpha):
    x, y = two_blobs(80, 8, width=2)
    options = {"bandwidth": 1.0, "standardize": False}
    points, labels = JensenRenyiPrototypes(alpha=alpha, **options).fit_resample(x, y)
    kept, kept_labels = JensenRenyiUnderSampler(**options).fit_resample(x, y)
    assert np.bincount(labels).tolist() == [8, 8]
    members = x[y == 0]
    learned = divergence(members, points[labels == 0], 1.0, alpha)
    assert learned < divergence(members, kept[kept_labels == 0], 1.0, alpha)


def test_points_from_uniform_draws_diverge_less_than_random_subsets_do():
    x, y = two_blobs(80, 8, width=2)
    sampler = JensenRenyiPrototypes(init="uniform", bandwidth=1.0, standardize=False, random_state=0)
    points, labels = sampler.fit_resample(x, y)
    members, rng = x[y == 0], np.random.default_rng(0)
    random = [divergence(members, members[rng.choice(80, 8, replace=False)], 1.0, 1.01) for _ in range(100)]
    assert divergence(members, points[labels == 0], 1.0, 1.01) < min(random)


def test_one_point_for_a_symmetric_class_lies_at_its_centre():
    x = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [9.0, 9.0]])
    y = np.array([0, 0, 0, 0, 1])
    points, labels = JensenRenyiPrototypes(bandwidth=2.0, standardize=False, landmarks=4).fit_resample(x, y)
    assert points[labels == 0][0] == pytest.approx([0, 0], abs=0.01)


def test_no_iterations_leave_the_start_and_more_never_worsen_it():
    x = two_blobs(60)[0]
    of = features(x, 1.0)
    start = torch.from_numpy(x[:5])
    assert torch.equal(learn_points(of, start, alpha=1.01, iterations=0, learning_rate=0.1), start)
    wild = learn_points(of, start, alpha=1.01, iterations=5, learning_rate=50.0)

    def loss(points):
        vectors = of(points)
        return float(of.divergence(vectors.mT @ vectors / len(points), 1.01))

    assert loss(wild) <= loss(start)


def test_other_classes_stay_as_they_are_and_there_are_no_sample_indices():
    x, y = two_blobs()
    sampler = JensenRenyiPrototypes(iterations=3)
    points, labels = sampler.fit_resample(x, y)
    assert np.array_equal(points[labels == 1], x[y == 1])
    assert not hasattr(sampler, "sample_indices_")


def test_points_follow_the_units_of_the_columns():
    x, y = two_blobs(60, 6)
    unit, origin = np.array([1e-3, 7, 1e5]), np.array([1, -40, 1e3])
    plain, labels = JensenRenyiPrototypes(iterations=10).fit_resample(x, y)
    moved, _ = JensenRenyiPrototypes(iterations=10).fit_resample(x * unit + origin, y)
    assert (moved[labels == 0] - origin) / unit == pytest.approx(plain[labels == 0], abs=1e-5)


def test_uniform_starts_follow_the_seed_and_leave_the_global_state():
    x, y = two_blobs(60, 6)
    torch.manual_seed(0)
    before, legacy = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, again, other = (
        JensenRenyiPrototypes(init="uniform", iterations=2, random_state=state).fit_resample(x, y)[0]
        for state in (0, np.random.RandomState(0), 1)
    )
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(legacy, np.random.get_state()[1])
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_whole_columns_of_a_frame_get_the_nearest_whole_numbers():
    pandas = pytest.importorskip("pandas")
    x, y = two_blobs(60, 6)
    whole = np.rint(10 * x[:, 0]).astype(int)
    frame = pandas.DataFrame({"whole": whole, "other": x[:, 1]})
    learned, labels = JensenRenyiPrototypes(iterations=5).fit_resample(frame, y)
    exact, _ = JensenRenyiPrototypes(iterations=5).fit_resample(frame.astype(float), y)
    assert learned.dtypes.equals(frame.dtypes)
    assert np.array_equal(learned["whole"][labels == 0], np.rint(exact["whole"][labels == 0]))


def test_dtypes_and_sparse_kinds_come_back():
    x, y = two_blobs(60, 6)
    assert JensenRenyiPrototypes(iterations=2).fit_resample(x.astype(np.float32), y)[0].dtype == np.float32
    found, _ = JensenRenyiPrototypes(iterations=2).fit_resample(sparse.csr_matrix(x), y)
    assert found.toarray() == pytest.approx(JensenRenyiPrototypes(iterations=2).fit_resample(x, y)[0])


def test_a_bandwidth_is_searched_in_a_pipeline():
    x, y = two_blobs(60, 15)
    search = GridSearchCV(
        make_pipeline(JensenRenyiPrototypes(iterations=10), SVC()),
        {"jensenrenyiprototypes__bandwidth_factor": [0.5, 1.0]},
        scoring="roc_auc",
        cv=2,
        error_score="raise",
    ).fit(x, y)
    assert search.best_score_ > 0.8


def test_clones_and_pickles_do_the_same():
    x, y = two_blobs(40, 5)
    sampler = JensenRenyiPrototypes(iterations=3)
    expected = sampler.fit_resample(x, y)[0]
    for copy in (clone(sampler), pickle.loads(pickle.dumps(sampler))):
        assert np.array_equal(copy.fit_resample(x, y)[0], expected)
