"""The tracker's spectrum is that of the covariance, however the embeddings arrive; what is undefined is NaN."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gramian import quality
from gramian.ssl._monitor import SpectrumTracker

pytestmark = pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")


def embeddings(n, d, seed=0, *, mean=0.0):
    generator = torch.Generator().manual_seed(seed)
    scales = torch.arange(1, d + 1, dtype=torch.float64) ** -0.7
    return torch.randn(n, d, generator=generator, dtype=torch.float64) * scales + mean


def tracked(*batches, **options):
    tracker = SpectrumTracker(**options)
    for batch in batches:
        tracker.update(*(batch if isinstance(batch, tuple) else (batch,)))
    return tracker


def test_two_directions_have_their_variances_as_eigenvalues():
    found = tracked(torch.tensor([[3.0, 5.0], [-3.0, 5.0], [0.0, 6.0], [0.0, 4.0]])).compute(step=7, epoch=0.5)
    assert found.eigenvalues.tolist() == pytest.approx([4.5, 0.5], rel=1e-12)
    p = 0.9
    assert found.entropies[1.0] == pytest.approx(-p * math.log(p) - (1 - p) * math.log(1 - p), rel=1e-12)
    assert found.entropies[2.0] == pytest.approx(-math.log(p**2 + (1 - p) ** 2), rel=1e-12)
    assert found.variance == pytest.approx(5.0, rel=1e-12)
    assert found.top_share == pytest.approx(0.9, rel=1e-12)
    assert found.mean_share == pytest.approx(25 / 30, rel=1e-12)
    singular = np.sqrt([25.5, 4.5])  # of second moments diag(4.5, 25.5)
    p = singular / singular.sum()
    assert found.effective_rank == pytest.approx(math.exp(-(p * np.log(p)).sum()), rel=1e-12)
    assert (found.step, found.epoch, found.samples, found.views, found.width) == (7, 0.5, 4, 1, 2)


@pytest.mark.parametrize(("n", "d"), [(40, 6), (6, 40)])
@pytest.mark.parametrize("views", [1, 2, 5])
def test_every_quantity_is_that_of_all_views_together(n, d, views):
    data = [embeddings(n, d, seed, mean=0.3) for seed in range(views)]
    found = tracked(*zip(*(view.split(7) for view in data), strict=True)).compute()
    rows = torch.cat(data).numpy()
    centred = rows - rows.mean(0)
    expected = np.linalg.eigvalsh(centred.T @ centred / len(rows))[::-1]
    assert found.eigenvalues.numpy() == pytest.approx(expected[: len(found.eigenvalues)], abs=1e-12)
    assert found.variance == pytest.approx(centred.var(0).sum(), rel=1e-10)
    assert found.mean_share == pytest.approx((rows.mean(0) ** 2).sum() / (rows**2).sum(1).mean(), rel=1e-10)
    for order, entropy in found.entropies.items():
        assert entropy == pytest.approx(float(quality.dataset_entropy(rows, alpha=order, center=True)), rel=1e-9)
    assert found.effective_rank == pytest.approx(float(quality.effective_rank(rows)), rel=1e-5)
    assert found.alpha_req == pytest.approx(float(quality.alpha_req(rows)), rel=1e-7)
    if views == 1:
        assert math.isnan(found.lidar)
    else:
        assert found.lidar == pytest.approx(float(quality.lidar(torch.stack(data, 1).numpy())), rel=1e-8)


@given(cuts=st.lists(st.integers(1, 29), max_size=4), views=st.integers(1, 3), wide=st.booleans())
@settings(max_examples=25, deadline=None)
def test_any_split_over_batches_and_trackers_gives_the_same(cuts, views, wide):
    data = [embeddings(30, 45 if wide else 5, seed, mean=2.0) for seed in range(views)]
    bounds = sorted({0, 30, *cuts})
    parts = [tuple(view[a:b] for view in data) for a, b in itertools.pairwise(bounds)]
    together = SpectrumTracker()
    for part in parts:
        together.merge(tracked(part))
    whole = tracked(tuple(data)).compute()
    for found in (tracked(*parts).compute(), together.compute()):
        least = min(len(found.eigenvalues), len(whole.eigenvalues))
        assert found.eigenvalues[:least].tolist() == pytest.approx(whole.eigenvalues[:least].tolist(), abs=1e-10)
        assert found.lidar == pytest.approx(whole.lidar, rel=1e-6, nan_ok=True)
        assert found.effective_rank == pytest.approx(whole.effective_rank, rel=1e-5)


def test_a_state_taken_up_goes_on_where_it_was():
    views = (embeddings(12, 4, 1), embeddings(12, 4, 2))
    half = tracked(tuple(view[:5] for view in views))
    restored = SpectrumTracker()
    restored.load_state({name: tensor.clone() for name, tensor in half.state().items()})
    restored.update(*(view[5:] for view in views))
    assert (
        restored.compute().measures()
        == tracked(tuple(v[:5] for v in views), tuple(v[5:] for v in views)).compute().measures()
    )


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("value", [0.0, 0.1])
def test_collapsed_embeddings_have_no_variance_and_no_entropy(folded, value):
    point = torch.full((8, 3 if folded else 30), value)
    found = tracked((point, point)).compute()
    assert found.variance == 0.0
    assert not found.eigenvalues.any()
    assert all(math.isnan(entropy) for entropy in found.entropies.values())
    assert math.isnan(found.alpha_req)
    assert math.isnan(found.lidar)
    assert math.isnan(found.top_share)
    if value:
        assert found.effective_rank == pytest.approx(1.0, abs=1e-6)
        assert found.mean_share == pytest.approx(1.0)
    else:
        assert math.isnan(found.effective_rank)
    assert "effective_rank" not in tracked(torch.zeros(4, 2)).compute().scalars()


def test_samples_with_an_entry_that_is_not_finite_are_left_out_and_counted():
    one, two = embeddings(10, 3, 1), embeddings(10, 3, 2)
    good = tracked((one, two)).compute()
    one, two = torch.cat([one, torch.full((2, 3), torch.nan)]), torch.cat([two, torch.ones(2, 3)])
    found = tracked((one, two)).compute()
    assert found.measures() == good.measures()
    assert (found.samples, found.skipped) == (10, 2)


def test_half_precision_is_read_as_float32():
    rows = embeddings(50, 4).to(torch.bfloat16)
    assert tracked(rows).compute().measures()[:-4] == tracked(rows.float()).compute().measures()[:-4]


def test_nothing_of_the_caller_is_changed_or_kept_alive():
    rows = embeddings(6, 3).requires_grad_()
    tracker = tracked(rows)
    before = tracker.compute().variance
    with torch.no_grad():
        rows.mul_(2)
    assert tracker.samples == 6
    assert before > 0
    assert not tracker.state()["moments.mean"].requires_grad


@pytest.mark.parametrize(
    ("act", "kind", "message"),
    [
        (lambda t: t.update(), ValueError, "views: expected at least one"),
        (lambda t: t.update([1.0]), TypeError, "views: expected floating tensors"),
        (lambda t: t.update(torch.ones(3, 2, dtype=torch.int64)), TypeError, "got torch.int64"),
        (lambda t: t.update(torch.ones(3)), ValueError, r"views: expected tensors of one shape \(n, d\)"),
        (lambda t: t.update(torch.ones(3, 2), torch.ones(4, 2)), ValueError, r"got \(3, 2\), \(4, 2\)"),
        (lambda t: t.compute(), ValueError, "embeddings: expected at least two samples; got 0"),
        (lambda t: [t.update(torch.ones(3, 2)), t.update(torch.ones(3, 4))], ValueError, "expected width 2"),
        (lambda t: [t.update(torch.ones(3, 2)), t.update(*2 * [torch.ones(3, 2)])], ValueError, "views: expected 1 as"),
        (lambda t: [t.update(torch.ones(3, 2)), t.merge(tracked(2 * (torch.ones(3, 2),)))], ValueError, "other: "),
    ],
)
def test_bad_input_is_named(act, kind, message):
    with pytest.raises(kind, match=message):
        act(SpectrumTracker())


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"orders": 2.0}, TypeError, "orders: expected a sequence"),
        ({"orders": ()}, ValueError, "orders: expected at least one"),
        ({"orders": (-1.0,)}, ValueError, "alpha: expected an order"),
        ({"lidar_ridge": 0.0}, ValueError, "lidar_ridge: expected a number above 0"),
    ],
)
def test_bad_options_are_named(options, kind, message):
    with pytest.raises(kind, match=message):
        SpectrumTracker(**options)
