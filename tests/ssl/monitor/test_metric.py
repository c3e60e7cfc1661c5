"""The torchmetrics metric has the tracker's numbers, and behaves as metrics do."""

import copy
import math
import pickle

import pytest
import torch

from gramian.ssl._monitor import SpectrumTracker

torchmetrics = pytest.importorskip("torchmetrics", reason="needs torchmetrics, from the extra `ssl`")
from gramian.ssl._monitor import SpectrumMetric  # noqa: E402


def batches(views, n=20, d=5):
    generator = torch.Generator().manual_seed(views)
    shared = torch.randn(3, n, d, generator=generator)
    return [tuple(batch + 0.4 * torch.randn(n, d, generator=generator) + 1 for _ in range(views)) for batch in shared]


@pytest.mark.parametrize("views", [1, 2, 4])
def test_its_numbers_are_those_of_the_tracker(views):
    metric, tracker = SpectrumMetric(features=5, views=views, orders=(1.0, 3.0)), SpectrumTracker(orders=(1.0, 3.0))
    for batch in batches(views):
        metric.update(*batch)
        tracker.update(*batch)
    expected = tracker.compute()
    found = metric.compute()
    assert set(found) == {
        "effective_rank",
        "entropy_1",
        "entropy_3",
        "alpha_req",
        "lidar",
        "top_share",
        "mean_share",
        "variance",
    }
    for name, value in expected.scalars().items():
        assert float(found[name]) == pytest.approx(value, rel=1e-9), name
    assert math.isnan(found["lidar"]) == (views == 1)
    assert metric.last.eigenvalues.tolist() == pytest.approx(expected.eigenvalues.tolist(), rel=1e-9)


@pytest.mark.parametrize("views", [1, 2])
def test_a_large_mean_of_few_samples_leaves_no_rounding_in_the_tail(views):
    metric, tracker = SpectrumMetric(features=40, views=views), SpectrumTracker()
    (batch, *_) = batches(views, n=12, d=40)
    batch = tuple(view + 30 for view in batch)
    metric.update(*batch)
    tracker.update(*batch)
    expected, found = tracker.compute().scalars(), metric.compute()
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-6), name


def test_reset_copy_and_pickle_keep_what_they_should():
    metric = SpectrumMetric(features=5, views=2)
    metric.update(*batches(2)[0])
    before = metric.compute()
    twin = pickle.loads(pickle.dumps(copy.deepcopy(metric)))
    assert float(twin.compute()["lidar"]) == float(before["lidar"])
    metric.reset()
    assert int(metric.samples) == 0
    with (
        pytest.warns(UserWarning, match="before the ``update``"),
        pytest.raises(ValueError, match="embeddings: expected at least two samples; got 0"),
    ):
        metric.compute()


def test_forward_gives_the_batch_and_keeps_the_sum():
    metric = SpectrumMetric(features=5)
    (one,), (two,), _ = batches(1)
    metric(one)
    batch = metric(two)
    alone, both = SpectrumMetric(features=5), SpectrumMetric(features=5)
    alone.update(two)
    both.update(torch.cat([one, two]))
    assert float(batch["variance"]) == pytest.approx(float(alone.compute()["variance"]), rel=1e-12)
    assert float(metric.compute()["variance"]) == pytest.approx(float(both.compute()["variance"]), rel=1e-12)


def test_samples_that_are_not_finite_are_left_out():
    metric, clean = SpectrumMetric(features=5, views=2), SpectrumMetric(features=5, views=2)
    one, two = (view.clone() for view in batches(2)[0])
    clean.update(one[1:], two[1:])
    two[0, 3] = torch.inf
    metric.update(one, two)
    assert float(metric.compute()["lidar"]) == pytest.approx(float(clean.compute()["lidar"]), rel=1e-10)
    assert metric.last.skipped == 1


@pytest.mark.parametrize(
    ("options", "views", "kind", "message"),
    [
        ({"features": 2.0}, (), TypeError, "features: expected an integer"),
        ({"features": 0}, (), ValueError, "features: expected at least 1"),
        ({"features": 2, "views": 0}, (), ValueError, "views: expected at least 1"),
        ({"features": 2, "orders": ()}, (), ValueError, "orders: expected at least one"),
        ({"features": 2}, (torch.ones(3, 4),), ValueError, r"views: expected 1 of shape \(n, 2\); got \[\(3, 4\)\]"),
        ({"features": 2, "views": 2}, (torch.ones(3, 2),), ValueError, "views: expected 2 of shape"),
        ({"features": 2}, (torch.ones(3, 2).long(),), TypeError, "views: expected floating tensors"),
    ],
)
def test_bad_input_is_named(options, views, kind, message):
    with pytest.raises(kind, match=message):
        SpectrumMetric(**options).update(*views)
